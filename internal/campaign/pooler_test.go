package campaign_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/aludel-db/aludel/internal/pgtest"
)

// through are revisions that a pooler can be trusted with. What they leave in the session
// is not to be found by others.
var through = []script{
	history[0], history[1],
	{"r3", `
SET work_mem = '7MB';
SET search_path = pg_catalog;
CREATE TEMP TABLE scratch AS SELECT 1 AS one;
SELECT pg_advisory_lock(4711);
CREATE INDEX orders_total ON public.orders (total);`, `
SET work_mem = '7MB';
DROP INDEX public.orders_total;`},
	{"r4", `
UPDATE orders SET cents = cents + 10;`, `
UPDATE orders SET cents = cents - 10;`},
}

// poolSize is the number of sessions that a pool has on the server.
const poolSize = 8

// TestPooler runs processes together through pgbouncer, whose clients get another
// session of the server with each transaction.
func TestPooler(t *testing.T) {
	t.Parallel()
	c := newCampaign(t)
	dir := writeScripts(t, through)
	db := newDatabase(t)
	pool := startPooler(t, db, "transaction")
	target := "r4"
	for round := 0; round < *rounds && !c.over(); round++ {
		doing := fmt.Sprintf("round %d of %d processes, to %s", round, *racers, target)
		for _, o := range together(t, c, pool, dir, direction(version(t, db), target), target) {
			if o.status != 0 {
				t.Errorf("%s: %s", doing, summary(o))
			}
		}
		if got := version(t, db); got != target {
			t.Errorf("%s: the database is at %s", doing, got)
		}
		for rule, sql := range rules {
			if rows := db.Query(t, sql); len(rows) > 0 {
				t.Errorf("%s: %s: %v", doing, rule, rows)
			}
		}
		noDeadlock(t, db, doing)
		nothingLeft(t, db, pool, doing)
		c.count("rounds")
		if target = "r4"; version(t, db) == "r4" {
			target = "r1"
		}
	}
}

// TestPoolerRefused has statements outside a transaction, which need one session for
// all of it: they are refused before anything runs.
func TestPoolerRefused(t *testing.T) {
	t.Parallel()
	c := newCampaign(t)
	dir := writeHistory(t)
	db := newDatabase(t)
	pool := startPooler(t, db, "transaction")
	for _, target := range []string{head, "r3"} {
		got := plainly(t, pool, dir, "upgrade", target)
		if got.status != 2 || !strings.Contains(got.output, "r3.sql:6 says transaction:false") {
			t.Errorf("got %s", summary(got))
		}
		if v := version(t, db); v != "base" {
			t.Errorf("the database is at %s", v)
		}
		nothingLeft(t, db, pool, "after a refusal")
		c.count("refused")
	}
}

// TestPoolerOfSessions goes through pgbouncer in session mode, which is like no pooler
// at all, though the number of the session is another one than the connection says.
func TestPoolerOfSessions(t *testing.T) {
	t.Parallel()
	c := newCampaign(t)
	dir := writeHistory(t)
	states := cleanRuns(t, dir)
	db := newDatabase(t)
	pool := startPooler(t, db, "session")
	for _, target := range []string{head, "r1", head} {
		if got := plainly(t, pool, dir, direction(version(t, db), target), target); got.status != 0 {
			t.Errorf("to %s: %s", target, summary(got))
		}
		states.check(t, db, target, "through a pooler of sessions to "+target)
		nothingLeft(t, db, pool, "at "+target)
		c.count("runs")
	}
}

// nothingLeft looks at each session of the pool: no lock, no setting, no temporary table.
func nothingLeft(t *testing.T, db *pgtest.DB, pool place, doing string) {
	t.Helper()
	if rows := db.Query(t, "SELECT pid, objid FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"); len(rows) > 0 {
		t.Errorf("%s: advisory locks are left: %v", doing, rows)
	}
	want := db.Query(t, settings)
	seen := map[string]bool{}
	for range poolSize { // each holds its session, so that the next one gets another
		conn := pool.connect(t)
		defer func() { _ = conn.Close(t.Context()) }()
		var pid string
		var got []string
		if _, err := conn.Exec(t.Context(), "BEGIN", pgx.QueryExecModeSimpleProtocol); err != nil {
			t.Fatal(err)
		}
		if err := conn.QueryRow(t.Context(), "SELECT pg_backend_pid()::text, ARRAY["+strings.TrimPrefix(settings, "SELECT ")+"]",
			pgx.QueryExecModeSimpleProtocol).Scan(&pid, &got); err != nil {
			t.Fatal(err)
		}
		seen[pid] = true
		if fmt.Sprint(got) != fmt.Sprint(want[0]) {
			t.Errorf("%s: session %s of the pool has %v, want %v", doing, pid, got, want[0])
		}
	}
	if len(seen) != poolSize {
		t.Errorf("%d sessions of %d were looked at", len(seen), poolSize)
	}
}

const settings = "SELECT current_setting('search_path'), current_setting('lock_timeout'), current_setting('statement_timeout'), " +
	"current_setting('work_mem'), current_setting('idle_in_transaction_session_timeout'), current_user::text, " +
	"(SELECT count(*) FROM pg_class WHERE relpersistence = 't' AND relnamespace = pg_my_temp_schema())::text"

func (p place) connect(t *testing.T) *pgx.Conn {
	t.Helper()
	config, err := pgx.ParseConfig(fmt.Sprintf("host=%s port=%d user=%s dbname=%s sslmode=disable", p.host, p.port, p.user, p.db))
	if err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.ConnectConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

// startPooler starts pgbouncer in front of a database.
func startPooler(t *testing.T, db *pgtest.DB, mode string) place {
	t.Helper()
	bouncer, err := exec.LookPath("pgbouncer")
	if err != nil {
		bouncer = "/usr/sbin/pgbouncer" // Debian's, which users don't have on their PATH
	}
	if _, err := os.Stat(bouncer); err != nil {
		t.Skip("pgbouncer is not installed: scripts/install pgbouncer does it")
	}
	dir, err := os.MkdirTemp("", "pool") //nolint:usetesting // t.TempDir's names are too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	ini := fmt.Sprintf("[databases]\n* = host=%s port=%d user=%s\n[pgbouncer]\npool_mode = %s\nlisten_addr =\nlisten_port = 6432\n"+
		"unix_socket_dir = %s\nauth_type = any\ndefault_pool_size = %d\nmax_client_conn = 200\n", db.Host, db.Port, db.User, mode, dir, poolSize)
	path := filepath.Join(dir, "pgbouncer.ini")
	if err := os.WriteFile(path, []byte(ini), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(bouncer, append(asOwnerOf(t, db.Host, dir), path)...)
	var log strings.Builder
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if ended := cmd.Wait(); t.Failed() {
			t.Logf("pgbouncer: %v\n%s", ended, log.String())
		}
	})
	socket := filepath.Join(dir, ".s.PGSQL.6432")
	for begun := time.Now(); ; {
		if conn, err := net.Dial("unix", socket); err == nil {
			_ = conn.Close()
			break
		}
		if time.Since(begun) > 20*time.Second {
			t.Fatalf("pgbouncer does not start: %s", log.String())
		}
	}
	return place{host: dir, port: 6432, user: db.User, db: db.Name}
}

// asOwnerOf has pgbouncer run under the account of the server, since it refuses to be
// root as well, and only that account reaches the server's socket then.
func asOwnerOf(t *testing.T, server, dir string) []string {
	t.Helper()
	info, err := os.Stat(server)
	if err != nil {
		t.Fatal(err)
	}
	owner := info.Sys().(*syscall.Stat_t).Uid
	if os.Geteuid() != 0 || owner == 0 {
		return nil
	}
	u, err := user.LookupId(strconv.Itoa(int(owner)))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(dir, int(owner), -1); err != nil {
		t.Fatal(err)
	}
	return []string{"-u", u.Username}
}
