package aludel_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/aludel-db/aludel"
	"github.com/aludel-db/aludel/internal/pgtest"
)

// TestHooks run with each migration: in its transaction, or beside it.
func TestHooks(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(t, "CREATE TABLE seen (n int GENERATED ALWAYS AS IDENTITY, what text)")
	up := files("\nINSERT INTO seen (what) VALUES ('one ' || current_setting('my.hook'));", " transaction:false\nINSERT INTO seen (what) VALUES ('two ' || current_setting('my.hook'));")
	options := aludel.Options{BeforeEach: "SET my.hook = 'set'; -- and more\n", AfterEach: "INSERT INTO seen (what) SELECT 'after'; RESET my.hook"}
	if _, err := newMigrator(t, up, options).Upgrade(t.Context(), db.Connect(t), aludel.UpgradeOptions{}); err != nil {
		t.Fatal(err)
	}
	rows, _ := db.Connect(t).Query(t.Context(), "SELECT what FROM seen ORDER BY n")
	got, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || strings.Join(got, ", ") != "one set, after, two set, after" {
		t.Errorf("%v %v", got, err)
	}
}

// TestHookFails: it is said which one, and nothing of the migration stays.
func TestHookFails(t *testing.T) {
	t.Parallel()
	for _, up := range []string{"\nCREATE TABLE t (id int);", " transaction:false\nCREATE TABLE IF NOT EXISTS t (id int);"} {
		db := pgtest.New(t)
		m := newMigrator(t, files(up), aludel.Options{AfterEach: "SELECT 1; SELECT * FROM nowhere"})
		_, err := m.Upgrade(t.Context(), db.Connect(t), aludel.UpgradeOptions{})
		if err == nil || !strings.Contains(err.Error(), "after each, with revision r1: ") {
			t.Errorf("%v", err)
		}
		db.Exec(t, "SELECT 1/(1 - count(*)::int) FROM alembic_version")
	}
	if _, err := aludel.New(files(""), aludel.Options{BeforeEach: "VACUUM"}); err == nil || !strings.Contains(err.Error(), "before each: VACUUM can't run") {
		t.Errorf("%v", err)
	}
	if _, err := aludel.New(files(""), aludel.Options{BeforeEach: "SELECT 1;\nSELECT 'x"}); err == nil || !strings.Contains(err.Error(), "before each: line 2, column 8") {
		t.Errorf("%v", err)
	}
}

// TestLogger has a record for what happens.
func TestLogger(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey || a.Key == "duration" {
			return slog.Attr{}
		}
		return a
	}}))
	m := newMigrator(t, files("\nCREATE TABLE t (id int);", "\nNONSENSE;"), aludel.Options{Logger: logger})
	if _, err := m.Upgrade(t.Context(), pgtest.New(t).Connect(t), aludel.UpgradeOptions{}); err == nil {
		t.Fatal("it went through")
	}
	want := `level=INFO msg="migration done" revision=r1 direction=up message=r1
level=ERROR msg="migration failed" revision=r2 direction=up message=r2 error="001.sql:7:1: syntax error at or near \"NONSENSE\" (SQLSTATE 42601)"
`
	if log.String() != want {
		t.Errorf("%s", log.String())
	}
}

// TestHooksInGo run as those in SQL do, with SQL and with Go revisions, and an error
// of theirs leaves nothing of the migration.
func TestHooksInGo(t *testing.T) {
	t.Parallel()
	mine := errors.New("mine")
	for _, single := range []bool{false, true} {
		db := pgtest.New(t)
		db.Exec(t, "CREATE TABLE seen (n int GENERATED ALWAYS AS IDENTITY, what text)")
		conn := db.Connect(t)
		refuse := ""
		see := func(when string) func(context.Context, pgx.Tx, *aludel.Step) error {
			return func(ctx context.Context, tx pgx.Tx, step *aludel.Step) error {
				if refuse == when+step.Revision.ID {
					return mine
				}
				_, err := tx.Exec(ctx, "INSERT INTO seen (what) VALUES ($1)", when+step.Revision.ID+" "+step.Direction)
				return err
			}
		}
		fsys := files("\nINSERT INTO seen (what) VALUES ('one');", " transaction:false\nINSERT INTO seen (what) VALUES ('two');")
		if single {
			fsys = files("\nINSERT INTO seen (what) VALUES ('one');", "\nINSERT INTO seen (what) VALUES ('two');")
		}
		m := newMigrator(t, fsys, aludel.Options{
			SingleTransaction: single, BeforeEachFunc: see("before "), AfterEachFunc: see("after "), BeforeEach: "INSERT INTO seen (what) VALUES ('SQL')",
			Revisions: []aludel.GoRevision{{ID: "g3", DownRevisions: []string{"r2"}, Up: exec("INSERT INTO seen (what) VALUES ('three')")}},
		})
		refuse = "after g3"
		if _, err := m.Upgrade(t.Context(), conn, aludel.UpgradeOptions{}); !errors.Is(err, mine) || err.Error() != "after each, with revision g3: mine" {
			t.Fatalf("%v", err)
		}
		refuse = ""
		if _, err := m.Upgrade(t.Context(), conn, aludel.UpgradeOptions{}); err != nil {
			t.Fatal(err)
		}
		want := "SQL, before r1 up, one, after r1 up, SQL, before r2 up, two, after r2 up, SQL, before g3 up, three, after g3 up"
		if got := answer(t, conn, "SELECT what FROM seen ORDER BY n"); got != want {
			t.Errorf("in one transaction %v: %s", single, got)
		}
		if err := m.WriteSQL(&bytes.Buffer{}, aludel.PlanOptions{Direction: aludel.Up, Targets: []string{"r1"}}); err == nil {
			t.Error("written as SQL")
		}
	}
}
