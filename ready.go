package aludel

import (
	"context"
	"slices"

	"github.com/jackc/pgx/v5"
)

// Pending are the steps that lead to all heads, in order; none where there is
// nothing to do. It is one query, takes no lock and writes nothing. Where nothing
// can be planned from the version rows, the error is [Migrator.Upgrade]'s: an
// [AheadError] behind a newer program.
func (m *Migrator) Pending(ctx context.Context, db Database) ([]Step, error) {
	return using(ctx, db, func(conn *pgx.Conn) ([]Step, error) {
		rows, _, err := m.table.Heads(ctx, conn)
		if err != nil {
			return nil, publicError(err)
		}
		p, err := m.graph.Upgrade(rows, "heads")
		if err != nil {
			return nil, m.explain(ctx, conn, err)
		}
		return slices.Clone(m.publicPlan(p).Steps), nil
	})
}

// Ready answers nil where the database stands at the heads of these revisions, as a
// readiness probe asks, or a program that refuses to start otherwise. Where it is
// behind, the error is a [NotUpToDateError]; where a newer version of the program
// has migrated it, an [AheadError], which a program that gets along with that may
// let pass. Like [Migrator.Pending] it is one query as long as all is well.
func (m *Migrator) Ready(ctx context.Context, db Database) error {
	pending, err := m.Pending(ctx, db)
	if err == nil && len(pending) > 0 {
		err = &NotUpToDateError{Pending: pending}
	}
	return err
}
