//go:build linux || darwin

package shadow_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/aludel-db/aludel/internal/shadow"
)

// Variables by which the test binary gives work to itself.
const (
	helperVariable = "ALUDEL_SHADOW_HELPER" // options of a server to hold, as JSON
	memoryVariable = "ALUDEL_SHADOW_MEMORY" // what the tests take for /dev/shm
)

func TestMain(m *testing.M) {
	if text := os.Getenv(helperVariable); text != "" {
		if err := hold(text); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(runWithMemory(m))
}

// runWithMemory runs the tests with a folder of their own in memory, so that
// they share one template and meet nobody else's servers.
func runWithMemory(m *testing.M) int {
	parent := "/dev/shm"
	if _, err := os.Stat(parent); err != nil {
		parent = "/tmp"
	}
	dir, err := os.MkdirTemp(parent, "aludel-test-")
	if err == nil {
		err = errors.Join(os.Chmod(dir, 0o755), os.Setenv(memoryVariable, dir))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	code := m.Run()
	left, _ := filepath.Glob(filepath.Join(dir, "aludel-*", "server-*"))
	if err := os.RemoveAll(dir); err != nil || len(left) > 0 {
		fmt.Fprintln(os.Stderr, "left behind:", left, err)
		return 1
	}
	return code
}

// hold is what a helper process does: it starts or joins a server, writes its
// state to the standard output, and leaves at the end of its standard input.
func hold(text string) error {
	var o shadow.Options
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		return err
	}
	ctx := context.Background()
	server, err := shadow.Start(ctx, o)
	if err != nil {
		return err
	}
	state, err := server.State(ctx)
	if err != nil {
		return err
	}
	if err := json.NewEncoder(os.Stdout).Encode(state); err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		return err
	}
	return server.Close(ctx)
}

// helper is a process that holds a server.
type helper struct {
	cmd    *exec.Cmd
	input  io.WriteCloser
	output io.Reader
}

// startHelper starts the test binary as a process that holds the server o.
func startHelper(t *testing.T, o shadow.Options, environment ...string) *helper {
	t.Helper()
	text, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	h := &helper{cmd: exec.Command(self)}
	h.cmd.Env = append(append(os.Environ(), environment...), helperVariable+"="+string(text))
	h.cmd.Stderr = os.Stderr
	if h.input, err = h.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if h.output, err = h.cmd.StdoutPipe(); err != nil {
		t.Fatal(err)
	}
	if err := h.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.cmd.Process.Kill(); _ = h.cmd.Wait() })
	return h
}

// state waits until the helper holds its server.
func (h *helper) state(t *testing.T) shadow.State {
	t.Helper()
	line, err := bufio.NewReader(h.output).ReadBytes('\n')
	if err != nil {
		t.Fatalf("the helper started no server: %v", err)
	}
	var state shadow.State
	if err := json.Unmarshal(line, &state); err != nil {
		t.Fatal(err)
	}
	return state
}

// kill ends the helper as kill -9 does.
func (h *helper) kill(t *testing.T) {
	t.Helper()
	if err := h.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = h.cmd.Wait() // "signal: killed"
}

// leave lets the helper close its server.
func (h *helper) leave(t *testing.T) {
	t.Helper()
	if err := errors.Join(h.input.Close(), h.cmd.Wait()); err != nil {
		t.Errorf("the helper: %v", err)
	}
}

// installation is the PostgreSQL that the tests run.
func installation(t *testing.T) shadow.Installation {
	t.Helper()
	found, err := shadow.Find(shadow.Search{
		BinDir: os.Getenv("ALUDEL_TEST_POSTGRES_BIN"),
		Path:   os.Getenv("PATH"),
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// folder is a temporary folder in memory that any user can enter: disks are
// slow to make and delete the thousand files of each data folder. No process
// that was started for it may be left at the end of the test.
func folder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp(os.Getenv(memoryVariable), "") //nolint:usetesting // t.TempDir is on disk
	if err == nil {
		err = os.Chmod(dir, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		expectNoProcess(t, dir)
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// expectNoProcess fails the test if a process has text in its command line.
func expectNoProcess(t *testing.T, text string) {
	t.Helper()
	found, err := exec.Command("pgrep", "-f", text).Output()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if len(found) > 0 {
		t.Errorf("processes of %s are left: %s", text, strings.Fields(string(found)))
	}
}

// persistent are the options of a persistent server in a folder of the test.
func persistent(t *testing.T) shadow.Options {
	t.Helper()
	o := throwaway(t)
	o.Dir = filepath.Join(folder(t), "postgres")
	return o
}

// throwaway are the options of a throw-away server of the test's own.
func throwaway(t *testing.T) shadow.Options {
	t.Helper()
	return shadow.Options{
		Installation: installation(t),
		Name:         t.Name(),
		TempDir:      folder(t),
		MemDir:       os.Getenv(memoryVariable),
	}
}

// start starts a server that is closed at the end of the test, if it was not
// before.
func start(t *testing.T, o shadow.Options) *shadow.Server {
	t.Helper()
	server, err := shadow.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeServer(t, server) })
	return server
}

func closeServer(t *testing.T, server *shadow.Server) {
	t.Helper()
	if err := server.Close(context.WithoutCancel(t.Context())); err != nil {
		t.Errorf("closing the server: %v", err)
	}
}

// state is what the server says of itself.
func state(t *testing.T, server *shadow.Server) shadow.State {
	t.Helper()
	state, err := server.State(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !state.Running {
		t.Fatalf("the server does not run: %+v", state)
	}
	return state
}

// status is what [shadow.Status] says of dir.
func status(t *testing.T, dir string) shadow.State {
	t.Helper()
	state, err := shadow.Status(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	return state
}

// run executes statements in the database postgres.
func run(t *testing.T, server *shadow.Server, sql string) {
	t.Helper()
	conn := connect(t, server.Config("postgres"))
	_, err := conn.Exec(t.Context(), sql)
	if err := errors.Join(err, conn.Close(t.Context())); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// value is what a query in the database postgres returns.
func value(t *testing.T, server *shadow.Server, sql string) string {
	t.Helper()
	var text string
	conn := connect(t, server.Config("postgres"))
	err := conn.QueryRow(t.Context(), sql).Scan(&text)
	if err := errors.Join(err, conn.Close(t.Context())); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return text
}

func connect(t *testing.T, config *pgx.ConnConfig) *pgx.Conn {
	t.Helper()
	conn, err := pgx.ConnectConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	return conn
}
