package shadow

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// postmaster is what a server writes about itself into postmaster.pid.
type postmaster struct {
	pid   int
	data  string // the data folder by the name it was started with
	since time.Time
	port  int
	run   string // the folder of the socket
	tcp   bool
	ready bool
}

// readPostmaster reads the file postmaster.pid of a data folder. What is not
// written yet is zero; the server writes it line by line as it starts.
func readPostmaster(data string) (postmaster, error) {
	return readLockFile(filepath.Join(data, "postmaster.pid"))
}

// readLockFile reads postmaster.pid, or the lock file beside a socket, which
// has the same first five lines.
func readLockFile(path string) (postmaster, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return postmaster{}, err
	}
	lines := strings.Split(string(text), "\n")
	lines = append(lines, make([]string, 8)...)
	number := func(line int) int {
		n, _ := strconv.Atoi(strings.TrimSpace(lines[line])) // 0 if it isn't written yet
		return n
	}
	status := strings.TrimSpace(lines[7])
	return postmaster{
		pid:   number(0),
		data:  lines[1],
		since: time.Unix(int64(number(2)), 0),
		port:  number(3),
		run:   lines[4],
		tcp:   lines[5] != "",
		ready: status == "ready" || status == "standby",
	}, nil
}

// lives reports whether the process of that number is this server, and not
// another that got the number of a dead one.
func (p postmaster) lives() bool {
	if p.pid <= 0 || p.data == "" {
		return false
	}
	command, err := processCommand(p.pid)
	return err == nil && strings.Contains(command+" ", " -D "+p.data+" ")
}

// socket is the path of the server's socket.
func (p postmaster) socket() string {
	return filepath.Join(p.run, ".s.PGSQL."+strconv.Itoa(p.port))
}

// ping connects, as the one proof that a server serves.
func (p postmaster) ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	config, err := p.config()
	if err != nil {
		return err
	}
	conn, err := pgx.ConnectConfig(ctx, config)
	if pgErr := (*pgconn.PgError)(nil); errors.As(err, &pgErr) && pgErr.Code == tooManyConnections {
		return nil // it serves, and others
	}
	if err != nil {
		return err
	}
	return conn.Close(ctx)
}

const (
	tooManyConnections = "53300"
	cannotConnectNow   = "57P03"
)

// config is how to connect to the database postgres as the superuser.
func (p postmaster) config() (*pgx.ConnConfig, error) {
	return connConfig(p.run, p.port, "postgres", "")
}

// What keeps a server from being joined.
var (
	errGone = errors.New("the server has ended")
	errLost = errors.New("the server has lost its socket")
)

// reachPatience is how long a living server may say that it is ready and not
// answer. In the first moments of its start, its predecessor may have said so;
// after that, its socket is out of reach, as in another container.
const reachPatience = 20 * time.Second

// await waits until the server serves. It returns errGone when its last
// process ends before, and errLost if nobody can reach it any more.
func (h home) await(ctx context.Context) (postmaster, error) {
	began := time.Now()
	for {
		p, err := readPostmaster(h.data())
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return p, err
		}
		if p.ready {
			served, err := p.serves(ctx)
			if served || err != nil {
				return p, err
			}
		}
		alive, err := h.alive()
		if err != nil {
			return p, err
		}
		if !alive {
			return p, errGone
		}
		if p.ready && time.Since(began) > reachPatience {
			return p, fmt.Errorf("process %d runs, but cannot be reached at %s; it may belong to another container", p.pid, p.socket())
		}
		if err := pause(ctx); err != nil {
			return p, fmt.Errorf("waiting for the server to start: %w", err)
		}
	}
}

// serves reports whether a server that says it is ready can be connected to.
// An error is for good.
func (p postmaster) serves(ctx context.Context) (bool, error) {
	err := p.ping(ctx)
	pgErr := (*pgconn.PgError)(nil)
	switch {
	case err == nil:
		return true, nil
	case errors.As(err, &pgErr) && pgErr.Code != cannotConnectNow:
		return false, fmt.Errorf("connecting to the server: %w", err)
	case p.lives() && !exists(p.socket()):
		return false, errLost // the socket is made before the server is ready
	}
	return false, nil
}

// How long a server may take to stop, and then to give up at once.
const (
	stopPatience = time.Minute
	quitPatience = 10 * time.Second
)

// stop ends the server and returns when its last process has ended. Only a
// server that does not stop in a minute is made to give up, which is an error
// even if it then does; its next start repeats what is in its log.
func (h home) stop(ctx context.Context, how syscall.Signal) error {
	stopped, err := h.signalAndWait(ctx, how, stopPatience)
	if stopped || err != nil {
		return err
	}
	stopped, err = h.signalAndWait(ctx, stopImmediate, quitPatience)
	if err != nil {
		return err
	}
	if !stopped {
		return fmt.Errorf("the server in %s does not stop", h.dir)
	}
	return fmt.Errorf("the server in %s did not stop within %v and was made to give up", h.dir, stopPatience)
}

// signalAndWait sends one signal, once the server has written its number, and
// reports whether its processes ended in time.
func (h home) signalAndWait(ctx context.Context, how syscall.Signal, patience time.Duration) (bool, error) {
	deadline := time.Now().Add(patience)
	for sent := false; time.Now().Before(deadline); {
		alive, err := h.alive()
		if !alive || err != nil {
			return !alive, err
		}
		if p, err := readPostmaster(h.data()); !sent && err == nil && p.lives() {
			if err := kill(p.pid, how); err != nil {
				return false, fmt.Errorf("stopping the server (process %d): %w", p.pid, err)
			}
			sent = true
		}
		if err := pause(ctx); err != nil {
			return false, fmt.Errorf("waiting for the server to stop: %w", err)
		}
	}
	return false, nil
}

// endOrphan ends a server whose data folder was deleted or moved away under it.
// It has the socket that the next one needs, and a minute may pass until it
// notices. It cannot save anything any more, so it is made to give up at once.
func (h home) endOrphan(ctx context.Context) error {
	paths, err := h.socketLocks()
	if err != nil {
		return err
	}
	for _, path := range paths {
		orphan, err := readLockFile(path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		current, err := readPostmaster(h.data())
		if err == nil && current.pid == orphan.pid {
			continue
		}
		for sent := false; orphan.lives(); sent = true {
			if !sent {
				err = kill(orphan.pid, stopImmediate)
			} else {
				err = pause(ctx)
			}
			if err != nil {
				return fmt.Errorf("ending the server of a deleted data folder (process %d): %w", orphan.pid, err)
			}
		}
	}
	return nil
}

// socketLocks are the lock files beside the home's socket.
func (h home) socketLocks() ([]string, error) {
	return filepath.Glob(filepath.Join(globQuote(h.run), ".s.PGSQL.*.lock"))
}
