package aludel

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/aludel-db/aludel/internal/versiontable"
)

// EnsureVersionOptions are those of [Migrator.EnsureVersion].
type EnsureVersionOptions struct {
	// CreateSchema creates the configured schema where it is missing.
	CreateSchema bool
}

// EnsureVersion creates the version table and the history where they are
// missing, and says whether it had to.
func (m *Migrator) EnsureVersion(ctx context.Context, db Database, options EnsureVersionOptions) (created bool, err error) {
	return using(ctx, db, func(conn *pgx.Conn) (bool, error) { return m.ensureVersion(ctx, conn, options) })
}

func (m *Migrator) ensureVersion(ctx context.Context, conn *pgx.Conn, options EnsureVersionOptions) (created bool, err error) {
	if options.CreateSchema {
		if err := m.createSchema(ctx, conn); err != nil {
			return false, err
		}
	}
	state, err := m.table.State(ctx, conn)
	if err != nil {
		return false, publicError(err)
	}
	sql := m.table.CreateSQL(state, 0)
	if sql == "" {
		return false, nil
	}
	if _, err := conn.PgConn().Exec(ctx, sql).ReadAll(); err != nil {
		return false, fmt.Errorf("creating the version table in schema %q: %w", m.table.Schema, err)
	}
	return true, nil
}

// EnsureVersionSQL is the script that EnsureVersion would run on an empty
// database.
func (m *Migrator) EnsureVersionSQL() string {
	return m.table.CreateSQL(versiontable.State{}, 0)
}

func (m *Migrator) createSchema(ctx context.Context, conn *pgx.Conn) error {
	if _, _, err := m.table.Heads(ctx, conn); err == nil {
		return nil // it is there, and the role may lack CREATE on the database
	}
	if _, err := conn.PgConn().Exec(ctx, m.table.CreateSchemaSQL()).ReadAll(); err != nil {
		return fmt.Errorf("creating schema %q: %w", m.table.Target, err)
	}
	return nil
}
