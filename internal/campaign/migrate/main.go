// Command migrate is the program that the campaigns disturb: aludel's own command
// line, with revisions in Go where the file go_revisions of the working folder names
// them.
package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/aludel-db/aludel"
	"github.com/aludel-db/aludel/cli"
)

func main() {
	text, err := os.ReadFile("go_revisions")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	revisions := slices.DeleteFunc(all(), func(r aludel.GoRevision) bool { return !slices.Contains(strings.Fields(string(text)), r.ID) })
	os.Exit(cli.Main(cli.Options{Revisions: revisions}))
}

func all() []aludel.GoRevision {
	return []aludel.GoRevision{
		{
			ID: "g9", Message: "notes, mirrored", DownRevisions: []string{"r8"},
			Up: mirror,
			Down: func(ctx context.Context, tx pgx.Tx) error {
				_, err := tx.Exec(ctx, "DROP TABLE one; ALTER TABLE orders DROP COLUMN mirrored; INSERT INTO public.ledger (revision, direction) VALUES ('g9', 'down')")
				return err
			},
		},
		{
			ID: "g10", Message: "an index and a walk", DownRevisions: []string{"g9"},
			UpConn: func(ctx context.Context, s *aludel.Session) error {
				// An index that a killed run has left is INVALID.
				for _, sql := range []string{"DROP INDEX CONCURRENTLY IF EXISTS orders_mirrored", "CREATE INDEX CONCURRENTLY orders_mirrored ON orders (mirrored)"} {
					if _, err := s.Exec(ctx, sql); err != nil {
						return err
					}
				}
				return walk(ctx, s, 1000, "up")
			},
			DownConn: func(ctx context.Context, s *aludel.Session) error {
				if err := walk(ctx, s, -1000, "down"); err != nil {
					return err
				}
				_, err := s.Exec(ctx, "DROP INDEX CONCURRENTLY IF EXISTS orders_mirrored")
				return err
			},
		},
	}
}

// mirror computes in Go what a column is to hold.
func mirror(ctx context.Context, tx pgx.Tx) error {
	_, err := tx.Exec(ctx, "ALTER TABLE orders ADD COLUMN mirrored text; CREATE TABLE one (id int PRIMARY KEY); INSERT INTO one VALUES (1); "+
		"INSERT INTO public.ledger (revision, direction) VALUES ('g9', 'up')")
	if err != nil {
		return err
	}
	rows, err := tx.Query(ctx, "SELECT id, note FROM orders WHERE id % 11 = 0 ORDER BY id")
	if err != nil {
		return err
	}
	type order struct {
		ID   int
		Note string
	}
	orders, err := pgx.CollectRows(rows, pgx.RowToStructByPos[order])
	if err != nil {
		return err
	}
	batch := &pgx.Batch{}
	for _, o := range orders {
		mirrored := []byte(o.Note)
		slices.Reverse(mirrored)
		batch.Queue("UPDATE orders SET mirrored = $2 WHERE id = $1", o.ID, string(mirrored))
	}
	return tx.SendBatch(ctx, batch).Close()
}

// walk meets each row once, whatever happens in between, and each call in the ledger
// as well, by a table of one row.
func walk(ctx context.Context, s *aludel.Session, by int, direction string) error {
	err := s.InBatches(ctx, aludel.Batch{Table: "orders", Size: 400}, func(ctx context.Context, tx pgx.Tx, r aludel.BatchRange) error {
		_, err := tx.Exec(ctx, "UPDATE orders SET cents = cents + $3 WHERE id BETWEEN $1 AND $2", r.From[0], r.To[0], by)
		return err
	})
	if err != nil {
		return err
	}
	return s.InBatches(ctx, aludel.Batch{Table: "one"}, func(ctx context.Context, tx pgx.Tx, _ aludel.BatchRange) error {
		_, err := tx.Exec(ctx, "INSERT INTO public.ledger (revision, direction) VALUES ('g10', $1)", direction)
		return err
	})
}
