package aludel_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/aludel-db/aludel"
	"github.com/aludel-db/aludel/internal/pgtest"
)

// TestOvertaken has another session lock the version table when a step is about to
// run, and apply the revision. The run says who is in the way, and that nothing is
// left to do: it has not failed.
func TestOvertaken(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(t, "CREATE TABLE t (id int); CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY)")
	other, reader := db.Connect(t), db.Connect(t)
	ctx := context.Background()
	run := func(sql string) {
		if _, err := other.PgConn().Exec(ctx, sql).ReadAll(); err != nil {
			t.Error(err)
		}
	}
	if _, err := reader.PgConn().Exec(ctx, "BEGIN; LOCK TABLE t IN ACCESS SHARE MODE").ReadAll(); err != nil {
		t.Fatal(err)
	}
	var kinds []aludel.EventKind
	m := newMigrator(t, files("\nALTER TABLE t ADD COLUMN n int;"), aludel.Options{
		LockTimeout: 50 * time.Millisecond, LockWait: time.Minute,
		OnEvent: func(e aludel.Event) {
			if len(kinds) == 0 || kinds[len(kinds)-1] != e.Kind {
				kinds = append(kinds, e.Kind)
			}
			switch e.Kind {
			case aludel.LocksAwaited: // the rows have been read, and nothing is sent yet
				run("BEGIN; INSERT INTO alembic_version VALUES ('r1')")
				if _, err := reader.PgConn().Exec(ctx, "ROLLBACK").ReadAll(); err != nil {
					t.Error(err)
				}
			case aludel.SessionAwaited:
				run("COMMIT")
			}
		},
	})
	result, err := m.Upgrade(ctx, bareConnect(t, db), aludel.UpgradeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if len(result.Steps) != 0 {
		t.Errorf("%d steps", len(result.Steps))
	}
	want := []aludel.EventKind{aludel.LocksAwaited, aludel.StepStarted, aludel.SessionAwaited, aludel.StepOvertaken}
	if !slices.Equal(kinds, want) {
		t.Errorf("events %v", kinds)
	}
}
