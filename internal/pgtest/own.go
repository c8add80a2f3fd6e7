package pgtest

import (
	"context"
	"crypto/rand"
	"syscall"
	"testing"

	"github.com/aludel-db/aludel/internal/shadow"
)

// Own is a server of the test's own, which it may shut down. What is committed there
// is so for good, also over a shutdown, as on servers that matter.
type Own struct {
	options shadow.Options
	server  *shadow.Server
}

// NewOwn starts a server of the test's own.
func NewOwn(tb testing.TB) *Own {
	tb.Helper()
	o, err := options()
	if err != nil {
		tb.Fatal(err)
	}
	o.Name, o.Settings["synchronous_commit"] = "pgtest "+rand.Text(), "on"
	own := &Own{options: o}
	own.start(tb)
	return own
}

// New creates an empty database on the server.
func (o *Own) New(tb testing.TB) *DB {
	tb.Helper()
	return newIn(tb, o.server)
}

// Shutdown ends the server at once, as with "pg_ctl stop -m immediate": nobody is
// told, nothing is written, and its next start has to repeat its log.
func (o *Own) Shutdown(tb testing.TB) {
	tb.Helper()
	state, err := o.server.State(tb.Context())
	if err != nil {
		tb.Error(err)
		return
	}
	if err := syscall.Kill(state.PID, syscall.SIGQUIT); err != nil {
		tb.Errorf("shutting the server down: %v", err)
	}
}

// Restart starts it again. Databases and how to connect to them stay.
func (o *Own) Restart(tb testing.TB) {
	tb.Helper()
	o.start(tb)
}

func (o *Own) start(tb testing.TB) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), patience)
	defer cancel()
	server, err := shadow.Start(ctx, o.options)
	if err != nil {
		tb.Fatal(err)
	}
	o.server = server
	cleanup(tb, "leaving the test's own server", server.Close)
}
