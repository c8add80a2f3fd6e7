//go:build linux || darwin

package shadow_test

import (
	"errors"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/aludel-db/aludel/internal/shadow"
)

// needRoot skips a test of what only root can do.
func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
}

func TestUnreachableFolder(t *testing.T) {
	t.Parallel()
	needRoot(t)
	o := persistent(t)
	project := filepath.Dir(o.Dir)
	if err := os.Chmod(project, 0o700); err != nil {
		t.Fatal(err)
	}
	server := start(t, o)
	run(t, server, "CREATE TABLE kept AS SELECT 'survives' AS word")
	got := state(t, server)
	if filepath.Dir(got.Home) != "/var/lib/aludel/embedded" || filepath.Dir(got.DataDir) != got.Home {
		t.Fatalf("state: %+v", got)
	}
	t.Cleanup(func() { removeHome(t, got.Home) })
	if outside := status(t, o.Dir); outside != got {
		t.Errorf("Status says %+v, the server %+v", outside, got)
	}
	closeServer(t, server)

	// Data stays where it was made.
	if err := os.Chmod(project, 0o755); err != nil {
		t.Fatal(err)
	}
	server = start(t, o)
	if got := value(t, server, "SELECT word FROM kept"); got != "survives" {
		t.Errorf("after the folder has become reachable: %q", got)
	}
	closeServer(t, server)
}

// removeHome deletes a home in the system's folder, and the folders that were
// made for it.
func removeHome(t *testing.T, home string) {
	t.Helper()
	expectNoProcess(t, home)
	if err := os.RemoveAll(home); err != nil {
		t.Error(err)
	}
	for dir := filepath.Dir(home); dir != "/var/lib"; dir = filepath.Dir(dir) {
		_ = os.Remove(dir) // not if it has others
	}
}

func TestFolderBecomesUnreachable(t *testing.T) {
	t.Parallel()
	needRoot(t)
	o := persistent(t)
	closeServer(t, start(t, o))
	project := filepath.Dir(o.Dir)
	if err := os.Chmod(project, 0o700); err != nil {
		t.Fatal(err)
	}
	_, err := shadow.Start(t.Context(), o)
	if err == nil || !strings.Contains(err.Error(), "cannot enter "+project+" (mode 0700)") {
		t.Errorf("error: %v", err)
	}
}

func TestUnreachablePrograms(t *testing.T) {
	t.Parallel()
	needRoot(t)
	o := persistent(t)
	private := filepath.Join(folder(t), "private")
	if err := os.Mkdir(private, 0o700); err != nil {
		t.Fatal(err)
	}
	o.Installation.BinDir = private
	_, err := shadow.Start(t.Context(), o)
	if err == nil || !strings.Contains(err.Error(), "cannot enter "+private) {
		t.Errorf("error: %v", err)
	}
}

// Root runs the server of a user's project as that user.
func TestRootRunsAsOwner(t *testing.T) {
	t.Parallel()
	needRoot(t)
	o := persistent(t)
	server := start(t, o)
	run(t, server, "CREATE TABLE kept AS SELECT 'survives' AS word")
	closeServer(t, server)
	owner := lookUp(t, "nobody")
	err := filepath.WalkDir(filepath.Join(o.Dir, "data"), func(path string, _ os.DirEntry, err error) error {
		return errors.Join(err, os.Lchown(path, owner.uid, owner.gid))
	})
	if err != nil {
		t.Fatal(err)
	}
	server = start(t, o)
	if got := value(t, server, "SELECT word FROM kept"); got != "survives" {
		t.Errorf("the table has %q", got)
	}
	info, err := os.Stat(filepath.Join(state(t, server).DataDir, "postmaster.pid"))
	if err != nil {
		t.Fatal(err)
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); !ok || int(stat.Uid) != owner.uid {
		t.Errorf("the server runs as %+v, want %+v", info.Sys(), owner)
	}
}

// Ordinary users can do all that root can, and nothing with data that is not
// their own.
func TestOrdinaryUser(t *testing.T) {
	t.Parallel()
	needRoot(t)
	foreign := persistent(t)
	closeServer(t, start(t, foreign))
	for _, name := range []string{"postgres", "nobody"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := asUser(t, lookUp(t, name), folder(t))
			cmd.Args = append(cmd.Args, "-test.run=^Test(PersistentServer|KeptServer|ThrowawayServer|ConcurrentStarts|"+
				"Password|Databases|LongFolder|KilledUserOf.*|KilledServer|DeletedUnderARunningServer|ForeignData)$")
			cmd.Env = append(cmd.Env, foreignVariable+"="+foreign.Dir)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v:\n%s", err, out)
			}
		})
	}
}

// foreignVariable names a persistent server of user postgres, for TestForeignData.
const foreignVariable = "ALUDEL_SHADOW_FOREIGN"

func TestForeignData(t *testing.T) {
	t.Parallel()
	o := throwaway(t)
	o.Dir = os.Getenv(foreignVariable)
	if current, err := user.Current(); o.Dir == "" || err != nil || current.Username == "postgres" {
		t.Skip("TestOrdinaryUser runs this as another user")
	}
	_, err := shadow.Start(t.Context(), o)
	if err == nil {
		t.Error("the data of another user was used")
	}
}

type systemUser struct{ uid, gid int }

func lookUp(t *testing.T, name string) systemUser {
	t.Helper()
	found, err := user.Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	uid, err1 := strconv.Atoi(found.Uid)
	gid, err2 := strconv.Atoi(found.Gid)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	return systemUser{uid, gid}
}

// asUser is this test binary, copied to a folder where the user can execute it.
func asUser(t *testing.T, who systemUser, dir string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(dir, "tests")
	if out, err := exec.Command("cp", self, binary).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	cmd := exec.Command(binary, "-test.v")
	cmd.Dir = "/"
	cmd.Env = append(os.Environ(), "HOME=/nonexistent")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(who.uid), Gid: uint32(who.gid)}}
	return cmd
}
