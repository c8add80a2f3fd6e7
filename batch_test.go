package aludel_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/aludel-db/aludel"
	"github.com/aludel-db/aludel/internal/pgtest"
	"github.com/aludel-db/aludel/internal/sqltext"
)

// batched is a revision with one statement that runs over table t in batches.
func batched(size int, statement string) string {
	return fmt.Sprintf(" transaction:false lock_timeout:50ms\n-- migrate:batch table=t size=%d\n%s;", size, statement)
}

// count adds one to each row that it meets.
const count = "UPDATE t SET n = n + 1 WHERE id BETWEEN :from AND :to"

// counted checks that each row was met once.
func counted(t *testing.T, db *pgtest.DB, rows int) {
	t.Helper()
	if got := fmt.Sprint(db.Query(t, "SELECT count(*), coalesce(min(n), 1), coalesce(max(n), 1) FROM t")); got != fmt.Sprintf("[[%d 1 1]]", rows) {
		t.Errorf("rows, least and most often met are %s", got)
	}
}

// TestBatchKeys runs over keys of many types, in the order that PostgreSQL has
// for them.
func TestBatchKeys(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ before, columns, rows, where string }{
		"int":       {"", "id int PRIMARY KEY", "i - 500", ""},
		"bigint":    {"", "id bigint PRIMARY KEY", "i * 9000000000 * (-1) ^ i", ""},
		"extremes":  {"", "id smallint PRIMARY KEY", "CASE WHEN i < 500 THEN -32769 + i ELSE 32767 - i + 500 END", ""},
		"numeric":   {"", "id numeric PRIMARY KEY", "i / 7.0", ""},
		"double":    {"", "id float8 PRIMARY KEY", "CASE i WHEN 1 THEN 'NaN' WHEN 2 THEN '-Infinity' ELSE i / 7::float8 END", ""},
		"uuid":      {"", "id uuid PRIMARY KEY", "md5(i::text)::uuid", ""},
		"text":      {"", "id text PRIMARY KEY", `CASE i WHEN 1 THEN '' WHEN 2 THEN $$it's \n "odd"$$ ELSE md5(i::text) || 'é' END`, ""},
		"text C":    {"", `id text COLLATE "C" PRIMARY KEY`, "CASE WHEN i % 2 = 0 THEN upper(md5(i::text)) ELSE md5(i::text) END", ""},
		"text ICU":  {"", `id text COLLATE "und-x-icu" PRIMARY KEY`, "CASE WHEN i % 2 = 0 THEN upper(md5(i::text)) ELSE md5(i::text) || '-Ä' END", ""},
		"char":      {"", "id char(8) PRIMARY KEY", "i::text", ""},
		"varchar":   {"", "id varchar(8) PRIMARY KEY", "i::text", ""},
		"bytea":     {"", "id bytea PRIMARY KEY", "decode(md5(i::text), 'hex')", ""},
		"bit":       {"", "id bit(16) PRIMARY KEY", "i::bit(16)", ""},
		"timestamp": {"", "id timestamp PRIMARY KEY", "timestamp '2026-01-02' + i * interval '1.000001 day'", ""},
		"time zone": {"", "id timestamptz PRIMARY KEY", "timestamptz '2026-01-02' + i * interval '7 hours'", ""},
		"date":      {"", "id date PRIMARY KEY", "CASE i WHEN 1 THEN date '-infinity' ELSE date '2026-01-02' + i END", ""},
		"enum": {
			"CREATE TYPE \"Odd\".e AS ENUM ('z', 'y''', 'x')", `id "Odd".e, part int, PRIMARY KEY (id, part)`,
			"(enum_range(NULL::\"Odd\".e))[i % 3 + 1], i", "(id, part) BETWEEN :from AND :to",
		},
		"domain": {
			`CREATE DOMAIN "Odd".d AS text COLLATE "C" CHECK (VALUE <> '')`, `id "Odd".d COLLATE "und-x-icu" PRIMARY KEY`,
			"CASE WHEN i % 2 = 0 THEN upper(md5(i::text)) ELSE md5(i::text) END", "",
		},
		"composite":   {"", "a int, b text, id int, PRIMARY KEY (b, a)", "i % 3, (i / 3)::text, i", "(b, a) >= :from AND (b, a) <= :to"},
		"parentheses": {"", `"A a" int, b uuid, id int, PRIMARY KEY ("A a", b)`, "i % 3, md5(i::text)::uuid, i", `("A a", b) >= (:from) AND ("A a", b) <= (:to)`},
		"included":    {"", "id int, more int, PRIMARY KEY (id) INCLUDE (more)", "i, 0", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := pgtest.New(t)
			db.Exec(t, `CREATE SCHEMA "Odd"; `+c.before+`; CREATE TABLE t (`+c.columns+`, n int DEFAULT 0); INSERT INTO t SELECT `+c.rows+` FROM generate_series(1, 1000) i`)
			db.Exec(t, "ALTER DATABASE "+db.Name+" SET datestyle = 'SQL, DMY'; ALTER DATABASE "+db.Name+" SET timezone = 'Asia/Kolkata'; ALTER DATABASE "+
				db.Name+" SET extra_float_digits = 0; ALTER DATABASE "+db.Name+" SET bytea_output = 'escape'")
			statement := count
			if c.where != "" {
				statement = strings.Replace(count, "id BETWEEN :from AND :to", c.where, 1)
			}
			batches, rows := 0, int64(0)
			m := newMigrator(t, files(batched(7, statement)), aludel.Options{OnEvent: func(e aludel.Event) {
				if e.Kind == aludel.BatchDone {
					batches++
					rows = e.Rows
				}
			}})
			if _, err := m.Upgrade(context.Background(), db.Connect(t), aludel.UpgradeOptions{}); err != nil {
				t.Fatal(err)
			}
			counted(t, db, 1000)
			if batches < 5 || rows != 1000 {
				t.Errorf("%d batches over %d rows", batches, rows)
			}
		})
	}
}

// upgradeUntil upgrades, and has stop end the run at its n-th batch. It answers
// the batches of the run.
func upgradeUntil(t *testing.T, db *pgtest.DB, m func(func(aludel.Event)) *aludel.Migrator, n int, stop func(cancel func(), pid uint32)) (batches int, err error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	conn, err := pgx.ConnectConfig(ctx, db.Config())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	_, err = m(func(e aludel.Event) {
		if e.Kind == aludel.BatchDone {
			if batches++; batches == n {
				stop(cancel, conn.PgConn().PID())
			}
		}
	}).Upgrade(ctx, conn, aludel.UpgradeOptions{})
	return batches, err
}

// TestBatchIsContinued ends a run at its first, second, … batch, until one comes
// through: each row is met once.
func TestBatchIsContinued(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		stop        func(t *testing.T, db *pgtest.DB) func(cancel func(), pid uint32)
		interrupted bool
	}{
		"cancelled": {func(*testing.T, *pgtest.DB) func(func(), uint32) {
			return func(cancel func(), _ uint32) { cancel() }
		}, true},
		"killed": {func(t *testing.T, db *pgtest.DB) func(func(), uint32) {
			t.Helper()
			return func(_ func(), pid uint32) { db.Exec(t, fmt.Sprintf("SELECT pg_terminate_backend(%d)", pid)) }
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := pgtest.New(t)
			db.Exec(t, "CREATE TABLE t (id int PRIMARY KEY, n int DEFAULT 0); INSERT INTO t SELECT i FROM generate_series(1, 500) i")
			fsys := files(batched(3, count))
			stop := c.stop(t, db)
			migrator := func(onEvent func(aludel.Event)) *aludel.Migrator {
				return newMigrator(t, fsys, aludel.Options{OnEvent: onEvent})
			}
			n := 1
			for ; ; n++ {
				batches, err := upgradeUntil(t, db, migrator, n, stop)
				if err == nil {
					break
				}
				var partial *aludel.PartialError
				if batches != n || !errors.As(err, &partial) || partial.Rows == 0 || errors.Is(err, context.Canceled) != c.interrupted {
					t.Fatalf("%d batches of %d: %v", batches, n, err)
				}
				status, err := migrator(nil).Status(context.Background(), db.Connect(t))
				if err != nil || len(status.Partial) != 1 || status.Partial[0].Rows != partial.Rows {
					t.Fatalf("the status is %+v, %v", status, err)
				}
			}
			if n < 3 {
				t.Errorf("it came through at try %d", n)
			}
			counted(t, db, 500)
		})
	}
}

// TestBatchOfASessionThatLivesOn cuts the connection in the middle of a batch.
// The server goes on with it, and the next run waits until it is known what
// became of it.
func TestBatchOfASessionThatLivesOn(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(t, "CREATE TABLE t (id int PRIMARY KEY, n int DEFAULT 0); INSERT INTO t SELECT i FROM generate_series(1, 10) i")
	fsys := files(" transaction:false lock_timeout:1h\n-- migrate:batch table=t size=10\nUPDATE t SET n = n + 1 WHERE id BETWEEN :from AND :to AND pg_advisory_xact_lock_shared(7) IS NOT NULL;")
	holder := db.Connect(t)
	ctx := context.Background()
	if _, err := holder.Exec(ctx, "SELECT pg_advisory_lock(7)"); err != nil {
		t.Fatal(err)
	}
	// As of a process that is killed, no word gets through to the server: pgx
	// would ask it to cancel.
	config, dead := db.Config(), atomic.Bool{}
	dial := config.DialFunc
	config.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		if dead.Load() {
			return nil, net.ErrClosed
		}
		return dial(ctx, network, address)
	}
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		t.Fatal(err)
	}
	failed := make(chan error, 1)
	go func() {
		_, err := newMigrator(t, fsys, aludel.Options{LockTimeout: -1, MaxStall: -1}).Upgrade(ctx, conn, aludel.UpgradeOptions{})
		failed <- err
	}()
	awaitRow(t, db, "SELECT FROM pg_locks WHERE NOT granted AND locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())")
	dead.Store(true)
	_ = conn.PgConn().Conn().Close()
	if err := <-failed; err == nil {
		t.Fatal("no error")
	}
	waits := make(chan string, 1)
	m := newMigrator(t, fsys, aludel.Options{LockWait: time.Minute, OnEvent: func(e aludel.Event) {
		if e.Kind == aludel.SessionAwaited {
			waits <- e.Holder
		}
	}})
	go func() {
		_, err := m.Upgrade(ctx, bareConnect(t, db), aludel.UpgradeOptions{})
		failed <- err
	}()
	select {
	case err := <-failed:
		t.Fatalf("it didn't wait: %v", err)
	case waited := <-waits:
		if !strings.HasPrefix(waited, fmt.Sprintf("pid %d,", conn.PgConn().PID())) {
			t.Errorf("it waits for %s", waited)
		}
	}
	if _, err := holder.Exec(ctx, "SELECT pg_advisory_unlock(7)"); err != nil {
		t.Fatal(err)
	}
	if err := <-failed; err != nil {
		t.Fatal(err)
	}
	counted(t, db, 10)
}

// awaitRow waits until a query has an answer.
func awaitRow(t *testing.T, db *pgtest.DB, query string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	conn := db.Connect(t)
	for {
		var found bool
		if err := conn.QueryRow(ctx, "SELECT EXISTS ("+query+")").Scan(&found); err != nil {
			t.Fatalf("waiting for %s: %v", query, err)
		}
		if found {
			return
		}
	}
}

// TestBatchTakenOver has another run note that it goes on with the statement: the
// one that is slow must not run another batch over the same rows.
func TestBatchTakenOver(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(t, "CREATE TABLE t (id int PRIMARY KEY, n int DEFAULT 0); INSERT INTO t SELECT i FROM generate_series(1, 100) i")
	entries := 0
	m := newMigrator(t, files(batched(10, count)), aludel.Options{OnEvent: func(e aludel.Event) {
		if e.Kind == aludel.BatchDone && entries < 2 {
			entries++
			db.Exec(t, `INSERT INTO aludel_history (revision, direction, outcome, message, host, program, statements, statements_done, done_checksum, batch)
				SELECT revision, direction, outcome, message, host, 'the other run', statements, statements_done, done_checksum, batch FROM aludel_history ORDER BY id DESC LIMIT 1`)
		}
	}})
	if _, err := m.Upgrade(context.Background(), db.Connect(t), aludel.UpgradeOptions{}); err != nil {
		t.Fatal(err)
	}
	counted(t, db, 100)
	got := fmt.Sprint(db.Query(t, "SELECT string_agg(outcome || CASE program WHEN 'the other run' THEN ' elsewhere' ELSE '' END, ', ' ORDER BY id) FROM aludel_history"))
	if want := "[[running, running elsewhere, running, running elsewhere, running, done]]"; got != want {
		t.Errorf("the history is %s", got)
	}
}

// TestBatchEnds has each batch add rows behind the others: those are not for this
// statement.
func TestBatchEnds(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(t, "CREATE TABLE t (id int PRIMARY KEY, n int DEFAULT 0); INSERT INTO t SELECT i FROM generate_series(1, 100) i")
	m := newMigrator(t, files(batched(10, "WITH batch AS ("+count+" RETURNING id) INSERT INTO t SELECT id + 1000, 1 FROM batch")), aludel.Options{})
	if _, err := m.Upgrade(context.Background(), db.Connect(t), aludel.UpgradeOptions{}); err != nil {
		t.Fatal(err)
	}
	counted(t, db, 200)
}

// TestBatchTables runs over what there is in the configured schema: a
// partitioned table, one without rows, one that an earlier statement makes.
func TestBatchTables(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(t, `CREATE SCHEMA "App"; SET search_path = "App"; CREATE TABLE t (id int PRIMARY KEY, n int DEFAULT 0) PARTITION BY RANGE (id);
		CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (0) TO (50); CREATE TABLE t2 PARTITION OF t FOR VALUES FROM (50) TO (200);
		INSERT INTO t SELECT i FROM generate_series(1, 100) i; CREATE TABLE empty (id int PRIMARY KEY);
		CREATE TABLE public.t (id text); CREATE TABLE public.empty (id text)`)
	batches := map[string]int{}
	m := newMigrator(t, files(batched(10, count)+`
-- migrate:batch table=empty size=10
DELETE FROM empty WHERE id BETWEEN :from AND :to;
CREATE TABLE later (id int PRIMARY KEY);
INSERT INTO later VALUES (1);
-- migrate:batch table="App".later
DELETE FROM later WHERE id BETWEEN :from AND :to;`), aludel.Options{Schema: "App", OnEvent: func(e aludel.Event) {
		if e.Kind == aludel.BatchDone {
			batches[e.Object]++
		}
	}})
	if _, err := m.Upgrade(context.Background(), db.Connect(t), aludel.UpgradeOptions{}); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(db.Query(t, `SELECT count(*), min(n), max(n), (SELECT count(*) FROM "App".later) FROM "App".t`)); got != "[[100 1 1 0]]" {
		t.Errorf("got %s", got)
	}
	if batches["t"] < 3 || batches["empty"] != 0 || batches[`"App".later`] != 1 {
		t.Errorf("the batches are %v", batches)
	}
}

// TestBatchRefused: what can't be run over is said with its place, before the
// first statement of the section runs.
func TestBatchRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ before, want string }{
		"unknown": {"", "000.sql:8:1: there is no table t to run over in batches"},
		"no key":  {"CREATE TABLE t (id int UNIQUE NOT NULL)", "000.sql:8:1: table t has no primary key for batches to follow"},
		"view":    {"CREATE VIEW t AS SELECT 1 AS id", "000.sql:8:1: t is not a table"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := pgtest.New(t)
			db.Exec(t, c.before)
			m := newMigrator(t, files(" transaction:false\nCREATE SEQUENCE ran;\n"+strings.SplitN(batched(10, count), "\n", 2)[1]), aludel.Options{})
			_, err := m.Upgrade(context.Background(), db.Connect(t), aludel.UpgradeOptions{})
			var file *aludel.FileError
			if !errors.As(err, &file) || file.Error() != c.want || file.Hint == "" {
				t.Errorf("got %v", err)
			}
			if got := fmt.Sprint(db.Query(t, "SELECT to_regclass('ran') IS NULL")); got != "[[t]]" {
				t.Error("the statement in front has run")
			}
		})
	}
}

// TestBatchFails: an error of the server is shown at its place in the file, and
// what the batches before it have done stands.
func TestBatchFails(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(t, "CREATE TABLE t (id int PRIMARY KEY, n int DEFAULT 0); INSERT INTO t SELECT i FROM generate_series(1, 100) i")
	bad := "UPDATE t SET n = n + 1\nWHERE id BETWEEN :from AND :to AND nosuch > 0"
	m := newMigrator(t, files(batched(10, bad)), aludel.Options{})
	_, err := m.Upgrade(context.Background(), db.Connect(t), aludel.UpgradeOptions{})
	var statement *aludel.StatementError
	if !errors.As(err, &statement) || statement.Line != 9 || statement.Column != 36 || statement.SQLState != "42703" {
		t.Errorf("got %v", err)
	}
	m = newMigrator(t, files(batched(10, "UPDATE t SET n = n + 1 / (51 - id) / (51 - id) + 1 WHERE id BETWEEN :from AND :to")), aludel.Options{})
	_, err = m.Upgrade(context.Background(), db.Connect(t), aludel.UpgradeOptions{})
	var partial *aludel.PartialError
	if !errors.As(err, &statement) || statement.Line != 8 || statement.SQLState != "22012" || !errors.As(err, &partial) || partial.Rows == 0 {
		t.Errorf("got %v", err)
	}
	if _, err := newMigrator(t, files(batched(10, count)), aludel.Options{}).Upgrade(context.Background(), db.Connect(t), aludel.UpgradeOptions{}); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(db.Query(t, "SELECT count(*) FROM t WHERE n <> 1 AND id <> 50")); got != "[[0]]" {
		t.Errorf("%s rows were met twice or never", got)
	}
}

// TestBatchKeyChanges gives the table another primary key while a statement is
// on its way: its place says nothing any more.
func TestBatchKeyChanges(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(t, "CREATE TABLE t (id int PRIMARY KEY, n int DEFAULT 0); INSERT INTO t SELECT i FROM generate_series(1, 100) i")
	fsys := files(batched(10, count))
	_, err := upgradeUntil(t, db, func(onEvent func(aludel.Event)) *aludel.Migrator {
		return newMigrator(t, fsys, aludel.Options{OnEvent: onEvent})
	}, 2, func(cancel func(), _ uint32) { cancel() })
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	db.Exec(t, "ALTER TABLE t DROP CONSTRAINT t_pkey, ADD PRIMARY KEY (n, id)")
	_, err = newMigrator(t, fsys, aludel.Options{}).Upgrade(context.Background(), db.Connect(t), aludel.UpgradeOptions{})
	var file *aludel.FileError
	if !errors.As(err, &file) || !strings.Contains(file.Message, "is another one than when the batches began") {
		t.Errorf("got %v", err)
	}
}

// TestBatchWaitsForRows has somebody hold a row: the batch is tried again, for a
// few rows less.
func TestBatchWaitsForRows(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(t, "CREATE TABLE t (id int PRIMARY KEY, n int DEFAULT 0); INSERT INTO t SELECT i FROM generate_series(1, 100) i")
	holder, err := db.Connect(t).Begin(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := holder.Exec(context.Background(), "SELECT FROM t WHERE id = 100 FOR UPDATE"); err != nil {
		t.Fatal(err)
	}
	retries, first := 0, int64(0)
	m := newMigrator(t, files(batched(100, count)), aludel.Options{OnEvent: func(e aludel.Event) {
		switch {
		case e.Kind == aludel.StepRetried:
			if retries++; retries == 3 {
				_ = holder.Rollback(context.Background()) // lets go
			}
		case e.Kind == aludel.BatchDone && first == 0:
			first = e.Rows
		}
	}})
	if _, err := m.Upgrade(context.Background(), db.Connect(t), aludel.UpgradeOptions{}); err != nil {
		t.Fatal(err)
	}
	counted(t, db, 100)
	if retries < 3 || first != 50 {
		t.Errorf("%d retries; the first batch was of %d rows", retries, first)
	}
}

// TestBatchMakesWay has a client wait for a row of the first batch.
func TestBatchMakesWay(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(t, `CREATE TABLE t (id int PRIMARY KEY, n int DEFAULT 0); INSERT INTO t SELECT i FROM generate_series(1, 100) i;
CREATE FUNCTION until_awaited(first int) RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$BEGIN
	WHILE first = 1 AND NOT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid))) LOOP
		PERFORM pg_advisory_xact_lock(9), pg_sleep(0.001);
	END LOOP;
	RETURN true;
END$$`)
	waited := make(chan error)
	go func() {
		awaitRow(t, db, "SELECT FROM pg_locks WHERE granted AND locktype = 'advisory' AND objid = 9 AND database = (SELECT oid FROM pg_database WHERE datname = current_database())")
		conn, err := pgx.ConnectConfig(context.Background(), db.Config())
		if err == nil {
			_, err = conn.Exec(context.Background(), "UPDATE t SET n = n WHERE id = 1")
			_ = conn.Close(context.Background())
		}
		waited <- err
	}()
	var slowed []string
	m := newMigrator(t, files(batched(50, "WITH batch AS ("+count+" RETURNING id) SELECT until_awaited(min(id)) FROM batch")), aludel.Options{OnEvent: func(e aludel.Event) {
		if e.Kind == aludel.BatchDone {
			slowed = append(slowed, fmt.Sprintf("%d %s", e.Rows, e.Slowed))
		}
	}})
	if _, err := m.Upgrade(context.Background(), db.Connect(t), aludel.UpgradeOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := <-waited; err != nil {
		t.Fatal(err)
	}
	counted(t, db, 100)
	if len(slowed) < 2 || slowed[0] != "50 another session waited for it" || slowed[1] != "75 " {
		t.Errorf("the batches were %q", slowed)
	}
}

// TestBatchInOldHistory runs on a history from before there were batches.
func TestBatchInOldHistory(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(t, "CREATE TABLE t (id int PRIMARY KEY, n int DEFAULT 0); INSERT INTO t SELECT i FROM generate_series(1, 100) i")
	fsys := files("\nCREATE TABLE u ();", batched(10, count))
	m := newMigrator(t, fsys, aludel.Options{})
	if _, err := m.Upgrade(context.Background(), db.Connect(t), aludel.UpgradeOptions{Target: "r1"}); err != nil {
		t.Fatal(err)
	}
	db.Exec(t, "ALTER TABLE aludel_history DROP COLUMN batch")
	if _, err := m.Status(context.Background(), db.Connect(t)); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Upgrade(context.Background(), db.Connect(t), aludel.UpgradeOptions{}); err != nil {
		t.Fatal(err)
	}
	counted(t, db, 100)
}

// TestBatchWaitsForReplica has a replica that gets what the server writes and
// replays none of it: here a client that speaks as one, since to the server a
// replica is no more than that.
func TestBatchWaitsForReplica(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	config := pgtest.NewPasswordServer(t)
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(ctx) }()
	if _, err := conn.Exec(ctx, "CREATE TABLE t (id int PRIMARY KEY, n int DEFAULT 0); INSERT INTO t SELECT i FROM generate_series(1, 100) i", pgx.QueryExecModeSimpleProtocol); err != nil {
		t.Fatal(err)
	}
	stop := replica(t, config)
	for ready := false; !ready; {
		if err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_stat_replication WHERE state = 'streaming' AND replay_lsn IS NOT NULL)").Scan(&ready); err != nil {
			t.Fatal(err)
		}
	}
	var slowed []string
	var pauses []time.Duration
	write := "WITH batch AS (" + count + " RETURNING id) SELECT pg_logical_emit_message(false, 'x', repeat('x', 9000000)) FROM batch WHERE id < 4"
	m := newMigrator(t, files(batched(1, write)), aludel.Options{OnEvent: func(e aludel.Event) {
		if e.Kind != aludel.BatchDone {
			return
		}
		slowed, pauses = append(slowed, e.Slowed), append(pauses, e.Pause)
		if len(slowed) == 4 {
			stop()
		}
	}})
	if _, err := m.Upgrade(ctx, conn, aludel.UpgradeOptions{}); err != nil {
		t.Fatal(err)
	}
	if len(slowed) < 6 || slowed[0] != "" || !strings.HasPrefix(slowed[3], "replica snail is ") || slowed[len(slowed)-1] != "" {
		t.Errorf("batches were slowed by %q", slowed)
	}
	if pauses[3] < 100*time.Millisecond {
		t.Errorf("the pauses are %v", pauses)
	}
}

// replica connects as a replica that has replayed what there is at this moment,
// and never any more.
func replica(t *testing.T, config *pgx.ConnConfig) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	c := config.Config.Copy()
	c.RuntimeParams["replication"], c.RuntimeParams["application_name"] = "true", "snail"
	conn, err := pgconn.ConnectConfig(ctx, c)
	if err != nil {
		t.Fatal(err)
	}
	results, err := conn.Exec(ctx, "IDENTIFY_SYSTEM").ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	at := string(results[0].Rows[0][2])
	conn.Frontend().SendQuery(&pgproto3.Query{String: "START_REPLICATION PHYSICAL " + at})
	var high, low uint64
	if _, err := fmt.Sscanf(at, "%X/%X", &high, &low); err != nil {
		t.Fatal(err)
	}
	status := []byte{'r'} // a standby's status: what it has written, flushed and replayed, its clock, no answer wanted
	for range 3 {
		status = binary.BigEndian.AppendUint64(status, high<<32|low)
	}
	conn.Frontend().Send(&pgproto3.CopyData{Data: append(binary.BigEndian.AppendUint64(status, 0), 0)})
	if err := conn.Frontend().Flush(); err != nil {
		t.Fatal(err)
	}
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		for {
			if _, err := conn.ReceiveMessage(ctx); err != nil {
				return
			}
		}
	}()
	stop = func() {
		cancel()
		<-gone
		_ = conn.Close(context.Background())
	}
	t.Cleanup(stop)
	return stop
}

// TestBatchOffline runs the script of offline mode, as psql does: statement by
// statement.
func TestBatchOffline(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ columns, rows, where string }{
		"int":       {"id int PRIMARY KEY", "i", "id BETWEEN :from AND :to"},
		"composite": {`"A $aludel$ a" text COLLATE "und-x-icu", b numeric, PRIMARY KEY ("A $aludel$ a", b)`, "chr(i / 2 + 30), i / 7.0", `("A $aludel$ a", b) BETWEEN :from AND :to`},
		"time zone": {"id timestamptz PRIMARY KEY", "timestamptz '2026-01-02' + i * interval '7 hours'", "id >= :from AND id <= :to"},
		"empty":     {"id int PRIMARY KEY", "i WHERE false", "id BETWEEN :from AND :to"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := pgtest.New(t)
			rows := strings.Replace(c.rows, "WHERE", "FROM generate_series(1, 100) i WHERE", 1)
			if rows == c.rows {
				rows += " FROM generate_series(1, 100) i"
			}
			db.Exec(t, `CREATE SCHEMA app; CREATE TABLE app.t (`+c.columns+`, n int DEFAULT 0); INSERT INTO app.t SELECT `+rows)
			var script strings.Builder
			m := newMigrator(t, files(batched(7, "/* it's */ UPDATE t SET n = n + 1 WHERE "+c.where)), aludel.Options{Schema: "app"})
			if err := m.WriteSQL(&script, aludel.PlanOptions{Direction: aludel.Up}); err != nil {
				t.Fatal(err)
			}
			statements, err := sqltext.Split(script.String())
			if err != nil {
				t.Fatal(err)
			}
			conn := db.Connect(t)
			for _, s := range statements {
				if _, err := conn.Exec(context.Background(), s.Text, pgx.QueryExecModeSimpleProtocol); err != nil {
					t.Fatalf("%v in\n%s", err, s.Text)
				}
			}
			if got := fmt.Sprint(db.Query(t, "SELECT version_num, (SELECT count(*) FROM app.t WHERE n <> 1) FROM app.alembic_version")); got != "[[r1 0]]" {
				t.Errorf("version and rows not met once are %s", got)
			}
			want := 0
			if name != "empty" {
				want = 15
			}
			if got := fmt.Sprint(db.Query(t, "SELECT count(DISTINCT xmin::text) FROM app.t")); got != fmt.Sprintf("[[%d]]", want) {
				t.Errorf("there were %s transactions", got)
			}
		})
	}
}
