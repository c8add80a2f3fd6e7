package aludel_test

import (
	"context"
	"errors"
	"io"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/aludel-db/aludel"
	"github.com/aludel-db/aludel/internal/pgtest"
)

// TestGoRevisionSavepoints: the transaction of a Go revision is one of pgx's in all
// but its end: what is begun within it is a savepoint, of which there may be several.
func TestGoRevisionSavepoints(t *testing.T) {
	t.Parallel()
	conn := pgtest.New(t).Connect(t)
	within := func(ctx context.Context, tx pgx.Tx, sql string, end func(pgx.Tx, context.Context) error) error {
		inner, err := tx.Begin(ctx)
		if err != nil {
			return err
		}
		_, err = inner.Exec(ctx, sql)
		return errors.Join(err, end(inner, ctx))
	}
	m := newMigrator(t, files("\nCREATE TABLE t (id int);"), aludel.Options{Revisions: []aludel.GoRevision{{
		ID: "code", DownRevisions: []string{"r1"},
		Up: func(ctx context.Context, tx pgx.Tx) error {
			outer, err := tx.Begin(ctx)
			if err != nil {
				return err
			}
			if _, err := outer.Exec(ctx, "SELECT 1/0"); err == nil {
				return errors.New("no error")
			}
			return errors.Join(
				outer.Rollback(ctx), // the failure is undone
				within(ctx, tx, "INSERT INTO t VALUES (1)", pgx.Tx.Commit),
				within(ctx, tx, "INSERT INTO t VALUES (2)", pgx.Tx.Rollback),
				within(ctx, tx, "INSERT INTO t VALUES (3)", pgx.Tx.Commit),
			)
		},
	}}})
	if _, err := m.Upgrade(t.Context(), conn, aludel.UpgradeOptions{}); err != nil {
		t.Fatal(err)
	}
	if got := answer(t, conn, "SELECT id::text FROM t ORDER BY id"); got != "1, 3" {
		t.Error(got)
	}
}

// TestGoRevisionLargeObjects reaches them, and their rows go with the transaction.
func TestGoRevisionLargeObjects(t *testing.T) {
	t.Parallel()
	conn := pgtest.New(t).Connect(t)
	refused := errors.New("refused")
	var end error
	m := newMigrator(t, files("\nCREATE TABLE t (id oid);"), aludel.Options{Revisions: []aludel.GoRevision{{
		ID: "code", DownRevisions: []string{"r1"},
		Up: func(ctx context.Context, tx pgx.Tx) error {
			objects := tx.LargeObjects()
			id, err := objects.Create(ctx, 0)
			if err != nil {
				return err
			}
			object, err := objects.Open(ctx, id, pgx.LargeObjectModeWrite)
			if err != nil {
				return err
			}
			if _, err := io.WriteString(object, "written"); err != nil {
				return err
			}
			_, err = tx.Exec(ctx, "INSERT INTO t VALUES ($1)", id)
			return errors.Join(err, end)
		},
	}}})
	count := "SELECT count(*)::text FROM pg_largeobject_metadata"
	before := answer(t, conn, count)
	end = refused
	if _, err := m.Upgrade(t.Context(), conn, aludel.UpgradeOptions{}); !errors.Is(err, refused) || answer(t, conn, count) != before {
		t.Fatalf("%v", err)
	}
	end = nil
	if _, err := m.Upgrade(t.Context(), conn, aludel.UpgradeOptions{}); err != nil {
		t.Fatal(err)
	}
	if got := answer(t, conn, "SELECT convert_from(lo_get(id), 'UTF8') FROM t"); got != "written" {
		t.Error(got)
	}
}
