// Package examples_test builds the programs in this folder and runs them as their
// users do.
package examples_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/fstest"

	"github.com/jackc/pgx/v5"

	"github.com/aludel-db/aludel"
	"github.com/aludel-db/aludel/internal/pgtest"
)

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	defer func() { _ = os.RemoveAll(filepath.Dir(os.Args[0]) + "/programs") }()
	return pgtest.Run(m)
}

// programs builds all of them at once, beside the test's own program.
var programs = sync.OnceValues(func() (string, error) {
	dir := filepath.Dir(os.Args[0]) + "/programs/"
	out, err := exec.Command("go", "build", "-o", dir, "./service", "./command", "./databasesql", "./tenants").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return dir, nil
})

// program is one of them, to be run on a database in an empty folder.
func program(t *testing.T, db *pgtest.DB, name string, args ...string) *exec.Cmd {
	t.Helper()
	dir, err := programs()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), dir+name, args...)
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(), "DATABASE_URL="+db.URL())
	return cmd
}

// output runs a program and answers what it printed, without the times.
func output(t *testing.T, cmd *exec.Cmd) (text string, status int) {
	t.Helper()
	out, err := cmd.CombinedOutput()
	if _, ended := err.(*exec.ExitError); err != nil && !ended { //nolint:errorlint // exec's own
		t.Fatal(err)
	}
	return regexp.MustCompile(` in [0-9.]+m?s`).ReplaceAllString(string(out), ""), cmd.ProcessState.ExitCode()
}

// want compares what a program printed.
func want(t *testing.T, cmd *exec.Cmd, status int, text string) {
	t.Helper()
	got, code := output(t, cmd)
	if got != text || code != status {
		t.Errorf("%s: exit status %d\n%s-- want %d --\n%s", strings.Join(cmd.Args[1:], " "), code, got, status, text)
	}
}

func TestCommand(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	want(t, program(t, db, "command", "upgrade", "5b0e"), 0, `Running upgrade  -> 27c6f3e1a0b4, Create users ... done
Running upgrade 27c6f3e1a0b4 -> 5b0e9d2f7a31, One user for each address ... done
`)
	db.Exec(t, "INSERT INTO users (email) VALUES ('Ann <ann@example.com>'), ('bob@example.com')")
	got, status := output(t, program(t, db, "command", "upgrade", "head"))
	if !strings.Contains(got, "Running upgrade 5b0e9d2f7a31 -> c81fa90d3b57, Tidy addresses") || status != 0 {
		t.Errorf("%d\n%s", status, got)
	}
	if got := fmt.Sprint(db.Query(t, "SELECT email FROM users ORDER BY id")); got != "[[ann@example.com] [bob@example.com]]" {
		t.Error(got)
	}
	want(t, program(t, db, "command", "current"), 0, "c81fa90d3b57 (head)\n")
	got, status = output(t, program(t, db, "command", "downgrade", "-1"))
	if !strings.Contains(got, "the names in front of the addresses are gone") || status != 1 {
		t.Errorf("%d\n%s", status, got)
	}
}

func TestDatabaseSQL(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	want(t, program(t, db, "databasesql", "ann@example.com", "bob@example.com"), 0, `applied 27c6f3e1a0b4 Create users
applied 5b0e9d2f7a31 One user for each address
2 users
`)
	want(t, program(t, db, "databasesql", "ann@example.com", "cy@example.com"), 0, "3 users\n")
}

func TestTenants(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(t, "CREATE SCHEMA globex CREATE TABLE users (n int)") // in the way of one of them
	tenants := []string{"acme", "globex", "initech", "umbrella", "hooli", "stark"}
	got, status := output(t, program(t, db, "tenants", tenants...))
	if status != 1 || !strings.Contains(got, `globex: 20260901090000_27c6f3e1a0b4_create_users.sql:8:1: relation "users" already exists`) ||
		strings.Count(got, ": 2 steps, at 5b0e9d2f7a31\n") != 5 {
		t.Errorf("%d\n%s", status, got)
	}
	db.Exec(t, "DROP TABLE globex.users")
	want(t, program(t, db, "tenants", tenants...), 0, `acme: 0 steps, at 5b0e9d2f7a31
globex: 2 steps, at 5b0e9d2f7a31
initech: 0 steps, at 5b0e9d2f7a31
umbrella: 0 steps, at 5b0e9d2f7a31
hooli: 0 steps, at 5b0e9d2f7a31
stark: 0 steps, at 5b0e9d2f7a31
`)
}

// A service that runs.
type service struct {
	cmd     *exec.Cmd
	address string
	stdout  *bufio.Reader
	stderr  *bytes.Buffer
}

// start starts the service, which migrates first.
func start(t *testing.T, db *pgtest.DB) *service {
	t.Helper()
	s := &service{cmd: program(t, db, "service", "-migrate", "-listen", "localhost:0"), stderr: &bytes.Buffer{}}
	s.cmd.Stderr = s.stderr
	pipe, err := s.cmd.StdoutPipe()
	if err == nil {
		err = s.cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	s.stdout = bufio.NewReader(pipe)
	return s
}

// wait waits until it serves.
func (s *service) wait(t *testing.T) {
	t.Helper()
	for {
		line, err := s.stdout.ReadString('\n')
		if err != nil {
			t.Fatalf("%s%v %s", line, err, s.stderr)
		}
		if _, address, ok := strings.Cut(line, "msg=serving address="); ok {
			s.address = strings.TrimSpace(address)
			return
		}
	}
}

// get answers the status and the text of a page.
func (s *service) get(t *testing.T, path string) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+s.address+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close() //nolint:errcheck // read whole
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(response.StatusCode, " ", string(text))
}

// stop ends it as an orchestrator does.
func (s *service) stop(t *testing.T) {
	t.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	rest, _ := io.ReadAll(s.stdout)
	if err := s.cmd.Wait(); err != nil || !strings.Contains(string(rest), "shutting down") {
		t.Errorf("%v: %s%s", err, rest, s.stderr)
	}
}

// TestService: it refuses a database that is behind, three that start at once bring
// it up to date, and all notice when a newer version has migrated further.
func TestService(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	refused := func(reason string) {
		t.Helper()
		if got, status := output(t, program(t, db, "service")); status != 1 || !strings.Contains(got, `reason="not starting: `+reason) {
			t.Errorf("%d\n%s", status, got)
		}
	}
	refused("the database is behind by 2 revisions, the next is 27c6f3e1a0b4")
	var replicas []*service
	for range 3 {
		replicas = append(replicas, start(t, db))
	}
	for _, s := range replicas {
		s.wait(t)
		if got := s.get(t, "/readyz") + s.get(t, "/users"); got != "200 ready\n200 0 users\n" {
			t.Error(got)
		}
	}
	upgradeFurther(t, db)
	for _, s := range replicas {
		if got := s.get(t, "/readyz"); got != "503 the database is ahead: a newer version of the service has migrated it to [c81fa90d3b57]\n" {
			t.Error(got)
		}
		s.stop(t)
	}
	refused("the database is ahead: a newer version of the service has migrated it to [c81fa90d3b57]")
}

// upgradeFurther is the newer version of the service.
func upgradeFurther(t *testing.T, db *pgtest.DB) {
	t.Helper()
	m, err := aludel.New(os.DirFS("service/migrations"), aludel.Options{More: []aludel.Folder{{FS: fstest.MapFS{"new.sql": {Data: []byte(
		"-- Add the name\n--\n-- revision: c81fa90d3b57\n-- down_revision: 5b0e9d2f7a31\n\n-- migrate:up\nALTER TABLE users ADD COLUMN name text;\n")}}}}})
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	conn, err := pgx.ConnectConfig(ctx, db.Config())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx) //nolint:errcheck // a test
	if _, err := m.Upgrade(ctx, conn, aludel.UpgradeOptions{}); err != nil {
		t.Fatal(err)
	}
}
