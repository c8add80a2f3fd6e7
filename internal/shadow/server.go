package shadow

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// leavePatience bounds the clean-up after a Start that failed, whose own
// context may have ended.
const leavePatience = 15 * time.Second

// Server is this process's hold on a running server. It is safe for concurrent
// use.
type Server struct {
	home       home
	postmaster postmaster
	version    Installation
	password   string
	config     *pgx.ConnConfig

	mu    sync.Mutex
	users *fileLock // nil once closed
}

// Start starts the server that o describes, or joins it if it runs already,
// and returns when it serves. Each Server must be closed. The context only
// bounds the start.
//
// The start of a throw-away server deletes those of the same user that nobody
// uses any more because their users were killed.
func Start(ctx context.Context, o Options) (*Server, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	h, err := findHome(o)
	if err != nil {
		return nil, err
	}
	if h.throwaway {
		h.sweepOthers(ctx)
	}
	lock, err := h.lock(ctx)
	if err != nil {
		return nil, err
	}
	s, err := h.enter(ctx, o)
	return s, errors.Join(err, lock.release())
}

// enter counts this process in and makes the server serve. The caller holds
// the home's lock.
func (h home) enter(ctx context.Context, o Options) (*Server, error) {
	users, err := tryLockFile(h.path("users"), true)
	if err != nil {
		return nil, err
	}
	fresh := users != nil // nobody holds it, and under the lock nobody can come
	if fresh {
		_, err = users.become(false)
	} else {
		users, err = lockFile(ctx, h.path("users"), false)
	}
	if err != nil {
		return nil, err
	}
	s := &Server{home: h, version: o.Installation, password: o.Password, users: users}
	s.postmaster, err = h.up(ctx, o, fresh)
	if err == nil {
		s.config, err = s.postmaster.config()
	}
	if err == nil && o.Password != "" {
		err = s.setPassword(ctx)
	}
	if err != nil {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), leavePatience)
		defer cancel()
		return nil, errors.Join(err, s.leave(ctx, nil, nil))
	}
	return s, nil
}

// Close leaves the server. The last one to leave stops it, unless it is to be
// kept, and deletes it if it is a throw-away server. If ctx ends before, this
// process has left nevertheless, and a later Start does the rest. Closing
// twice is no error.
func (s *Server) Close(ctx context.Context) error { return s.CloseSaving(ctx, nil, nil) }

// A Saving is an image to be written of a throw-away server that goes.
type Saving struct {
	Path string
	Note []byte // for whoever looks at the image
	// Settle does what is to be done in front of it, in the database postgres, and
	// tells whether there is to be an image after all.
	Settle func(context.Context, *pgx.Conn) (bool, error)
}

// CloseSaving is Close, and drops databases where others go on using the server: with a
// throw-away one they go anyway, and faster. Where nobody else does it writes an image, if
// saving is not nil and it can be written.
func (s *Server) CloseSaving(ctx context.Context, databases []string, saving *Saving) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.users == nil {
		return nil
	}
	lock, err := s.home.lock(ctx)
	if err != nil {
		err = errors.Join(err, s.users.release())
		s.users = nil
		return err
	}
	return errors.Join(s.leave(ctx, databases, saving), lock.release())
}

// leave counts this process out, and ends the server if it was the last user.
// The caller holds the home's lock.
func (s *Server) leave(ctx context.Context, databases []string, saving *Saving) error {
	last, err := s.users.become(true)
	if err == nil && last && !exists(s.home.path("keep")) {
		if saving != nil && s.home.throwaway {
			_ = s.save(ctx, saving) // what can't be written is made again the next time
		}
		err = s.home.end(ctx)
	} else {
		for _, name := range databases {
			err = errors.Join(err, s.DropDatabase(ctx, name))
		}
	}
	err = errors.Join(err, s.users.release())
	s.users = nil
	return err
}

// save shuts the server down and writes the image.
func (s *Server) save(ctx context.Context, saving *Saving) error {
	fit := false
	err := s.admin(ctx, "making ready for an image", func(conn *pgx.Conn) (err error) {
		fit, err = saving.Settle(ctx, conn)
		return err
	})
	if err != nil || !fit {
		return err
	}
	if err := s.home.stop(ctx, stopFast); err != nil {
		return err
	}
	return writeImage(saving.Path, s.home.data(), saving.Note)
}

// end stops a server that nobody uses and deletes what must not stay.
func (h home) end(ctx context.Context) error {
	if h.throwaway {
		if err := h.stop(ctx, stopImmediate); err != nil {
			return err
		}
		return h.remove()
	}
	p, err := readPostmaster(h.data())
	if err := h.stop(ctx, stopFast); err != nil {
		return err
	}
	if err == nil && p.run != "" {
		// Empty now; if something else is in it, it is not ours to delete.
		_ = os.Remove(p.run)
	}
	return nil
}

// Keep lets a persistent server run on after its last user has left, until it
// is stopped with [Stop].
func (s *Server) Keep() error {
	if s.home.throwaway {
		return errors.New("a throw-away server cannot be kept")
	}
	file, err := os.OpenFile(s.home.path("keep"), os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("marking the server to be kept: %w", err)
	}
	return file.Close()
}

// Installation is what the server was asked to run. A persistent server that
// was joined may have been started from another one of the same major version.
func (s *Server) Installation() Installation { return s.version }

// State describes the server as it is now.
func (s *Server) State(ctx context.Context) (State, error) {
	return s.home.state(ctx)
}

// sweepOthers deletes the throw-away servers beside h that nobody uses. It
// does what it can: what is in somebody's hands now is left for the next time,
// and a folder that cannot be deleted must not keep this server from starting.
func (h home) sweepOthers(ctx context.Context) {
	dirs, _ := filepath.Glob(filepath.Join(globQuote(filepath.Dir(h.dir)), throwawayPrefix+"*"))
	for _, dir := range dirs {
		if dir != h.dir {
			_ = throwawayAt(dir, h.account).sweep(ctx)
		}
	}
}

// sweep deletes a throw-away server if nobody uses it.
func (h home) sweep(ctx context.Context) (err error) {
	lock, err := tryLockFile(h.path("lock"), true)
	if lock == nil || err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.release()) }()
	users, err := tryLockFile(h.path("users"), true)
	if users == nil || err != nil {
		return err
	}
	return errors.Join(h.end(ctx), users.release())
}
