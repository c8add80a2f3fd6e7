// Command aludel migrates PostgreSQL schemas; "aludel help" says how.
package main

import (
	"os"

	"github.com/aludel-db/aludel/cli"
)

func main() { os.Exit(cli.Main(cli.Options{})) }
