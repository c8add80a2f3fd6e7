//go:build linux || darwin

package shadow_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aludel-db/aludel/internal/shadow"
)

func TestKilledUserOfPersistentServer(t *testing.T) {
	t.Parallel()
	o := persistent(t)
	h := startHelper(t, o)
	before := h.state(t)
	h.kill(t)
	if !status(t, o.Dir).Running {
		t.Error("the server died with its user")
	}
	server := start(t, o)
	if got := state(t, server).PID; got != before.PID {
		t.Errorf("process %d was joined, want %d", got, before.PID)
	}
	closeServer(t, server)
	if status(t, o.Dir).Running {
		t.Error("the killed user still counts")
	}
}

func TestKilledUserOfThrowawayServer(t *testing.T) {
	t.Parallel()
	o := throwaway(t)
	h := startHelper(t, o)
	before := h.state(t)
	h.kill(t)

	// One of the same name does not see what the killed one did.
	h = startHelper(t, o)
	after := h.state(t)
	if after.PID == before.PID {
		t.Error("the server of a killed user is used again")
	}
	h.kill(t)

	// One of another name sweeps.
	o.Name += " of another name"
	start(t, o)
	if _, err := os.Stat(after.Home); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s is left: %v", after.Home, err)
	}
	expectNoProcess(t, after.Home)
}

func TestSweepSparesServersInUse(t *testing.T) {
	t.Parallel()
	o := throwaway(t)
	h := startHelper(t, o)
	before := h.state(t)
	o.Name += " of another name"
	closeServer(t, start(t, o))
	o.Name = t.Name()
	if got := state(t, start(t, o)); got.PID != before.PID {
		t.Errorf("process %d, want %d", got.PID, before.PID)
	}
	h.leave(t)
}

// Whatever moment of its first start a process is killed at, in initdb, in the
// copy, in the start of the server, the next one succeeds.
func TestKilledWhileStarting(t *testing.T) {
	t.Parallel()
	whole := 900 * time.Millisecond // with initdb
	for delay := time.Millisecond; delay < whole; delay += delay/2 + 10*time.Millisecond {
		t.Run(fmt.Sprint("first start killed after ", delay), func(t *testing.T) {
			t.Parallel()
			o := persistent(t)
			o.MemDir = filepath.Join(o.TempDir, "none") // a template of its own
			killAfter(t, o, delay)
			if got := value(t, start(t, o), "SHOW fsync"); got != "on" {
				t.Errorf("fsync: %q", got)
			}
		})
	}
}

// One home sees a kill after another, at the moments of the copy, the start and
// the joining.
func TestKilledOverAndOver(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]shadow.Options{"persistent": persistent(t), "throwaway": throwaway(t)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for delay := time.Millisecond; delay < 120*time.Millisecond; delay += 8 * time.Millisecond {
				killAfter(t, o, delay)
				server := start(t, o)
				run(t, server, "SELECT 1")
				if delay%(16*time.Millisecond) == time.Millisecond { // the others join or take over
					closeServer(t, server)
					discard(t, o)
				}
				closeServer(t, server)
			}
		})
	}
}

// discard deletes the data folder of a persistent server that does not run.
func discard(t *testing.T, o shadow.Options) {
	t.Helper()
	if o.Dir == "" {
		return
	}
	if err := os.RemoveAll(filepath.Join(o.Dir, "data")); err != nil {
		t.Fatal(err)
	}
}

// killAfter starts a process that starts o, and kills it after a while.
func killAfter(t *testing.T, o shadow.Options, delay time.Duration) {
	t.Helper()
	h := startHelper(t, o)
	<-time.After(delay)
	h.kill(t)
}

func TestKilledServer(t *testing.T) {
	t.Parallel()
	o := persistent(t)
	first := start(t, o)
	run(t, first, "CREATE TABLE t AS SELECT 'survives' AS word")
	run(t, first, "CHECKPOINT") // the last moments before a crash may be lost
	pid := state(t, first).PID
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	second := start(t, o)
	if got := state(t, second).PID; got == pid {
		t.Errorf("the killed process %d is said to live", got)
	}
	if got := value(t, first, "SELECT word FROM t"); got != "survives" {
		t.Errorf("by the first user's settings: %q", got)
	}
}

// After the restart of a container a crashed server's number is often that of
// another process.
func TestNumberOfKilledServerTakenByOther(t *testing.T) {
	t.Parallel()
	o := persistent(t)
	h := startHelper(t, o)
	crashed := h.state(t)
	h.kill(t)
	pidFile := filepath.Join(crashed.DataDir, "postmaster.pid")
	text, err := os.ReadFile(pidFile)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(crashed.PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	other := startHelper(t, throwaway(t)) // runs as this user, as the server may
	_, rest, _ := strings.Cut(string(text), "\n")
	text = fmt.Appendf(nil, "%d\n%s", other.cmd.Process.Pid, rest)
	if err := os.WriteFile(pidFile, text, 0o600); err != nil {
		t.Fatal(err)
	}
	state(t, start(t, o))
	other.state(t)
	other.leave(t)
}

func TestDeletedUnderARunningServer(t *testing.T) {
	t.Parallel()
	for _, what := range []string{"", "data"} {
		t.Run("home/"+what, func(t *testing.T) {
			t.Parallel()
			o := persistent(t)
			before := state(t, start(t, o)).PID
			if err := os.RemoveAll(filepath.Join(o.Dir, what)); err != nil {
				t.Fatal(err)
			}
			if got := state(t, start(t, o)).PID; got == before {
				t.Error("the server without data is used again")
			}
		})
	}
}

func TestMovedUnderARunningServer(t *testing.T) {
	t.Parallel()
	o := persistent(t)
	server := start(t, o)
	before := state(t, server).PID
	moved := o
	moved.Dir += "-moved"
	if err := os.Rename(o.Dir, moved.Dir); err != nil {
		t.Fatal(err)
	}
	if got := state(t, start(t, moved)).PID; got != before {
		t.Errorf("process %d, want %d to be joined", got, before)
	}
	if err := shadow.Stop(t.Context(), moved.Dir); err != nil {
		t.Fatal(err)
	}
	expectNoProcess(t, o.Dir)
}

func TestLostSocket(t *testing.T) {
	t.Parallel()
	o := persistent(t)
	server := start(t, o)
	before := state(t, server).PID
	if err := os.RemoveAll(server.Config("").Host); err != nil {
		t.Fatal(err)
	}
	if got := state(t, start(t, o)).PID; got == before {
		t.Error("a server without a socket is said to serve")
	}
}
