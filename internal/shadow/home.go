package shadow

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

const (
	// systemHomes has the homes of servers that root starts for projects which
	// the account that it drops to cannot reach.
	systemHomes = "/var/lib/aludel/embedded"

	// socketLimit is the longest socket path in bytes that works everywhere:
	// macOS has room for 103, Linux for 107.
	socketLimit = 100

	// roomNeeded is what must be free in memory before servers are put there.
	// Containers often give /dev/shm 64 MB; an empty server needs 40 MB.
	roomNeeded = 1 << 30

	throwawayPrefix = "server-" // begins the name of the home of a throw-away server
)

// home is where one server lives.
type home struct {
	dir       string // holds the locks, the log and the data folder
	run       string // the private folder of the socket
	account   account
	throwaway bool
}

func (h home) data() string            { return filepath.Join(h.dir, "data") }
func (h home) path(name string) string { return filepath.Join(h.dir, name) }

// findHome decides where the server that o describes lives. It makes folders
// in the temporary ones, but not the home.
func findHome(o Options) (home, error) {
	if o.Dir == "" {
		return throwawayHome(o)
	}
	h, err := persistentHome(o.Dir)
	if err != nil {
		return home{}, err
	}
	base, err := h.account.base(socketRoom("run-"+digest()), o.tempDir(), "/tmp")
	if err != nil {
		return home{}, fmt.Errorf("finding a place for the server's socket: %w", err)
	}
	h.run = filepath.Join(base, "run-"+digest(h.dir))
	return h, nil
}

// throwawayHome is in memory where there is room. Servers that are asked for
// alike are one, so everything that makes a difference is in its name.
func throwawayHome(o Options) (home, error) {
	a, err := defaultAccount()
	if err != nil {
		return home{}, err
	}
	traits := []string{o.Name, o.Installation.BinDir, o.Installation.Version, strconv.FormatBool(o.TCP)}
	for _, name := range slices.Sorted(maps.Keys(o.Settings)) {
		traits = append(traits, name+"="+o.Settings[name])
	}
	name := throwawayPrefix + digest(traits...)
	base, err := a.base(socketRoom(name+"/run"), o.memDir(), o.tempDir(), "/tmp")
	if err != nil {
		return home{}, fmt.Errorf("finding a place for a throw-away server: %w", err)
	}
	return throwawayAt(filepath.Join(base, name), a), nil
}

func throwawayAt(dir string, a account) home {
	return home{dir: dir, run: filepath.Join(dir, "run"), account: a, throwaway: true}
}

// persistentHome is dir, without its socket folder; or one of the system's own
// folders where root drops to an account that cannot reach dir. Data stays
// where it was made, however the folders around it change afterwards.
func persistentHome(dir string) (home, error) {
	dir, err := realPath(dir)
	if err != nil {
		return home{}, fmt.Errorf("resolving %s: %w", dir, err)
	}
	moved := filepath.Join(systemHomes, digest(dir))
	if os.Geteuid() == 0 && !exists(filepath.Join(dir, "data")) && exists(filepath.Join(moved, "data")) {
		dir = moved
	}
	a, err := accountFor(filepath.Join(dir, "data"))
	if err != nil {
		return home{}, err
	}
	if err := a.reaches(dir); err != nil {
		if exists(filepath.Join(dir, "data")) {
			return home{}, err
		}
		dir = moved
	}
	return home{dir: dir, account: a}, nil
}

// base returns Aludel's own folder for the current user in the first of the
// parents that is fit for it: the account can enter, and a path that is need
// bytes longer is short enough for a socket (0 = there will be none).
func (a account) base(need int, parents ...string) (string, error) {
	var unfit []error
	for _, parent := range parents {
		if parent == "" {
			continue
		}
		dir := filepath.Join(parent, "aludel-"+strconv.Itoa(os.Geteuid()))
		err := a.reaches(parent)
		if err == nil && need > 0 && len(dir)+need > socketLimit {
			err = fmt.Errorf("%s is too long a path for a socket", parent)
		}
		if err == nil {
			err = makeFolders(parent, a.passage())
		}
		if err == nil {
			err = makePrivate(dir, a.passage())
		}
		if err == nil {
			return dir, nil
		}
		unfit = append(unfit, err)
	}
	return "", errors.Join(unfit...)
}

// socketRoom is the length of what follows a base in the path of a socket that
// is in the folder run.
func socketRoom(run string) int {
	return len("/" + run + "/.s.PGSQL.65535")
}

// lock takes the lock under which a server is started, joined, left and
// stopped. It makes the home, again if its last user deletes it meanwhile.
func (h home) lock(ctx context.Context) (*fileLock, error) {
	for {
		if err := makeFolders(h.dir, h.account.passage()); err != nil {
			return nil, fmt.Errorf("making the server's folder: %w", err)
		}
		lock, err := lockFile(ctx, h.path("lock"), true)
		if !errors.Is(err, fs.ErrNotExist) {
			return lock, err
		}
	}
}

// alive reports whether any process of the server lives. The kernel answers,
// so it holds for servers in other containers too, and no process that happens
// to have the number of a dead one is taken for it.
func (h home) alive() (bool, error) {
	return locked(h.path("server"))
}

// remove deletes the home of a throw-away server that has stopped. The data
// folder leaves its place first: half of it must not be taken for a whole.
func (h home) remove() error {
	if err := h.discardData(); err != nil {
		return err
	}
	return os.RemoveAll(h.dir)
}

// discardData deletes the data folder, and what is left of earlier ones.
func (h home) discardData() error {
	if err := h.tidy(); err != nil {
		return err
	}
	if err := os.Rename(h.data(), h.path("data.old")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return h.tidy()
}

// tidy deletes what a process left that was killed while it made or deleted a
// data folder.
func (h home) tidy() error {
	return errors.Join(os.RemoveAll(h.path("data.new")), os.RemoveAll(h.path("data.old")))
}

// digest is a short name for values that may be long, 12 characters.
func digest(values ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(values, "\x00")))
	return hex.EncodeToString(sum[:6])
}

// realPath is path absolute and with the symbolic links of its existing part
// resolved, so that a project has one home by whatever name it is reached.
func realPath(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return path, err
	}
	rest := ""
	for dir := path; ; dir = filepath.Dir(dir) {
		real, err := filepath.EvalSymlinks(dir)
		if err == nil {
			return filepath.Join(real, rest), nil
		}
		if !errors.Is(err, fs.ErrNotExist) || dir == filepath.Dir(dir) {
			return path, err
		}
		rest = filepath.Join(filepath.Base(dir), rest)
	}
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
