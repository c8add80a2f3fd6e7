package aludel_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/aludel-db/aludel"
	"github.com/aludel-db/aludel/internal/pgtest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }

// files makes a chain of revisions r1, r2, … of the given up sections.
func files(ups ...string) fstest.MapFS {
	fsys, parent := fstest.MapFS{}, ""
	for i, up := range ups {
		id := fmt.Sprintf("r%d", i+1)
		fsys[fmt.Sprintf("%03d.sql", i)] = &fstest.MapFile{Data: []byte(
			"-- " + id + "\n--\n-- revision: " + id + "\n-- down_revision: " + parent + "\n\n-- migrate:up" + up + "\n-- migrate:down\n")}
		parent = id
	}
	return fsys
}

func newMigrator(t *testing.T, fsys fstest.MapFS, options aludel.Options) *aludel.Migrator {
	t.Helper()
	m, err := aludel.New(fsys, options)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestManyAtOnce starts twenty upgrades of one empty database together, with an
// index built CONCURRENTLY among the revisions: each revision runs once, and
// nobody fails.
func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	m := newMigrator(t, files("\nCREATE TABLE t (id int);", " transaction:false\nCREATE INDEX CONCURRENTLY i ON t (id);", "\nCREATE TABLE u (id int);",
		"\nINSERT INTO t VALUES (1);"), aludel.Options{})
	var wg sync.WaitGroup
	for range 20 {
		conn := db.Connect(t)
		wg.Go(func() {
			if _, err := m.Upgrade(context.Background(), conn, aludel.UpgradeOptions{}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	got := db.Query(t, "SELECT (SELECT count(*) FROM t), (SELECT count(*) FROM aludel_history WHERE outcome = 'done'), (SELECT version_num FROM alembic_version)")
	if fmt.Sprint(got) != "[[1 4 r4]]" {
		t.Errorf("rows, done entries and version are %v", got)
	}
}

// TestRowsChangedMeanwhile lets somebody who takes no lock change the version
// rows while the transactions for them are on their way: the plan is made anew.
func TestRowsChangedMeanwhile(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	fsys := files("\nCREATE TABLE a ();", "\nCREATE TABLE b ();", "\nCREATE TABLE c ();")
	ctx := context.Background()
	if _, err := newMigrator(t, fsys, aludel.Options{}).Upgrade(ctx, db.Connect(t), aludel.UpgradeOptions{Target: "r1"}); err != nil {
		t.Fatal(err)
	}
	other, err := db.Connect(t).Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.Exec(ctx, "CREATE TABLE b (); UPDATE alembic_version SET version_num = 'r2'"); err != nil {
		t.Fatal(err)
	}
	m := newMigrator(t, fsys, aludel.Options{LockTimeout: 20 * time.Millisecond, OnEvent: func(e aludel.Event) {
		if e.Kind == aludel.SessionAwaited { // who applies r2 is in the way
			_ = other.Commit(ctx)
		}
	}})
	if _, err := m.Upgrade(ctx, db.Connect(t), aludel.UpgradeOptions{Target: "r3"}); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(db.Query(t, "SELECT version_num, to_regclass('c') IS NOT NULL FROM alembic_version")); got != "[[r3 t]]" {
		t.Errorf("got %s", got)
	}
}

// TestLostConnection ends the server's process in the middle of a migration.
func TestLostConnection(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	m := newMigrator(t, files("\nCREATE TABLE a ();", "\nCREATE TABLE b ();\nSELECT pg_terminate_backend(pg_backend_pid());"), aludel.Options{})
	_, err := m.Upgrade(context.Background(), db.Connect(t), aludel.UpgradeOptions{})
	if err == nil {
		t.Fatal("no error")
	}
	if got := fmt.Sprint(db.Query(t, "SELECT version_num, to_regclass('b') IS NULL FROM alembic_version")); got != "[[r1 t]]" {
		t.Errorf("got %s after %v", got, err)
	}
}

// TestLostAtCommit loses the connection after the COMMIT was sent: a deferred
// trigger ends the process while it commits, so nothing is applied, and the
// version table is asked rather than guessed at.
func TestLostAtCommit(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	m := newMigrator(t, files(`
CREATE TABLE a (id int);
CREATE FUNCTION quit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER quit AFTER INSERT ON a DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION quit();
INSERT INTO a VALUES (1);`), aludel.Options{})
	_, err := m.Upgrade(context.Background(), db.Connect(t), aludel.UpgradeOptions{})
	if err == nil {
		t.Fatal("no error")
	}
	if got := fmt.Sprint(db.Query(t, "SELECT count(*), to_regclass('a') IS NULL FROM alembic_version")); got != "[[0 t]]" {
		t.Errorf("got %s after %v", got, err)
	}
}

// TestLockTimeoutIsRetried holds a table for the first tries of a migration.
func TestLockTimeoutIsRetried(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(t, "CREATE TABLE t (id int)")
	holder := db.Connect(t)
	tx, err := holder.Begin(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(context.Background(), "LOCK TABLE t IN ACCESS SHARE MODE"); err != nil {
		t.Fatal(err)
	}
	retries := 0
	m := newMigrator(t, files(" lock_timeout:20ms\nALTER TABLE t ADD COLUMN a int;"), aludel.Options{MaxStall: -1, OnEvent: func(e aludel.Event) {
		if e.Kind == aludel.StepRetried {
			if retries++; retries == 2 {
				_ = tx.Rollback(context.Background()) // lets go
			}
		}
	}})
	if _, err := m.Upgrade(context.Background(), db.Connect(t), aludel.UpgradeOptions{}); err != nil || retries < 2 {
		t.Fatalf("%d retries, %v", retries, err)
	}
	// With no wait at all it gives up at once.
	tx2, err := db.Connect(t).Begin(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx2.Exec(context.Background(), "LOCK TABLE t IN ACCESS SHARE MODE"); err != nil {
		t.Fatal(err)
	}
	impatient := newMigrator(t, files(" lock_timeout:20ms\nALTER TABLE t ADD COLUMN a int;", " lock_timeout:20ms\nALTER TABLE t ADD COLUMN b int;"), aludel.Options{LockWait: -1, MaxStall: -1})
	_, err = impatient.Upgrade(context.Background(), db.Connect(t), aludel.UpgradeOptions{})
	var timeout *aludel.LockTimeoutError
	if !errors.As(err, &timeout) || timeout.Tries != 1 {
		t.Fatalf("got %v", err)
	}
}

// TestVersionTableElsewhere keeps the version table in another schema and
// under another name.
func TestVersionTableElsewhere(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	m := newMigrator(t, files("\nCREATE TABLE t ();"), aludel.Options{Schema: "Work", VersionTable: "my version", VersionTableSchema: "meta"})
	conn := db.Connect(t)
	_, err := m.Upgrade(context.Background(), conn, aludel.UpgradeOptions{})
	var missing *aludel.SchemaError
	if !errors.As(err, &missing) || missing.Schema != "Work" {
		t.Fatalf("got %v", err)
	}
	if _, err := m.Upgrade(context.Background(), conn, aludel.UpgradeOptions{CreateSchema: true}); err != nil {
		t.Fatal(err)
	}
	got := db.Query(t, `SELECT (SELECT version_num FROM meta."my version"), (SELECT count(*) FROM meta."my version_history"), to_regclass('"Work".t') IS NOT NULL`)
	if fmt.Sprint(got) != "[[r1 1 t]]" {
		t.Errorf("got %v", got)
	}
}

// TestReadingWritesNothing: what only looks leaves the database as it was.
func TestReadingWritesNothing(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	before := db.Dump(t)
	m := newMigrator(t, files("\nCREATE TABLE t ();"), aludel.Options{})
	conn := db.Connect(t)
	ctx := context.Background()
	if _, _, err := m.Current(ctx, conn); err != nil {
		t.Error(err)
	}
	if _, err := m.Status(ctx, conn); err != nil {
		t.Error(err)
	}
	if _, err := m.Plan(ctx, conn, aludel.PlanOptions{Direction: aludel.Up}); err != nil {
		t.Error(err)
	}
	if _, err := m.Downgrade(ctx, conn, aludel.DowngradeOptions{Target: "base"}); err != nil {
		t.Error(err)
	}
	if after := db.Dump(t); after != before {
		t.Errorf("before:\n%s\nafter:\n%s", before, after)
	}
}

// TestBareConnection uses a connection as a program has it, with pgx's own way
// to end statements, and leaves it usable.
func TestBareConnection(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	conn := bareConnect(t, db)
	m := newMigrator(t, files("\nSET search_path = '';\nCREATE TABLE public.t (id int);"), aludel.Options{})
	if _, err := m.Upgrade(context.Background(), conn, aludel.UpgradeOptions{}); err != nil {
		t.Fatal(err)
	}
	var path string
	if err := conn.QueryRow(context.Background(), "SHOW search_path").Scan(&path); err != nil || !strings.Contains(path, "public") {
		t.Errorf("search_path is %q, %v", path, err)
	}
}

// bareConnect connects as a program would that knows nothing of aludel.
func bareConnect(t *testing.T, db *pgtest.DB) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(context.Background(), db.URL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// file is one of the given sections.
func file(id, down, up, back string) *fstest.MapFile {
	return &fstest.MapFile{Data: []byte("-- " + id + "\n--\n-- revision: " + id + "\n-- down_revision: " + down + "\n\n-- migrate:up" + up + "\n-- migrate:down" + back + "\n")}
}
