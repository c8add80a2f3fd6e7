package aludel

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/aludel-db/aludel/internal/revision"
)

// UpgradeOptions are those of [Migrator.Upgrade].
type UpgradeOptions struct {
	// Target is a specifier; default "head".
	Target string
	// CreateSchema creates the configured schema where it is missing.
	CreateSchema bool
	// AllowTampered runs what is pending though applied revisions were edited
	// since; a [TamperedError] otherwise.
	AllowTampered bool
	// OKIfAhead finds nothing to do where a newer version of the files has
	// migrated the database, as after the deployment of an older program; an
	// [AheadError] otherwise.
	OKIfAhead bool
}

// Upgrade runs what is missing up to the target.
func (m *Migrator) Upgrade(ctx context.Context, db Database, options UpgradeOptions) (*Result, error) {
	return using(ctx, db, func(conn *pgx.Conn) (*Result, error) {
		return m.observed(ctx, conn, "upgrade", func(m *Migrator) (*Result, error) { return m.upgrade(ctx, conn, options) })
	})
}

func (m *Migrator) upgrade(ctx context.Context, conn *pgx.Conn, options UpgradeOptions) (*Result, error) {
	if options.Target == "" {
		options.Target = "head"
	}
	if options.CreateSchema {
		if err := m.createSchema(ctx, conn); err != nil {
			return nil, err
		}
	}
	result, err := m.run(ctx, conn, func(rows []string) (*revision.Plan, error) {
		plan, err := m.graph.Upgrade(rows, options.Target)
		if err == nil && len(plan.Steps) > 0 && !options.AllowTampered {
			err = m.refuseTampered(ctx, conn, rows)
		}
		return plan, err
	})
	var ahead *AheadError
	if options.OKIfAhead && errors.As(err, &ahead) {
		return m.stays(ctx, conn, ahead)
	}
	return result, err
}

// refuseTampered looks at the files of what is applied, before anything is built
// on it.
func (m *Migrator) refuseTampered(ctx context.Context, conn *pgx.Conn, rows []string) error {
	state := &State{Rows: rows}
	state.applied, state.Unknown = m.graph.Applied(rows)
	tampered, err := m.tampered(ctx, conn, state)
	if err == nil && len(tampered) > 0 {
		err = &TamperedError{Revisions: tampered}
	}
	return err
}

// stays is the result of a run that leaves the database where it is.
func (m *Migrator) stays(ctx context.Context, conn *pgx.Conn, ahead *AheadError) (*Result, error) {
	rows, _, err := m.table.Heads(ctx, conn)
	if err != nil {
		return nil, publicError(err)
	}
	return &Result{Plan: Plan{From: rows, To: rows}, Ahead: ahead.Rows}, nil
}
