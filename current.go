package aludel

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// State reads the version table: one round trip, nothing is written.
func (m *Migrator) State(ctx context.Context, db Database) (*State, error) {
	return using(ctx, db, func(conn *pgx.Conn) (*State, error) { return m.state(ctx, conn) })
}

func (m *Migrator) state(ctx context.Context, conn *pgx.Conn) (*State, error) {
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
func (m *Migrator) Current(ctx context.Context, db Database) (list []Revision, state *State, err error) {
	err = doing(ctx, db, func(conn *pgx.Conn) error {
		if state, err = m.state(ctx, conn); err != nil {
			return err
		}
		revisions, err := m.graph.Current(state.Rows)
		if err != nil {
			return m.explain(ctx, conn, err)
		}
		list = m.publicRevisions(revisions, state)
		return nil
	})
	return list, state, err
}
