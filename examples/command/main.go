// Command is a project's own command line: all of aludel's verbs, with the project's
// files in the program and a revision that is written in Go.
//
//	DATABASE_URL=postgres://… go run . upgrade head
//	DATABASE_URL=postgres://… go run . history
//	go run . revision --go -m "Another one in Go"
//
// A container needs nothing beside the program that "go build" makes. With
// runner = ["go", "run", "./command"] under [migrations] in aludel.toml, aludel itself
// runs it.
package main

import (
	"embed"
	"os"

	"github.com/aludel-db/aludel"
	"github.com/aludel-db/aludel/cli"
)

//go:embed migrations/*.sql
var files embed.FS

func main() {
	os.Exit(cli.Main(cli.Options{
		Migrations: files, MigrationsDir: "migrations",
		Revisions: []aludel.GoRevision{tidyAddresses()},
	}))
}
