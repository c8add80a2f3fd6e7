// Command aludel migrates PostgreSQL schemas; "aludel help" says how.
package main

import (
	"os"
	_ "time/tzdata" // migrations.timezone, in a container that has the binary alone

	"github.com/aludel-db/aludel/cli"
)

func main() { os.Exit(cli.Main(cli.Options{})) }
