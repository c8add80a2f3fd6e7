package shadow

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// bindAttempts is how often a free port is looked for: another program can
// take one between the moment it is found and the moment the server asks.
const bindAttempts = 3

// up makes the server of h serve, by whatever that takes, and returns it.
// fresh says that nobody uses it so far. The caller holds the home's lock.
func (h home) up(ctx context.Context, o Options, fresh bool) (postmaster, error) {
	if h.throwaway && fresh {
		if err := h.clear(ctx); err != nil { // a killed process left it
			return postmaster{}, err
		}
	}
	if err := h.endOrphan(ctx); err != nil {
		return postmaster{}, err
	}
	alive, err := h.alive()
	if err != nil {
		return postmaster{}, err
	}
	if alive {
		p, err := h.join(ctx, o)
		if err == nil {
			return p, nil
		}
		if !errors.Is(err, errGone) {
			return p, fmt.Errorf("joining the PostgreSQL server in %s: %w", h.dir, err)
		}
	}
	return h.start(ctx, o)
}

// join waits for a living server to serve. It returns errGone if there is none
// in the end, also where it had to be stopped because it cannot be reached.
func (h home) join(ctx context.Context, o Options) (postmaster, error) {
	p, err := h.await(ctx)
	switch {
	case errors.Is(err, errLost):
		if err := h.stop(ctx, stopFast); err != nil {
			return p, err
		}
		return p, errGone
	case err == nil && o.TCP && !p.tcp:
		return p, errors.New("it runs without TCP, and has to be stopped first")
	}
	return p, err
}

// clear ends and empties a throw-away server that nobody uses.
func (h home) clear(ctx context.Context) error {
	if err := h.stop(ctx, stopImmediate); err != nil {
		return err
	}
	return h.discardData()
}

// start starts a server that does not run.
func (h home) start(ctx context.Context, o Options) (postmaster, error) {
	if err := h.prepare(ctx, o); err != nil {
		return postmaster{}, fmt.Errorf("preparing a PostgreSQL server in %s: %w", h.dir, err)
	}
	for attempt := 1; ; attempt++ {
		port, err := o.port()
		if err != nil {
			return postmaster{}, err
		}
		if err := h.launch(ctx, o, port); err != nil {
			return postmaster{}, fmt.Errorf("starting %s/postgres: %w", o.Installation.BinDir, err)
		}
		p, err := h.await(ctx)
		if errors.Is(err, errGone) {
			log, _ := os.ReadFile(h.path("log"))
			if o.TCP && attempt < bindAttempts && strings.Contains(string(log), "could not create any TCP/IP sockets") {
				continue
			}
			err = errors.New(lastLines(string(log), 6))
		}
		if err != nil {
			return p, fmt.Errorf("starting PostgreSQL %s in %s: %w", o.Installation.Version, h.dir, err)
		}
		return p, nil
	}
}

// prepare makes everything that a server needs to start.
func (h home) prepare(ctx context.Context, o Options) error {
	if err := h.account.reaches(o.Installation.BinDir); err != nil {
		return err
	}
	if err := errors.Join(makeFolders(h.run, 0o700), h.account.adopt(h.run)); err != nil {
		return err
	}
	switch version, err := dataVersion(h.data()); {
	case errors.Is(err, fs.ErrNotExist) && !exists(h.data()):
		if err := h.makeData(ctx, o); err != nil {
			return err
		}
	case err != nil:
		return fmt.Errorf("reading the version of the data folder: %w", err)
	case version != strconv.Itoa(o.Installation.Major):
		return fmt.Errorf("the data folder was made by PostgreSQL %s and cannot be used by %s", version, o.Installation.Version)
	}
	return h.dropStale()
}

// dataVersion is the major version that made a data folder.
func dataVersion(data string) (string, error) {
	text, err := os.ReadFile(filepath.Join(data, "PG_VERSION"))
	return strings.TrimSpace(string(text)), err
}

// dropStale deletes the lock files of a crashed server whose number now belongs
// to another process, as after a container's restart, or to its own remains
// that nobody waits for. PostgreSQL deals with other stale ones, but takes any
// process of its user for a server.
func (h home) dropStale() error {
	paths, err := h.socketLocks()
	if err != nil {
		return err
	}
	for _, path := range append(paths, filepath.Join(h.data(), "postmaster.pid")) {
		p, err := readLockFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		command, err := processCommand(p.pid)
		program, _, _ := strings.Cut(command, " ")
		// A PostgreSQL that is not ours may use the data folder all the same.
		if err != nil || strings.HasPrefix(filepath.Base(program), "postgres") {
			continue
		}
		if err := os.Remove(path); err != nil {
			return err
		}
	}
	return nil
}

// port is where the server listens, a free one if that is on TCP.
func (o Options) port() (int, error) {
	if !o.TCP {
		return socketPort, nil
	}
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("looking for a free port: %w", err)
	}
	address, err := net.ResolveTCPAddr("tcp4", listener.Addr().String())
	return address.Port, errors.Join(err, listener.Close())
}

// launch executes the server. There is no pg_ctl between, which looks only
// every 100 ms whether the server is up.
func (h home) launch(ctx context.Context, o Options, port int) error {
	hold, err := lockFile(ctx, h.path("server"), true)
	if err != nil {
		return err
	}
	// Closed, not released: the lock lives on in the server, which inherits
	// the open file.
	defer func() { _ = hold.file.Close() }()
	if err := os.Rename(h.path("log"), h.path("log.old")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	log, err := os.OpenFile(h.path("log"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }() // the server has its own
	cmd := exec.Command(filepath.Join(o.Installation.BinDir, "postgres"), o.settings(h, port)...)
	cmd.Dir = "/"
	cmd.Env = environment(o.Installation.BinDir)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.ExtraFiles = []*os.File{hold.file}
	h.account.detach(cmd)
	if err := cmd.Start(); err != nil {
		return err
	}
	// How it ends is in its log; without the wait it would stay a zombie.
	go func() { _ = cmd.Wait() }()
	return nil
}
