package aludel_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/aludel-db/aludel"
	"github.com/aludel-db/aludel/internal/pgtest"
)

// TestConcurrentIndexWaits: CREATE INDEX CONCURRENTLY may wait for old snapshots,
// which are named; others' definitions may wait for it.
func TestConcurrentIndexWaits(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(t, "CREATE TABLE t (id int); INSERT INTO t VALUES (1)")
	writer := db.Connect(t)
	hold(t, writer, "UPDATE t SET id = 2")
	named := false
	m := newMigrator(t, files(" transaction:false\nCREATE INDEX CONCURRENTLY i ON t (id);"), aludel.Options{OnEvent: func(e aludel.Event) {
		if e.Kind == aludel.IndexProgress && len(e.Blockers) > 0 && e.Blockers[0].PID == int(writer.PgConn().PID()) && !named {
			named = true
			release(t, writer)
		}
	}})
	if _, err := m.Upgrade(t.Context(), db.Connect(t), aludel.UpgradeOptions{}); err != nil {
		t.Fatal(err)
	}
	if !named {
		t.Error("it didn't say for whom it waits")
	}
	db.Exec(t, "SELECT 1/count(*)::int FROM pg_index WHERE indexrelid = 'i'::regclass AND indisvalid")
}

// TestForeignIndexIsLeftAlone: an index of that name which was there before is
// neither taken for the revision's own nor dropped.
func TestForeignIndexIsLeftAlone(t *testing.T) {
	t.Parallel()
	for name, create := range map[string]string{
		"valid": "CREATE INDEX CONCURRENTLY i ON t (id);", "invalid": "CREATE INDEX CONCURRENTLY i ON t (id);", "invalid, if not exists": "CREATE INDEX CONCURRENTLY IF NOT EXISTS i ON t (id);",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := pgtest.New(t)
			db.Exec(t, "CREATE TABLE t (id int, other int); INSERT INTO t VALUES (1, 1), (1, 1)")
			conn := db.Connect(t)
			if name == "valid" {
				db.Exec(t, "CREATE INDEX i ON t (other)")
			} else if _, err := conn.Exec(t.Context(), "CREATE UNIQUE INDEX CONCURRENTLY i ON t (other)"); err == nil {
				t.Fatal("it is valid")
			}
			m := newMigrator(t, files(" transaction:false\nINSERT INTO t VALUES (2, 2);\n"+create), aludel.Options{})
			for range 3 {
				_, err := m.Upgrade(t.Context(), db.Connect(t), aludel.UpgradeOptions{})
				var partial *aludel.PartialError
				isPartial := errors.As(err, &partial) // also when it goes on, and meets the index again
				if err == nil || !strings.Contains(err.Error(), "already") || isPartial != (name == "valid") || isPartial && partial.Done != 1 {
					t.Fatalf("%v", err)
				}
				db.Exec(t, "SELECT 1/count(*)::int FROM pg_indexes WHERE indexdef LIKE '%i ON public.t USING btree (other)'")
			}
			db.Exec(t, "DROP INDEX i")
			if _, err := m.Upgrade(t.Context(), db.Connect(t), aludel.UpgradeOptions{}); err != nil {
				t.Fatal(err)
			}
			db.Exec(t, "SELECT 1/count(*)::int FROM pg_indexes WHERE indexdef LIKE '%i ON public.t USING btree (id)'; SELECT 1/count(*)::int FROM t WHERE id = 2")
		})
	}
}

// TestCutOffConcurrently: what DETACH and REINDEX leave when they are cut off in the
// middle, where they wait for an old snapshot, is finished or cleared away.
func TestCutOffConcurrently(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ statement, holds, left, done string }{
		"detach": {
			"ALTER TABLE p DETACH PARTITION p1 CONCURRENTLY;", "SELECT * FROM p", "SELECT 1/count(*)::int FROM pg_inherits WHERE inhdetachpending",
			"SELECT 1/(1 - count(*)::int) FROM pg_inherits WHERE inhrelid = 'p1'::regclass",
		},
		"reindex table": {
			"REINDEX TABLE CONCURRENTLY t;", "UPDATE t SET id = id", "SELECT 1/count(*)::int FROM pg_index WHERE NOT indisvalid",
			"SELECT 1/(1 - count(*)::int) FROM pg_class WHERE relname LIKE '%ccnew%' OR relname LIKE '%ccold%'",
		},
		"reindex index": {
			"REINDEX (VERBOSE) INDEX CONCURRENTLY i;", "UPDATE t SET id = id", "SELECT 1/count(*)::int FROM pg_index WHERE NOT indisvalid",
			"SELECT 1/(1 - count(*)::int) FROM pg_class WHERE relname LIKE '%ccnew%' OR relname LIKE '%ccold%'",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := pgtest.New(t)
			if aludel.ServerMajor(db.Connect(t)) < 14 && name == "detach" {
				t.Skip("DETACH PARTITION CONCURRENTLY is there from PostgreSQL 14 on")
			}
			db.Exec(t, "CREATE TABLE p (id int) PARTITION BY LIST (id); CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1); CREATE TABLE t (id int); CREATE INDEX i ON t (id); INSERT INTO t VALUES (1)")
			holder, watcher := db.Connect(t), db.Connect(t)
			hold(t, holder, c.holds)
			ctx, cancel := context.WithCancel(t.Context())
			go func() {
				defer cancel()
				for waits := false; !waits && t.Context().Err() == nil; {
					_ = watcher.QueryRow(t.Context(), "SELECT EXISTS (SELECT FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE NOT l.granted AND l.locktype = 'virtualxid' AND a.datname = current_database())").Scan(&waits)
				}
			}()
			m := newMigrator(t, files(" transaction:false\n"+c.statement), aludel.Options{})
			_, err := m.Upgrade(ctx, db.Connect(t), aludel.UpgradeOptions{})
			if !errors.Is(err, context.Canceled) {
				t.Fatalf("%v", err)
			}
			db.Exec(t, c.left)
			release(t, holder)
			if _, err := m.Upgrade(t.Context(), db.Connect(t), aludel.UpgradeOptions{}); err != nil {
				t.Fatal(err)
			}
			db.Exec(t, c.done)
			db.Exec(t, "SELECT 1/count(*)::int FROM alembic_version")
			db.Exec(t, "SELECT 1/(1 - count(*)::int) FROM pg_index WHERE NOT indisvalid")
		})
	}
}
