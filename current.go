package aludel

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// State reads the version table: one round trip, nothing is written.
func (m *Migrator) State(ctx context.Context, conn *pgx.Conn) (*State, error) {
	rows, exists, err := m.table.Heads(ctx, conn)
	if err != nil {
		return nil, publicError(err)
	}
	s := &State{Exists: exists, Rows: rows}
	s.applied, s.Unknown = m.graph.Applied(rows)
	return s, nil
}

// Current answers the revisions at which the database stands: the version
// rows, and beside them the tips of branches that an applied revision depends
// on. A row that no file has is an [UnknownRevisionError].
func (m *Migrator) Current(ctx context.Context, conn *pgx.Conn) ([]Revision, *State, error) {
	state, err := m.State(ctx, conn)
	if err != nil {
		return nil, nil, err
	}
	revisions, err := m.graph.Current(state.Rows)
	if err != nil {
		return nil, state, m.explain(ctx, conn, err)
	}
	return m.publicRevisions(revisions, state), state, nil
}
