package aludel

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/aludel-db/aludel/internal/revision"
	"github.com/aludel-db/aludel/internal/versiontable"
)

// RepairOptions say what a person has decided. Each field names revisions by their
// whole ids.
type RepairOptions struct {
	// Accept are applied revisions whose files were edited: as they are now, they
	// are what ran.
	Accept []string
	// Finished is a partial revision whose other statements were run by hand:
	// the version rows become those behind it.
	Finished string
	// Undone is a partial revision whose statements were undone by hand: it
	// stands where it stood before.
	Undone string
}

// Repair writes down what a person has decided, and runs nothing of a revision.
// It answers the rows of the version table afterwards.
func (m *Migrator) Repair(ctx context.Context, db Database, options RepairOptions) ([]string, error) {
	return using(ctx, db, func(conn *pgx.Conn) ([]string, error) { return m.repair(ctx, conn, options) })
}

func (m *Migrator) repair(ctx context.Context, conn *pgx.Conn, options RepairOptions) ([]string, error) {
	lock, err := m.table.Lock(ctx, conn, m.options.LockWait, func(h versiontable.Holder) {
		m.tell(Event{Kind: LockAwaited, Holder: h.String()})
	})
	if err != nil {
		return nil, publicError(err)
	}
	defer lock.Unlock()
	for _, id := range options.Accept {
		if err := m.accept(ctx, conn, id); err != nil {
			return nil, err
		}
	}
	for _, decided := range []struct {
		id      string
		outcome versiontable.Outcome
	}{{options.Finished, versiontable.Done}, {options.Undone, versiontable.Undone}} {
		if decided.id == "" {
			continue
		}
		if err := m.decide(ctx, conn, decided.id, decided.outcome); err != nil {
			return nil, err
		}
	}
	rows, _, err := m.table.Heads(ctx, conn)
	return rows, publicError(err)
}

// accept records the sum of a file that was edited.
func (m *Migrator) accept(ctx context.Context, conn *pgx.Conn, id string) error {
	state, err := m.State(ctx, conn)
	if err != nil {
		return err
	}
	tampered, err := m.tampered(ctx, conn, state)
	if err != nil {
		return err
	}
	for _, t := range tampered {
		if t.ID != id {
			continue
		}
		script, err := m.graph.Get(id).Script()
		if err != nil {
			return publicError(err) // a file with a mistake can't be what ran
		}
		e := m.decision(id, Up, versiontable.Accepted)
		e.Checksum = script.Up.Checksum()
		return m.record(ctx, conn, state.Rows, nil, e)
	}
	return &RequestError{
		Message: fmt.Sprintf("revision '%s' is not one that was edited after it was applied", id), Hints: []string{"\"aludel status\" lists those"},
	}
}

// decide ends a partial revision.
func (m *Migrator) decide(ctx context.Context, conn *pgx.Conn, id string, outcome versiontable.Outcome) error {
	partial, err := m.table.Partial(ctx, conn)
	if err != nil {
		return err
	}
	for i := range partial {
		if p := &partial[i]; p.Revision == id {
			return m.end(ctx, conn, p, outcome)
		}
	}
	return &RequestError{
		Message: fmt.Sprintf("revision '%s' is not one of which a part has run", id), Hints: []string{"\"aludel status\" lists those"},
	}
}

func (m *Migrator) end(ctx context.Context, conn *pgx.Conn, p *versiontable.Entry, outcome versiontable.Outcome) error {
	rows, _, err := m.table.Heads(ctx, conn)
	if err != nil {
		return publicError(err)
	}
	e := m.decision(p.Revision, p.Direction, outcome)
	e.Checksum, e.Statements = p.Checksum, p.Statements
	if outcome == versiontable.Undone {
		e.DoneChecksum = versiontable.DoneChecksum(nil)
		return m.record(ctx, conn, rows, nil, e)
	}
	e.StatementsDone, e.DoneChecksum = p.Statements, p.DoneChecksum
	step, err := m.only(ctx, conn, rows, p)
	if err != nil {
		return err
	}
	return m.record(ctx, conn, rows, step, e)
}

// only is the step of a partial revision, which has to be the next one.
func (m *Migrator) only(ctx context.Context, conn *pgx.Conn, rows []string, p *versiontable.Entry) (*revision.Step, error) {
	plan, err := m.graph.Upgrade(rows, p.Revision)
	if p.Direction == Down {
		below := p.Revision + "-1"
		if r := m.graph.Get(p.Revision); r != nil && len(r.DownRevisions) == 0 {
			below = "base"
		}
		plan, err = m.graph.Downgrade(rows, below)
	}
	if err != nil {
		return nil, m.explain(ctx, conn, err)
	}
	if len(plan.Steps) > 0 && plan.Steps[0].Revision.ID == p.Revision {
		return &plan.Steps[0], nil
	}
	return nil, &RequestError{Message: fmt.Sprintf("revision '%s' is not the next one from %s", p.Revision, strings.Join(rows, ", "))}
}

// decision starts an entry of the history.
func (m *Migrator) decision(id string, direction Direction, outcome versiontable.Outcome) *versiontable.Entry {
	message := ""
	if r := m.graph.Get(id); r != nil {
		message = r.Summary()
	}
	return &versiontable.Entry{
		Revision: id, Direction: direction, Outcome: outcome, Message: message, Host: host(), Program: "aludel " + Version() + " repair",
	}
}

// record writes an entry, and the version rows of step where there is one.
func (m *Migrator) record(ctx context.Context, conn *pgx.Conn, rows []string, step *revision.Step, e *versiontable.Entry) error {
	var removes, adds []string
	if step != nil {
		removes, adds = step.Removes, step.Adds
	}
	return m.table.Record(ctx, conn, rows, removes, adds, e)
}
