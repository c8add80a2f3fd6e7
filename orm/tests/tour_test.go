package tests

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/aludel-db/aludel/internal/pgtest"
)

var update = flag.Bool("update", false, "rewrite the golden parts of the scripts")

// Each tour begins a project with "aludel init", as a module of its own that takes
// this repository's helpers and the same versions as these tests, and comes to
// three revisions on the embedded PostgreSQL.
func TestTours(t *testing.T) {
	t.Parallel()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	drizzle := filepath.Join(root, ".cache", "drizzle") // see scripts/drizzle-npm
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/tour",
		RequireExplicitExec: true,
		UpdateScripts:       *update,
		Condition: func(condition string) (bool, error) {
			if condition != "drizzle" {
				return false, fmt.Errorf("unknown condition %s", condition)
			}
			_, err := os.Stat(filepath.Join(drizzle, "node_modules", ".bin", "drizzle-kit"))
			return err == nil, nil
		},
		Setup: func(env *testscript.Env) error {
			env.Setenv("ROOT", root)
			env.Setenv("DRIZZLE", drizzle)
			for _, name := range []string{"GOCACHE", "GOMODCACHE", "GOPROXY"} {
				out, err := exec.CommandContext(t.Context(), "go", "env", name).Output()
				if err != nil {
					return err
				}
				env.Setenv(name, string(bytes.TrimSpace(out)))
			}
			env.Setenv("GOFLAGS", "-mod=mod")
			env.Setenv("GONOSUMDB", "*") // go.sum is that of these tests, or is written from the modules at hand
			env.Setenv("ALUDEL_EMBEDDED", "true")
			env.Setenv("ALUDEL_POSTGRES_BIN", pgtest.Server(t).Installation().BinDir)
			return nil
		},
	})
}
