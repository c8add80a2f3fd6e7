package aludel_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/aludel-db/aludel"
	"github.com/aludel-db/aludel/internal/pgtest"
)

func exec(sql string) func(context.Context, pgx.Tx) error {
	return func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, sql)
		return err
	}
}

func execConn(sql string) func(context.Context, *aludel.Session) error {
	return func(ctx context.Context, s *aludel.Session) error {
		_, err := s.Exec(ctx, sql)
		return err
	}
}

// answer lists the values of a query's only column.
func answer(t *testing.T, conn *pgx.Conn, sql string) string {
	t.Helper()
	return strings.Trim(query(t, conn, "SELECT coalesce(string_agg(x, ', '), '') FROM ("+sql+") q (x)"), "[]")
}

// TestGoRevisions stand among files, up and down, each in its own transaction or
// all in one.
func TestGoRevisions(t *testing.T) {
	t.Parallel()
	for _, single := range []bool{false, true} {
		db := pgtest.New(t)
		conn := db.Connect(t)
		fsys := files("\nCREATE TABLE t (id int PRIMARY KEY, name text);\nINSERT INTO t VALUES (1, 'one');")
		fsys["x.sql"] = file("r3", "g2", "\nINSERT INTO t SELECT 3, name || '3' FROM t WHERE id = 2;", "\nDELETE FROM t WHERE id = 3;")
		m := newMigrator(t, fsys, aludel.Options{SingleTransaction: single, Revisions: []aludel.GoRevision{{
			ID: "g2", Message: "two", DownRevisions: []string{"r1"},
			Up: func(ctx context.Context, tx pgx.Tx) error {
				var name string // what an earlier step has done is there
				if err := tx.QueryRow(ctx, "SELECT name FROM t WHERE id = $1", 1).Scan(&name); err != nil {
					return err
				}
				_, err := tx.Exec(ctx, "INSERT INTO t VALUES ($1, $2)", 2, strings.ToUpper(name))
				return err
			},
			Down: exec("DELETE FROM t WHERE id = 2"),
		}}})
		result, err := m.Upgrade(t.Context(), conn, aludel.UpgradeOptions{})
		if err != nil || len(result.Steps) != 3 {
			t.Fatalf("%+v %v", result, err)
		}
		if got := answer(t, conn, "SELECT name FROM t ORDER BY id"); got != "one, ONE, ONE3" {
			t.Error(got)
		}
		if status, err := m.Status(t.Context(), conn); err != nil || !status.OK() {
			t.Errorf("%+v %v", status, err)
		}
		if got := answer(t, conn, "SELECT revision || ' ' || outcome || ' ' || message FROM aludel_history WHERE revision = 'g2'"); got != "g2 done two" {
			t.Error(got)
		}
		if _, err := m.Downgrade(t.Context(), conn, aludel.DowngradeOptions{Target: "r1"}); err != nil {
			t.Fatal(err)
		}
		if got := answer(t, conn, "SELECT name FROM t ORDER BY id"); got != "one" {
			t.Error(got)
		}
	}
}

// TestGoRevisionFails: nothing of it stays, what went before it does, and the error
// leads to the code and to the server's.
func TestGoRevisionFails(t *testing.T) {
	t.Parallel()
	mine := errors.New("mine")
	for name, test := range map[string]struct {
		up   func(context.Context, pgx.Tx) error
		want string
	}{
		"an error of its own": {func(ctx context.Context, tx pgx.Tx) error {
			return errors.Join(exec("INSERT INTO t VALUES (7)")(ctx, tx), mine)
		}, "go_revision_test.go"},
		"the server's":          {exec("SELECT nothing FROM t"), `column "nothing" does not exist (SQLSTATE 42703)`},
		"a swallowed error":     {func(ctx context.Context, tx pgx.Tx) error { _ = exec("SELECT 1/0")(ctx, tx); return nil }, "the code went on"},
		"a panic":               {func(ctx context.Context, tx pgx.Tx) error { _ = exec("INSERT INTO t VALUES (7)")(ctx, tx); panic("no") }, "panic: no"},
		"a commit of its own":   {func(ctx context.Context, tx pgx.Tx) error { return tx.Commit(ctx) }, "isn't its own to commit"},
		"a commit in SQL":       {exec("INSERT INTO t VALUES (7); ROLLBACK"), "isn't its own to commit"},
		"another transaction":   {exec("INSERT INTO t VALUES (7); ROLLBACK; BEGIN"), "isn't its own to commit"},
		"a deferred constraint": {exec("INSERT INTO c VALUES (7)"), `violates foreign key constraint "c_id_fkey"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn := pgtest.New(t).Connect(t)
			m := newMigrator(t, files("\nCREATE TABLE t (id int PRIMARY KEY); CREATE TABLE c (id int REFERENCES t DEFERRABLE INITIALLY DEFERRED);"),
				aludel.Options{Revisions: []aludel.GoRevision{{ID: "g2", DownRevisions: []string{"r1"}, Up: test.up}}})
			_, err := m.Upgrade(t.Context(), conn, aludel.UpgradeOptions{})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("%q is not in %v", test.want, err)
			}
			if name == "an error of its own" && !errors.Is(err, mine) {
				t.Error("not the code's own error")
			}
			var server *pgconn.PgError
			if name == "the server's" && !errors.As(err, &server) {
				t.Error("not the server's error")
			}
			var code *aludel.GoError
			if name != "a deferred constraint" && (!errors.As(err, &code) || code.Revision != "g2" || code.Line == 0) {
				t.Errorf("%#v", code)
			}
			if got := answer(t, conn, "SELECT version_num FROM alembic_version UNION ALL SELECT id::text FROM t"); got != "r1" {
				t.Error(got)
			}
			if conn.PgConn().TxStatus() != 'I' {
				t.Error("the connection is left in a transaction")
			}
		})
	}
}

// TestGoRevisionWrong is refused before a database is needed.
func TestGoRevisionWrong(t *testing.T) {
	t.Parallel()
	up := exec("SELECT 1")
	for want, r := range map[string]aludel.GoRevision{
		"Go revision 'a' has neither Up nor UpConn":                 {ID: "a"},
		"Go revision 'a' has both Up and UpConn: leave one":         {ID: "a", Up: up, UpConn: execConn("")},
		"Go revision 'a' has both Down and DownConn: leave one":     {ID: "a", Up: up, Down: up, DownConn: execConn("")},
		"Go revision 'a' is Irreversible and has a way down":        {ID: "a", Up: up, Down: up, Irreversible: "x"},
		"the revision identifier is empty":                          {Up: up},
		"Character(s) '@' not allowed in revision identifier 'a@b'": {ID: "a@b", Up: up},
		"names zz as its down_revision, but no file has that":       {ID: "a", Up: up, DownRevisions: []string{"zz"}},
		"Revision r1 is present more than once":                     {ID: "r1", Up: up},
	} {
		_, err := aludel.New(files("\nSELECT 1;"), aludel.Options{Revisions: []aludel.GoRevision{r}})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in %v", want, err)
		}
	}
	m := newMigrator(t, nil, aludel.Options{Revisions: []aludel.GoRevision{{ID: "a", Up: up}}})
	if err := m.WriteSQL(&strings.Builder{}, aludel.PlanOptions{Direction: aludel.Up}); err == nil || !strings.Contains(err.Error(), "is written in Go") {
		t.Error(err)
	}
	_, err := m.Downgrade(t.Context(), pgtest.New(t).Connect(t), aludel.DowngradeOptions{Target: "base"})
	if err != nil {
		t.Error(err)
	}
}

// TestGoRevisionOutside runs outside a transaction; when it fails it is partial, and
// the next run finishes it.
func TestGoRevisionOutside(t *testing.T) {
	t.Parallel()
	conn := pgtest.New(t).Connect(t)
	var cut [2]bool // each walk once, behind its first batch: how large they are is the clock's to say
	m := newMigrator(t, files("\nCREATE TABLE t (id int PRIMARY KEY, n int);\nINSERT INTO t SELECT g, 0 FROM generate_series(1, 250) g;"), aludel.Options{
		Revisions: []aludel.GoRevision{{
			ID: "g2", DownRevisions: []string{"r1"}, DownConn: execConn("DROP INDEX CONCURRENTLY IF EXISTS i"),
			UpConn: func(ctx context.Context, s *aludel.Session) error {
				if _, err := s.Exec(ctx, "CREATE INDEX CONCURRENTLY IF NOT EXISTS i ON t (n)"); err != nil {
					return err
				}
				for walk, by := range []int{1, 10} {
					batches := 0
					err := s.InBatches(ctx, aludel.Batch{Table: "t", Size: 50}, func(ctx context.Context, tx pgx.Tx, r aludel.BatchRange) error {
						if batches++; batches == 2 && !cut[walk] {
							cut[walk] = true
							return errors.New("power cut")
						}
						_, err := tx.Exec(ctx, "UPDATE t SET n = n + $3 WHERE id BETWEEN $1 AND $2", r.From[0], r.To[0], by)
						return err
					})
					if err != nil {
						return err
					}
				}
				return nil
			},
		}},
	})
	for _, done := range []int{0, 1} {
		_, err := m.Upgrade(t.Context(), conn, aludel.UpgradeOptions{})
		var partial *aludel.PartialError
		if !errors.As(err, &partial) || partial.Done != done || partial.Rows == 0 {
			t.Fatalf("after %d walks: %v", done, err)
		}
		if status, err := m.Status(t.Context(), conn); err != nil || len(status.Partial) != 1 {
			t.Fatalf("%+v %v", status, err)
		}
	}
	if _, err := m.Upgrade(t.Context(), conn, aludel.UpgradeOptions{}); err != nil {
		t.Fatal(err)
	}
	if got := answer(t, conn, "SELECT n || ' ' || count(*) FROM t GROUP BY n"); got != "11 250" {
		t.Errorf("each row is met once by each walk: %s", got)
	}
	if _, err := m.Downgrade(t.Context(), conn, aludel.DowngradeOptions{Target: "r1"}); err != nil {
		t.Fatal(err)
	}
	if got := answer(t, conn, "SELECT to_regclass('i')::text"); got != "" {
		t.Error(got)
	}
}

// TestGoRevisionOutsideFails: what it must not leave behind, and what it must not
// swallow.
func TestGoRevisionOutsideFails(t *testing.T) {
	t.Parallel()
	walk := func(table string, do func(context.Context, pgx.Tx, aludel.BatchRange) error) func(context.Context, *aludel.Session) error {
		return func(ctx context.Context, s *aludel.Session) error {
			_ = s.InBatches(ctx, aludel.Batch{Table: table}, do)
			return nil
		}
	}
	for want, up := range map[string]func(context.Context, *aludel.Session) error{
		"it leaves a transaction open":                     execConn("BEGIN"),
		"the connection is closed":                         func(ctx context.Context, s *aludel.Session) error { return s.Close(ctx) },
		"there is no table nowhere to run over in batches": walk("nowhere", nil),
		`"a b" is not the name of a table`: func(ctx context.Context, s *aludel.Session) error {
			return s.InBatches(ctx, aludel.Batch{Table: "a b"}, nil)
		},
		"batches failed, and the code went on": walk("t", func(context.Context, pgx.Tx, aludel.BatchRange) error { return errors.New("x") }),
		"panic":                                walk("t", nil),
		"batches are transactions of their own: there is one open": func(ctx context.Context, s *aludel.Session) error {
			return errors.Join(execConn("BEGIN")(ctx, s), s.InBatches(ctx, aludel.Batch{Table: "t"}, nil))
		},
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			db := pgtest.New(t)
			conn := db.Connect(t)
			m := newMigrator(t, files("\nCREATE TABLE t (id int PRIMARY KEY);\nINSERT INTO t VALUES (1);"), aludel.Options{
				Revisions: []aludel.GoRevision{{ID: "g2", DownRevisions: []string{"r1"}, UpConn: up}},
			})
			if _, err := m.Upgrade(t.Context(), conn, aludel.UpgradeOptions{}); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%q is not in %v", want, err)
			}
			if got := answer(t, db.Connect(t), "SELECT version_num FROM alembic_version"); got != "r1" {
				t.Error(got)
			}
		})
	}
}

// TestGoRevisionStall: code that has others wait is cancelled, whether it is in a
// statement or asleep.
func TestGoRevisionStall(t *testing.T) {
	t.Parallel()
	for name, slow := range map[string]func(context.Context, pgx.Tx) error{
		"in a statement": exec("SELECT pg_sleep(60)"),
		"asleep":         func(ctx context.Context, _ pgx.Tx) error { <-ctx.Done(); return ctx.Err() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := pgtest.New(t)
			conn := db.Connect(t)
			locked := make(chan struct{})
			m := newMigrator(t, files("\nCREATE TABLE t (id int);"), aludel.Options{
				MaxStall: 100 * time.Millisecond,
				Revisions: []aludel.GoRevision{{ID: "g2", DownRevisions: []string{"r1"}, Up: func(ctx context.Context, tx pgx.Tx) error {
					if err := exec("LOCK TABLE t")(ctx, tx); err != nil {
						return err
					}
					close(locked)
					return slow(ctx, tx)
				}}},
			})
			client := make(chan error, 1)
			other := db.Connect(t)
			go func() {
				<-locked
				_, err := other.Exec(context.Background(), "SELECT count(*) FROM t")
				client <- err
			}()
			_, err := m.Upgrade(t.Context(), conn, aludel.UpgradeOptions{})
			var stall *aludel.StallError
			if !errors.As(err, &stall) || stall.Relation != "t" {
				t.Errorf("%v", err)
			}
			if err := <-client; err != nil {
				t.Error(err)
			}
		})
	}
}

// cancelAsleep cancels when a session of the database sleeps: a request that comes
// before its statement cancels nothing.
func cancelAsleep(ctx context.Context, watcher *pgx.Conn, cancel context.CancelFunc) {
	defer cancel()
	for asleep := false; !asleep; {
		err := watcher.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep')").Scan(&asleep)
		if err != nil {
			return
		}
	}
}

// TestGoRevisionInterrupted: its statement is cancelled on the server, it is rolled
// back, and the connection lives.
func TestGoRevisionInterrupted(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	conn := db.Connect(t)
	watcher := db.Connect(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	m := newMigrator(t, files("\nCREATE TABLE t (id int);"), aludel.Options{Revisions: []aludel.GoRevision{{
		ID: "g2", DownRevisions: []string{"r1"}, Up: func(ctx context.Context, tx pgx.Tx) error {
			if err := exec("INSERT INTO t VALUES (1)")(ctx, tx); err != nil {
				return err
			}
			go cancelAsleep(ctx, watcher, cancel)
			return exec("SELECT pg_sleep(60)")(ctx, tx)
		},
	}}})
	_, err := m.Upgrade(ctx, conn, aludel.UpgradeOptions{})
	var interrupted *aludel.InterruptedError
	if !errors.As(err, &interrupted) || !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if got := answer(t, conn, "SELECT version_num FROM alembic_version UNION ALL SELECT id::text FROM t"); got != "r1" {
		t.Error(got)
	}
}

// TestGoRevisionTriedAgain runs into a lock that somebody holds, and is tried again
// when that is gone.
func TestGoRevisionTriedAgain(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(t, "CREATE TABLE t (id int)")
	blocker, conn := db.Connect(t), db.Connect(t)
	if _, err := blocker.Exec(t.Context(), "BEGIN; LOCK TABLE t"); err != nil {
		t.Fatal(err)
	}
	tries := 0
	m := newMigrator(t, nil, aludel.Options{
		LockTimeout: 50 * time.Millisecond,
		OnEvent: func(e aludel.Event) {
			if e.Kind == aludel.StepRetried {
				if _, err := blocker.Exec(context.Background(), "COMMIT"); err != nil {
					t.Error(err)
				}
			}
		},
		Revisions: []aludel.GoRevision{{ID: "g1", Up: func(ctx context.Context, tx pgx.Tx) error {
			tries++
			return exec(fmt.Sprintf("ALTER TABLE t ADD c%d int", tries))(ctx, tx)
		}}},
	})
	if _, err := m.Upgrade(t.Context(), conn, aludel.UpgradeOptions{}); err != nil || tries != 2 {
		t.Fatal(tries, err)
	}
	if got := answer(t, conn, "SELECT attname::text FROM pg_attribute WHERE attrelid = 't'::regclass AND attnum > 1"); got != "c2" {
		t.Error(got)
	}
}
