package aludel

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// A Run is a verb at work on a database, as an [Observer] hears of it.
type Run struct {
	// Verb is "upgrade", "downgrade", "stamp" or "apply".
	Verb string
	// Host, Port and Database are those of the connection; Host is a folder where
	// it is a Unix socket.
	Host     string
	Port     uint16
	Database string
	// Schema is that of the version table.
	Schema string
}

// An Observer is told when a run starts, whether there is something to do or not,
// and answers who hears of the rest. Telemetry is made of it. It is called on the
// way, so it should take no time. What it does can't change the outcome: when it
// panics, the Logger is told, and the run goes on.
type Observer func(ctx context.Context, run Run) Watch

// A Watch hears of one run. Either function may be nil.
type Watch struct {
	// Event hears what happens, as [Options].OnEvent does.
	Event func(Event)
	// Done hears of the end. The result is nil with an error.
	Done func(*Result, error)
}

// observed has the observers hear of what do does.
func (m *Migrator) observed(ctx context.Context, conn *pgx.Conn, verb string, do func(m *Migrator) (*Result, error)) (result *Result, err error) {
	if len(m.options.Observers) == 0 || m.alone {
		return do(m)
	}
	config := conn.Config()
	run := Run{Verb: verb, Host: config.Host, Port: config.Port, Database: config.Database, Schema: m.options.VersionTableSchema}
	var watches []Watch
	for _, observe := range m.options.Observers {
		m.safely(ctx, func() { watches = append(watches, observe(ctx, run)) })
	}
	watched := *m
	watched.options.OnEvent = func(e Event) {
		m.safely(ctx, func() { m.options.OnEvent(e) })
		for _, w := range watches {
			if w.Event != nil {
				m.safely(ctx, func() { w.Event(e) })
			}
		}
	}
	result, err = do(&watched)
	for _, w := range watches {
		if w.Done != nil {
			m.safely(ctx, func() { w.Done(result, err) })
		}
	}
	return result, err
}

// safely keeps the panic of an observer, or of OnEvent, from a migration.
func (m *Migrator) safely(ctx context.Context, do func()) {
	defer func() {
		if reason := recover(); reason != nil && m.options.Logger != nil {
			m.options.Logger.WarnContext(ctx, "who hears of migrations panicked", "reason", fmt.Sprint(reason))
		}
	}()
	do()
}
