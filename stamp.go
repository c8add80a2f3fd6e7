package aludel

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/aludel-db/aludel/internal/revision"
)

// StampOptions are those of [Migrator.Stamp].
type StampOptions struct {
	// Targets are specifiers. There is no default.
	Targets []string
	// Purge empties the version table first, whatever it holds.
	Purge bool
}

// Stamp writes the version rows of the targets without running anything.
func (m *Migrator) Stamp(ctx context.Context, db Database, options StampOptions) (*Result, error) {
	return using(ctx, db, func(conn *pgx.Conn) (*Result, error) {
		return m.observed(ctx, conn, "stamp", func(m *Migrator) (*Result, error) {
			return m.run(ctx, conn, func(rows []string) (*revision.Plan, error) {
				return m.graph.Stamp(rows, options.Targets, options.Purge)
			})
		})
	})
}
