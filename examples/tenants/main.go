// Tenants migrates several schemas of one database, one for each tenant, a few at a
// time.
//
//	DATABASE_URL=postgres://… go run . acme globex initech
//
// Each schema has a version table, a history and a lock of its own, so they don't wait
// for each other, and each may stand somewhere else. A tenant whose migration fails
// leaves the others alone; the next run takes up what is missing.
package main

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/errgroup"

	"github.com/aludel-db/aludel"
)

//go:embed migrations/*.sql
var files embed.FS

// atOnce bounds how many are migrated at a time: each takes two connections.
const atOnce = 4

func main() {
	if err := run(context.Background(), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, tenants []string) error {
	pool, err := pgxpool.New(ctx, os.Getenv("DATABASE_URL"))
	if err != nil {
		return err
	}
	defer pool.Close()
	lines, failures := make([]string, len(tenants)), make([]error, len(tenants))
	var group errgroup.Group
	group.SetLimit(atOnce)
	for i, tenant := range tenants {
		group.Go(func() error { // its error doesn't end the others
			lines[i], failures[i] = migrate(ctx, pool, tenant)
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for _, line := range lines {
		if line != "" {
			fmt.Println(line)
		}
	}
	return errors.Join(failures...)
}

// migrate brings the schema of a tenant up to date, and creates it for a new one.
func migrate(ctx context.Context, pool *pgxpool.Pool, tenant string) (string, error) {
	migrations, err := fs.Sub(files, "migrations")
	if err != nil {
		return "", err
	}
	m, err := aludel.New(migrations, aludel.Options{Schema: tenant})
	if err != nil {
		return "", err
	}
	result, err := m.Upgrade(ctx, pool, aludel.UpgradeOptions{CreateSchema: true})
	if err != nil {
		return "", fmt.Errorf("%s: %w", tenant, err)
	}
	return fmt.Sprintf("%s: %d steps, at %s", tenant, len(result.Steps), result.To[0]), nil
}
