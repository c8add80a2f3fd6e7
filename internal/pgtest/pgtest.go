// Package pgtest gives each test a PostgreSQL database of its own. It is for
// tests only; it may import shadow, pgx and the standard library, and is the
// one package besides the command and its configuration that reads the
// environment.
//
// The test processes of one "go test ./..." share one throw-away server, which
// the first of them starts and the last one stops and deletes:
//
//	func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }
//
//	func TestX(t *testing.T) {
//		t.Parallel()
//		db := pgtest.New(t)
//		db.Exec(t, "CREATE TABLE t (i int)")
//	}
//
// The server's programs are those in the folder ALUDEL_TEST_POSTGRES_BIN, else
// the newest that [shadow.Find] knows. A test fails where there are none: a
// test of PostgreSQL that is skipped proves nothing.
package pgtest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/aludel-db/aludel/internal/shadow"
)

// patience bounds each step on the server that is not the test's own.
const patience = time.Minute

// shared is this process's hold on the server. It is a variable of the
// package because testing gives TestMain no way to hand a value to the tests.
var shared hold

type hold struct {
	mu     sync.Mutex
	usable bool           // within Run
	server *shadow.Server // nil until the first test wants it
	err    error          // of its start
}

// Run runs the tests of a package and leaves the server after them. It is
// called by TestMain and returns the exit status.
func Run(m *testing.M) int {
	shared.open()
	code := m.Run()
	if err := shared.close(); err != nil {
		fmt.Fprintln(os.Stderr, "leaving the test server:", err)
		return 1
	}
	return code
}

func (h *hold) open() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.usable = true
}

// get starts or joins the server for the first test that wants it.
func (h *hold) get() (*shadow.Server, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.usable {
		return nil, errors.New("pgtest.Run was not called by TestMain: nobody would leave the server")
	}
	if h.server == nil && h.err == nil {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		h.server, h.err = startShared(ctx)
	}
	return h.server, h.err
}

func (h *hold) close() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.usable = false
	if h.server == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return h.server.Close(ctx)
}

func startShared(ctx context.Context) (*shadow.Server, error) {
	o, err := options()
	if err != nil {
		return nil, err
	}
	o.Name = "pgtest"
	return shadow.Start(ctx, o)
}

// options are those of every server for tests.
func options() (shadow.Options, error) {
	found, err := shadow.Find(shadow.Search{BinDir: os.Getenv("ALUDEL_TEST_POSTGRES_BIN"), Path: os.Getenv("PATH")})
	if err != nil {
		return shadow.Options{}, err
	}
	o := shadow.Options{
		Installation: found,
		TempDir:      os.TempDir(),
		Settings:     map[string]string{"max_connections": "200"}, // of all parallel tests together
	}
	if cache, err := os.UserCacheDir(); err == nil { // without a home it is the temporary folder
		o.CacheDir = filepath.Join(cache, "aludel")
	}
	return o, nil
}

// Server is the server that all tests share. What a test changes there beside
// its own database (roles, settings) must not be in another one's way.
func Server(tb testing.TB) *shadow.Server {
	tb.Helper()
	server, err := shared.get()
	if err != nil {
		tb.Fatal(err)
	}
	return server
}

// NewPasswordServer starts a server of the test's own, which listens on TCP and
// wants a password (scram-sha-256), and returns how to connect to it.
func NewPasswordServer(tb testing.TB) *pgx.ConnConfig {
	tb.Helper()
	o, err := options()
	if err != nil {
		tb.Fatal(err)
	}
	o.Name, o.TCP, o.Password = "pgtest "+rand.Text(), true, rand.Text()
	server, err := shadow.Start(tb.Context(), o)
	if err != nil {
		tb.Fatal(err)
	}
	cleanup(tb, "leaving the server", server.Close)
	return server.TCPConfig("postgres")
}

// cleanup does something at the end of the test, when its context has ended.
func cleanup(tb testing.TB, doing string, do func(context.Context) error) {
	tb.Helper()
	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := do(ctx); err != nil {
			tb.Errorf("%s: %v", doing, err)
		}
	})
}
