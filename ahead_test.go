package aludel_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/aludel-db/aludel"
	"github.com/aludel-db/aludel/internal/pgtest"
)

// TestAheadOfAFailure fails the second of six revisions, which are all on their
// way to the server by then: nothing behind it runs, and the connection is in
// order afterwards.
func TestAheadOfAFailure(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ up, state string }{
		"running":    {"\nCREATE TABLE t2 ();\nSELECT 1/0;", "22012"},
		"parsing":    {"\nCREATE TABLE t2 ();\nCREATE TALBE x ();", "42601"}, // refused before BEGIN
		"committing": {"\nCREATE TABLE t2 (id int UNIQUE DEFERRABLE INITIALLY DEFERRED);\nINSERT INTO t2 VALUES (1), (1);", "23505"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := pgtest.New(t)
			conn := db.Connect(t)
			var heard []string
			m := newMigrator(t, files("\nCREATE TABLE t1 ();", c.up, "\nCREATE TABLE t3 ();", "\nCREATE TABLE t4 ();", "\nCREATE TABLE t5 ();", "\nCREATE TABLE t6 ();"),
				aludel.Options{OnEvent: func(e aludel.Event) { heard = append(heard, fmt.Sprint(e.Kind, e.Step.Revision.ID)) }})
			_, err := m.Upgrade(context.Background(), conn, aludel.UpgradeOptions{})
			var failed *aludel.StatementError
			if !errors.As(err, &failed) || failed.Revision != "r2" || failed.SQLState != c.state {
				t.Fatalf("got %v", err)
			}
			want := fmt.Sprint([]string{
				fmt.Sprint(aludel.StepStarted, "r1"), fmt.Sprint(aludel.StepDone, "r1"), fmt.Sprint(aludel.StepStarted, "r2"), fmt.Sprint(aludel.StepFailed, "r2"),
			})
			if fmt.Sprint(heard) != want {
				t.Errorf("heard %v, want %v", heard, want)
			}
			if got := query(t, conn, "SELECT string_agg(relname, ' ' ORDER BY relname), (SELECT version_num FROM alembic_version), "+
				"(SELECT string_agg(revision || outcome, ' ' ORDER BY id) FROM aludel_history) FROM pg_class WHERE relname ~ '^t[0-9]$'"); got != "[t1 r1 r1done r2failed]" {
				t.Errorf("got %s", got)
			}
		})
	}
}

// TestAheadOfALoss loses the connection with several transactions on their way:
// what the server has done is found out, and said.
func TestAheadOfALoss(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	m := newMigrator(t, files("\nCREATE TABLE t1 ();", "\nCREATE TABLE t2 ();\nSELECT pg_terminate_backend(pg_backend_pid());", "\nCREATE TABLE t3 ();"), aludel.Options{})
	_, err := m.Upgrade(context.Background(), db.Connect(t), aludel.UpgradeOptions{})
	if err == nil || !strings.Contains(err.Error(), "nothing of revision r2 was applied") {
		t.Errorf("got %v", err)
	}
	if got := fmt.Sprint(db.Query(t, "SELECT version_num, to_regclass('t2') IS NULL AND to_regclass('t3') IS NULL FROM alembic_version")); got != "[[r1 t]]" {
		t.Errorf("got %s", got)
	}
}

// A heldUp is a connection that a network holds up: from the message with the word
// on, nothing gets through any more, and the program hears that it has ended.
type heldUp struct {
	net.Conn
	word []byte

	mu     sync.Mutex // pgx says farewell in the background
	broken bool
	held   []byte
}

func (c *heldUp) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.broken || bytes.Contains(b, c.word) {
		c.broken = true
		c.held = append(c.held, b...)
		return len(b), nil
	}
	return c.Conn.Write(b)
}

func (c *heldUp) Read(b []byte) (int, error) {
	c.mu.Lock()
	broken := c.broken
	c.mu.Unlock()
	if broken {
		return 0, io.EOF
	}
	return c.Conn.Read(b)
}

// release has what was held up arrive.
func (c *heldUp) release() {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, _ = c.Conn.Write(c.held)
}

func (c *heldUp) Close() error { return nil }

// TestArrivesLate loses a connection on which the next migration is still on its way. It
// was said that nothing of it was applied, so it must not be applied when it arrives.
func TestArrivesLate(t *testing.T) {
	t.Parallel()
	for _, option := range []string{"", " transaction:false"} {
		db := pgtest.New(t)
		config := db.Config()
		dial := config.DialFunc
		var first *heldUp
		config.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := dial(ctx, network, address)
			if first == nil && err == nil {
				first = &heldUp{Conn: conn, word: []byte("CREATE TABLE t2")}
				return first, nil
			}
			return conn, err
		}
		conn, err := pgx.ConnectConfig(context.Background(), config)
		if err != nil {
			t.Fatal(err)
		}
		m := newMigrator(t, files("\nCREATE TABLE t1 ();", option+"\nCREATE TABLE t2 ();"), aludel.Options{})
		_, err = m.Upgrade(context.Background(), conn, aludel.UpgradeOptions{})
		// What was sent in front of it may have come through or not.
		if err == nil || strings.Contains(err.Error(), "r2 was committed") {
			t.Errorf("got %v", err)
		}
		first.release()
		_, _ = io.Copy(io.Discard, first.Conn) // until the server has ended it
		if got := db.Query(t, "SELECT to_regclass('t2')"); got[0][0] != "NULL" {
			t.Errorf("it said %v, and then it was applied", err)
		}
	}
}

// TestManyNotices has the server say more than the socket holds while large
// sections wait for it: neither side may wait for the other.
func TestManyNotices(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	chatty := "\nDO $$BEGIN FOR i IN 1..3000 LOOP RAISE NOTICE '%', repeat('x', 1000); END LOOP; END$$;"
	large := "\nSELECT 1; -- " + strings.Repeat("x", 3<<20)
	small := "\nSELECT 1; -- " + strings.Repeat("x", 10<<10)
	m := newMigrator(t, files(chatty, large, chatty, small, chatty, small, chatty, large, chatty), aludel.Options{})
	ctx, stop := context.WithTimeout(context.Background(), time.Minute)
	defer stop()
	if _, err := m.Upgrade(ctx, db.Connect(t), aludel.UpgradeOptions{}); err != nil {
		t.Fatal(err)
	}
}

// TestInterrupted ends the context in the middle of a migration, with others
// behind it, on a connection of which pgx would only close the socket: the
// statement ends on the server, and the connection can be used again.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	for name, up := range map[string]string{
		"transaction": "\nCREATE TABLE t2 ();\nSELECT pg_sleep(47);",
		"outside":     " transaction:false\nSELECT pg_sleep(47);",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := pgtest.New(t)
			conn := bareConnect(t, db)
			watcher := db.Connect(t)
			ctx, stop := context.WithCancel(context.Background())
			go func() {
				defer stop()
				for {
					var sleeps bool
					err := watcher.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $1 AND wait_event = 'PgSleep')", conn.PgConn().PID()).Scan(&sleeps)
					if err != nil || sleeps {
						return
					}
				}
			}()
			m := newMigrator(t, files("\nCREATE TABLE t1 ();", up, "\nCREATE TABLE t3 ();"), aludel.Options{})
			_, err := m.Upgrade(ctx, conn, aludel.UpgradeOptions{})
			var interrupted *aludel.InterruptedError
			var pgErr *pgconn.PgError
			if !errors.As(err, &interrupted) || !errors.Is(err, context.Canceled) || !errors.As(err, &pgErr) || pgErr.Code != "57014" {
				t.Fatalf("got %v", err)
			}
			if got := query(t, conn, "SELECT version_num, to_regclass('t2') IS NULL AND to_regclass('t3') IS NULL FROM alembic_version"); got != "[r1 true]" {
				t.Errorf("got %s", got)
			}
			if got := query(t, conn, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()"); got != "[0]" {
				t.Errorf("%s advisory locks are left", got)
			}
		})
	}
}

// query answers the only row of a query on conn itself.
func query(t *testing.T, conn *pgx.Conn, sql string) string {
	t.Helper()
	rows, err := conn.Query(context.Background(), sql)
	if err != nil {
		t.Fatal(err)
	}
	values, err := pgx.CollectExactlyOneRow(rows, func(row pgx.CollectableRow) ([]any, error) { return row.Values() })
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(values)
}
