package aludel

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/jackc/pgx/v5"

	"github.com/aludel-db/aludel/internal/revision"
)

// A Status is where a database stands, and what is wrong with it.
type Status struct {
	State *State
	// Current are the rows that files have.
	Current []Revision
	// Heads are the heads that "upgrade heads" leads to.
	Heads []Revision
	// Pending are the steps to all heads, in order; none where the rows can't
	// be planned from.
	Pending []Step
	// Tampered are applied revisions whose up section is no longer the one
	// that ran.
	Tampered []Revision
	// Partial are revisions that a section outside a transaction has begun
	// and not finished.
	Partial []PartialRevision
	// Problem is why nothing can be planned from the rows; nil otherwise.
	Problem error
}

// A PartialRevision is a revision of which some statements have run.
type PartialRevision struct {
	ID, Message string
	Direction   Direction
	Done, Total int
	// Rows are those that the next statement, which runs in batches, has been
	// through.
	Rows int64
	// Error is what the last try failed with; empty where it was killed.
	Error string
}

// Status looks at the database and the files. It writes nothing.
func (m *Migrator) Status(ctx context.Context, db Database) (*Status, error) {
	return using(ctx, db, func(conn *pgx.Conn) (*Status, error) { return m.status(ctx, conn) })
}

func (m *Migrator) status(ctx context.Context, conn *pgx.Conn) (*Status, error) {
	state, err := m.State(ctx, conn)
	if err != nil {
		return nil, err
	}
	s := &Status{State: state, Heads: m.publicRevisions(m.graph.RealHeads(), state)}
	for _, id := range state.Rows {
		if r := m.graph.Get(id); r != nil {
			s.Current = append(s.Current, m.publicRevision(r, state))
		}
	}
	if p, err := m.graph.Upgrade(state.Rows, "heads"); err != nil {
		s.Problem = m.explain(ctx, conn, err)
	} else {
		s.Pending = m.publicPlan(p).Steps
	}
	if s.Partial, err = m.partial(ctx, conn); err != nil {
		return nil, err
	}
	s.Tampered, err = m.tampered(ctx, conn, state)
	return s, err
}

// OK tells that nothing is wrong and nothing is pending.
func (s *Status) OK() bool {
	return s.Problem == nil && len(s.Pending)+len(s.Tampered)+len(s.Partial) == 0
}

func (m *Migrator) partial(ctx context.Context, conn *pgx.Conn) ([]PartialRevision, error) {
	entries, err := m.table.Partial(ctx, conn)
	if err != nil {
		return nil, err
	}
	var list []PartialRevision
	for _, e := range entries {
		list = append(list, PartialRevision{
			ID: e.Revision, Message: e.Message, Direction: e.Direction,
			Done: e.StatementsDone, Total: e.Statements, Rows: e.Rows(), Error: e.Error,
		})
	}
	return list, nil
}

// tampered compares the files of applied revisions with what ran.
func (m *Migrator) tampered(ctx context.Context, conn *pgx.Conn, state *State) ([]Revision, error) {
	sums, err := m.table.Checksums(ctx, conn)
	if err != nil {
		return nil, err
	}
	all := m.graph.Revisions()
	edited := make([]bool, len(all))
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(2*runtime.GOMAXPROCS(0), len(all)) {
		wg.Go(func() {
			for i := next.Add(1) - 1; int(i) < len(all); i = next.Add(1) - 1 {
				sum, known := sums[all[i].ID]
				// Of a squashed one others have run.
				edited[i] = known && state.applied[i] && len(all[i].Replaces) == 0 && upChecksum(all[i]) != sum
			}
		})
	}
	wg.Wait()
	var list []*revision.Revision
	for i, r := range all {
		if edited[i] {
			list = append(list, r)
		}
	}
	return m.publicRevisions(list, state), nil
}

// upChecksum is that of the up section; empty for a file that can't be read any
// more, which was edited as well.
func upChecksum(r *revision.Revision) string {
	script, err := r.Script()
	if err != nil {
		return ""
	}
	return script.Up.Checksum()
}
