package aludel

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/aludel-db/aludel/internal/revision"
)

// UpgradeOptions are those of [Migrator.Upgrade].
type UpgradeOptions struct {
	// Target is a specifier; default "head".
	Target string
	// CreateSchema creates the configured schema where it is missing.
	CreateSchema bool
}

// Upgrade runs what is missing up to the target.
func (m *Migrator) Upgrade(ctx context.Context, conn *pgx.Conn, options UpgradeOptions) (*Result, error) {
	if options.Target == "" {
		options.Target = "head"
	}
	if options.CreateSchema {
		if err := m.createSchema(ctx, conn); err != nil {
			return nil, err
		}
	}
	return m.run(ctx, conn, func(rows []string) (*revision.Plan, error) { return m.graph.Upgrade(rows, options.Target) })
}
