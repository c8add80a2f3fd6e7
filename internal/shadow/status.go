package shadow

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// State describes a server, running or not. What is not known is zero.
type State struct {
	Running bool      // it serves; not while it starts or stops
	Kept    bool      // it does not stop when its last user leaves
	PID     int       // of the postmaster
	Version string    // of the running server, such as "15.18"; else the major version of the data
	Home    string    // where the server lives: not Options.Dir if root's account cannot reach that
	DataDir string    // within Home; empty while there is none
	LogFile string    // within Home; empty while there is none
	URL     string    // of the running server's database postgres
	Since   time.Time // when the running server was started
}

// Status describes the persistent server whose Options.Dir is dir. That there
// is none is no error.
func Status(ctx context.Context, dir string) (State, error) {
	if err := supported(); err != nil {
		return State{}, err
	}
	h, err := persistentHome(dir)
	if err != nil {
		return State{}, err
	}
	return h.state(ctx)
}

func (h home) state(ctx context.Context) (State, error) {
	state := State{Home: h.dir, Kept: exists(h.path("keep"))}
	if exists(h.path("log")) {
		state.LogFile = h.path("log")
	}
	version, err := dataVersion(h.data())
	if errors.Is(err, fs.ErrNotExist) {
		return state, nil
	}
	if err != nil {
		return state, fmt.Errorf("reading the version of the data folder: %w", err)
	}
	state.DataDir, state.Version = h.data(), version
	alive, err := h.alive()
	if !alive || err != nil {
		return state, err
	}
	p, err := readPostmaster(h.data())
	if errors.Is(err, fs.ErrNotExist) || err == nil && !p.ready {
		return state, nil // starting or stopping
	}
	if err != nil {
		return state, err
	}
	exact, err := p.version(ctx)
	if err != nil {
		return state, ctx.Err() // it starts after a crash, or just stopped
	}
	state.Version, state.Running, state.PID, state.URL, state.Since = exact, true, p.pid, p.url("postgres"), p.since
	return state, nil
}

// version asks the running server for its exact version.
func (p postmaster) version(ctx context.Context) (string, error) {
	config, err := p.config()
	if err != nil {
		return "", err
	}
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return "", fmt.Errorf("connecting to the server: %w", err)
	}
	// 15.18 (Debian 15.18-0+deb12u1)
	version, _, _ := strings.Cut(conn.PgConn().ParameterStatus("server_version"), " ")
	return version, conn.Close(ctx)
}

// Stop stops the persistent server whose Options.Dir is dir, also one that is
// to be kept or that others still use. That it does not run is no error.
func Stop(ctx context.Context, dir string) (err error) {
	if err := supported(); err != nil {
		return err
	}
	h, err := persistentHome(dir)
	if err != nil {
		return err
	}
	if !exists(h.dir) {
		return nil
	}
	lock, err := h.lock(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.release()) }()
	if err := os.Remove(h.path("keep")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return h.end(ctx)
}
