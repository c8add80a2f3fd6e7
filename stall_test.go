package aludel_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/aludel-db/aludel"
	"github.com/aludel-db/aludel/internal/pgtest"
)

// TestLooksBeforeItQueues: while somebody reads the table in a transaction, the
// migration says who, and nobody has to queue behind it.
func TestLooksBeforeItQueues(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(t, "CREATE TABLE t (id int)")
	reader, other := db.Connect(t), db.Connect(t)
	hold(t, reader, "SELECT * FROM t")
	var blockers []aludel.Blocker
	m := newMigrator(t, files("\nALTER TABLE t ADD COLUMN x int;"), aludel.Options{OnEvent: func(e aludel.Event) {
		if e.Kind != aludel.LocksAwaited {
			return
		}
		blockers = e.Blockers
		// This would be refused if anybody waited for a lock that conflicts with it.
		if _, err := other.Exec(t.Context(), "BEGIN; LOCK TABLE t IN ACCESS SHARE MODE NOWAIT; COMMIT"); err != nil {
			t.Errorf("others have to queue: %v", err)
		}
		release(t, reader)
	}})
	if _, err := m.Upgrade(t.Context(), db.Connect(t), aludel.UpgradeOptions{}); err != nil {
		t.Fatal(err)
	}
	if len(blockers) != 1 || blockers[0].PID != int(reader.PgConn().PID()) || blockers[0].Relation != "t" || blockers[0].Mode != "AccessShareLock" {
		t.Errorf("it waited for %v", blockers)
	}
	if text := blockers[0].String(); !strings.Contains(text, "SELECT * FROM t") || !strings.Contains(text, "idle in transaction") {
		t.Errorf("it says %q", text)
	}
}

// TestSeesOthersWithoutPrivileges: the owner of the tables is not shown what
// others' transactions are about, but that they go on.
func TestSeesOthersWithoutPrivileges(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	role := "plain_" + db.Name
	db.Exec(t, "CREATE ROLE "+role+" LOGIN; GRANT CREATE ON SCHEMA public TO "+role+"; CREATE TABLE t (id int); ALTER TABLE t OWNER TO "+role)
	reader, conn, admin := db.Connect(t), db.Connect(t), db.Connect(t)
	t.Cleanup(func() {
		if _, err := admin.Exec(context.Background(), "DROP OWNED BY "+role+"; DROP ROLE "+role); err != nil {
			t.Error(err)
		}
	})
	if _, err := conn.Exec(t.Context(), "SET SESSION AUTHORIZATION "+role); err != nil {
		t.Fatal(err)
	}
	hold(t, reader, "SELECT * FROM t")
	said := ""
	m := newMigrator(t, files("\nALTER TABLE t ADD COLUMN x int;"), aludel.Options{OnEvent: func(e aludel.Event) {
		if e.Kind == aludel.LocksAwaited {
			said = e.Blockers[0].String()
			release(t, reader)
		}
	}})
	if _, err := m.Upgrade(t.Context(), conn, aludel.UpgradeOptions{}); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(said, "pg_read_all_stats") || strings.Contains(said, "SELECT") {
		t.Errorf("it says %q", said)
	}
}

// TestGivesUpOnLocks names who held them all the time, and changes nothing.
func TestGivesUpOnLocks(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(t, "CREATE TABLE t (id int)")
	reader := db.Connect(t)
	hold(t, reader, "SELECT * FROM t")
	for _, up := range []string{
		"\nALTER TABLE t ADD COLUMN x int;",
		"\nDO $$ BEGIN ALTER TABLE t ADD COLUMN x int; END $$;", // which nobody can look into
		" transaction:false\nALTER TABLE t ADD COLUMN x int;",
	} {
		m := newMigrator(t, files(up), aludel.Options{LockWait: 400 * time.Millisecond})
		_, err := m.Upgrade(t.Context(), db.Connect(t), aludel.UpgradeOptions{})
		var timeout *aludel.LockTimeoutError
		if !errors.As(err, &timeout) {
			t.Fatalf("%s: %v", up, err)
		}
		if isCode := strings.Contains(up, "DO"); !isCode && (len(timeout.Blockers) != 1 || timeout.Blockers[0].PID != int(reader.PgConn().PID())) {
			t.Errorf("%s: it names %v", up, timeout.Blockers)
		}
		db.Exec(t, "SELECT 1/(1 - count(*)::int) FROM pg_attribute WHERE attrelid = 't'::regclass AND attname = 'x'")
		db.Exec(t, "SELECT 1/(1 - count(*)::int) FROM alembic_version")
	}
}

// TestGuardCancels: a migration that holds a lock and takes its time is cancelled
// for the first one who waits for it.
func TestGuardCancels(t *testing.T) {
	t.Parallel()
	for name, up := range map[string]string{
		"SQL":  "\nALTER TABLE t ADD COLUMN x int;\nSELECT pg_sleep(60);",
		"code": "\nDO $$ BEGIN ALTER TABLE t ADD COLUMN x int; PERFORM pg_sleep(60); END $$;",
		"rows": "\nUPDATE t SET id = id;\nSELECT pg_sleep(60);",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := pgtest.New(t)
			db.Exec(t, "CREATE TABLE t (id int); INSERT INTO t VALUES (1)")
			conn, client := db.Connect(t), db.Connect(t)
			read := make(chan error, 1)
			m := newMigrator(t, files(up), aludel.Options{OnEvent: func(e aludel.Event) {
				if e.Kind == aludel.StepStarted {
					go func() { read <- afterSleepBegins(t.Context(), db.Connect(t), client) }()
				}
			}})
			_, err := m.Upgrade(t.Context(), conn, aludel.UpgradeOptions{})
			var stall *aludel.StallError
			if !errors.As(err, &stall) || stall.PID != int(client.PgConn().PID()) {
				t.Fatalf("%v", err)
			}
			if err := <-read; err != nil {
				t.Errorf("the client that waited: %v", err)
			}
			var statement *aludel.StatementError
			if !errors.As(err, &statement) || statement.SQLState != "57014" {
				t.Errorf("the statement is not told: %v", err)
			}
			db.Exec(t, "SELECT 1/(1 - count(*)::int) FROM pg_attribute WHERE attrelid = 't'::regclass AND attname = 'x'")
			db.Exec(t, "SELECT 1/(1 - count(*)::int) FROM alembic_version")
			db.Exec(t, "SELECT 1/count(*)::int FROM aludel_history WHERE outcome = 'failed'")
		})
	}
}

// afterSleepBegins writes to the table once the migration sleeps.
func afterSleepBegins(ctx context.Context, watcher, client *pgx.Conn) error {
	for asleep := false; !asleep; {
		err := watcher.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep')").Scan(&asleep)
		if err != nil {
			return err
		}
	}
	_, err := client.Exec(ctx, "UPDATE t SET id = 2")
	return err
}

// TestGuardEndsQueueing: what queues for a lock, so that others queue behind it,
// is taken out of the queue, and tried again.
func TestGuardEndsQueueing(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(t, "CREATE TABLE t (id int)")
	reader, client, watcher := db.Connect(t), db.Connect(t), db.Connect(t)
	hold(t, reader, "SELECT * FROM t")
	read := make(chan error, 1)
	retried := 0
	m := newMigrator(t, files(" lock_timeout:0\nDO $$ BEGIN ALTER TABLE t ADD COLUMN x int; END $$;"), aludel.Options{OnEvent: func(e aludel.Event) {
		switch e.Kind {
		case aludel.StepStarted:
			go func() { read <- behindQueue(t.Context(), watcher, client) }()
		case aludel.StepRetried:
			if retried++; retried == 1 {
				release(t, reader)
			}
		}
	}})
	if _, err := m.Upgrade(t.Context(), db.Connect(t), aludel.UpgradeOptions{}); err != nil {
		t.Fatal(err)
	}
	if retried == 0 {
		t.Error("it was not tried again")
	}
	if err := <-read; err != nil {
		t.Error(err)
	}
}

// behindQueue reads the table once somebody queues for it.
func behindQueue(ctx context.Context, watcher, client *pgx.Conn) error {
	for queued := false; !queued; {
		err := watcher.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_locks WHERE relation = 't'::regclass AND NOT granted)").Scan(&queued)
		if err != nil {
			return err
		}
	}
	_, err := client.Exec(ctx, "SELECT * FROM t")
	return err
}

// hold leaves a transaction open.
func hold(t *testing.T, conn *pgx.Conn, sql string) {
	t.Helper()
	for _, sql := range []string{"BEGIN", sql} {
		if _, err := conn.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
}

func release(t *testing.T, conn *pgx.Conn) {
	t.Helper()
	if _, err := conn.Exec(t.Context(), "COMMIT"); err != nil {
		t.Error(err)
	}
}

// TestAutovacuumGivesWay: one at work on the table is asked to let the migration
// by where the role may do that, and else waited for.
func TestAutovacuumGivesWay(t *testing.T) {
	t.Parallel()
	server := pgtest.NewPasswordServer(t)
	admin := connectTo(t, server)
	run := func(sql string) {
		t.Helper()
		for _, sql := range strings.Split(sql, ";") {
			if _, err := admin.Exec(t.Context(), sql); err != nil {
				t.Fatalf("%v in %s", err, sql)
			}
		}
	}
	run("ALTER SYSTEM SET autovacuum_naptime = '1s'; ALTER SYSTEM SET deadlock_timeout = '1h'; SELECT pg_reload_conf(); CREATE ROLE plain; CREATE ROLE granted;" +
		"GRANT ALL ON SCHEMA public TO plain, granted; GRANT pg_read_all_stats TO granted")
	if aludel.ServerMajor(admin) >= 15 {
		run("GRANT SET ON PARAMETER deadlock_timeout TO granted")
	}
	for _, role := range []string{server.User, "granted", "plain"} {
		if role == "granted" && aludel.ServerMajor(admin) < 15 {
			continue // there is no such grant
		}
		// So slow that it would take hours.
		run("CREATE TABLE t (id int) WITH (autovacuum_vacuum_threshold = 0, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_cost_delay = 100, autovacuum_vacuum_cost_limit = 1);" +
			"ALTER TABLE t OWNER TO \"" + role + "\"; INSERT INTO t SELECT generate_series(1, 100000); DELETE FROM t")
		for busy := false; !busy; {
			err := admin.QueryRow(t.Context(), "SELECT EXISTS (SELECT FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE l.relation = 't'::regclass AND a.backend_type = 'autovacuum worker' AND a.query LIKE '%VACUUM%public.t%')").Scan(&busy)
			if err != nil {
				t.Fatal(err)
			}
		}
		waited := false
		m := newMigrator(t, files("\nALTER TABLE t ADD COLUMN x int;"), aludel.Options{OnEvent: func(e aludel.Event) {
			if e.Kind == aludel.LocksAwaited && role == "plain" {
				waited = true
				run("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE backend_type = 'autovacuum worker'")
			}
		}})
		conn := connectTo(t, server)
		if _, err := conn.Exec(t.Context(), "SET SESSION AUTHORIZATION \""+role+"\""); err != nil {
			t.Fatal(err)
		}
		if _, err := m.Upgrade(t.Context(), conn, aludel.UpgradeOptions{}); err != nil {
			t.Fatalf("%s: %v", role, err)
		}
		if waited != (role == "plain") {
			t.Errorf("%s: waited %t", role, waited)
		}
		run("DROP TABLE t, alembic_version, aludel_history")
	}
}

func connectTo(t *testing.T, config *pgx.ConnConfig) *pgx.Conn {
	t.Helper()
	conn, err := pgx.ConnectConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// TestClientsAreNoVictims: a client that locks two tables in the other order than
// a migration is never the one who has to give in to a deadlock.
func TestClientsAreNoVictims(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(t, "CREATE TABLE a (id int); CREATE TABLE b (id int); INSERT INTO a VALUES (1); INSERT INTO b VALUES (1)")
	client, stop, ended := db.Connect(t), make(chan struct{}), make(chan error, 1)
	go func() {
		for {
			select {
			case <-stop:
				ended <- nil
				return
			default:
			}
			for _, sql := range []string{"BEGIN", "UPDATE b SET id = id", "SELECT pg_sleep(0.01)", "UPDATE a SET id = id", "COMMIT"} {
				if _, err := client.Exec(t.Context(), sql); err != nil {
					ended <- fmt.Errorf("%s: %w", sql, err)
					return
				}
			}
		}
	}()
	var ups []string
	for i := range 3 {
		ups = append(ups, fmt.Sprintf("\nALTER TABLE a ADD COLUMN x%[1]d int;\nALTER TABLE b ADD COLUMN x%[1]d int;", i))
	}
	_, err := newMigrator(t, files(ups...), aludel.Options{}).Upgrade(t.Context(), db.Connect(t), aludel.UpgradeOptions{})
	close(stop)
	if err := errors.Join(err, <-ended); err != nil {
		t.Fatal(err)
	}
}

// TestLocksFirst: a transaction that needs several has them all before its first
// statement runs, where they are there and its own to take. Without PL/pgSQL each
// comes with its statement.
func TestLocksFirst(t *testing.T) {
	t.Parallel()
	up := `
CREATE TABLE seen AS SELECT relation::regclass::text || ' ' || mode AS lock FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'relation' AND mode ~ 'Share(RowExclusive)?Lock|AccessExclusive' AND mode <> 'AccessShareLock' AND relation::regclass::text IN ('a', 'b', 'c', 'v');
ALTER TABLE b ADD COLUMN x int;
CREATE INDEX ON a (id);
CREATE TABLE new (id int);
ALTER TABLE new ADD COLUMN x int;
COMMENT ON VIEW v IS 'not a table';
ALTER TABLE c ADD COLUMN x int;`
	for _, language := range []bool{true, false} {
		db := pgtest.New(t)
		db.Exec(t, "CREATE TABLE b (id int); CREATE TABLE a (id int); CREATE TABLE c (id int); CREATE VIEW v AS SELECT 1 AS one")
		want := "[a ShareLock, b AccessExclusiveLock, c AccessExclusiveLock]"
		if !language {
			db.Exec(t, "DROP EXTENSION plpgsql")
			want = "[<nil>]"
		}
		conn := db.Connect(t)
		if _, err := newMigrator(t, files(up), aludel.Options{}).Upgrade(t.Context(), conn, aludel.UpgradeOptions{}); err != nil {
			t.Fatal(err)
		}
		if got := query(t, conn, "SELECT string_agg(lock, ', ' ORDER BY lock) FROM seen"); got != want {
			t.Errorf("with PL/pgSQL %v: %s", language, got)
		}
	}
}
