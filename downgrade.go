package aludel

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/aludel-db/aludel/internal/revision"
)

// DowngradeOptions are those of [Migrator.Downgrade].
type DowngradeOptions struct {
	// Target is a specifier: what is applied above it is undone. There is no
	// default.
	Target string
}

// Downgrade undoes what stands above the target.
func (m *Migrator) Downgrade(ctx context.Context, conn *pgx.Conn, options DowngradeOptions) (*Result, error) {
	return m.run(ctx, conn, func(rows []string) (*revision.Plan, error) { return m.graph.Downgrade(rows, options.Target) })
}
