package versiontable

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
)

// A Lock is held from [Table.Lock] until Unlock.
type Lock struct {
	conn *pgx.Conn
	// Pooled tells that the working connection gets another session of the
	// server with each transaction, as behind pgbouncer in transaction mode.
	Pooled bool
	// Session is the process of the server that works for the working
	// connection; 0 where Pooled.
	Session int
}

// A Holder is the session that has the lock.
type Holder struct {
	PID         int
	Application string
	User        string
	Client      string    // address, empty for a Unix socket
	Since       time.Time // when its connection was made, or its transaction began
}

// A LockedError says that the lock could not be had in time.
type LockedError struct {
	Holder Holder // zero where it could not be seen
	Waited time.Duration
	Table  bool // the version table is locked, rather than the migration lock taken
}

func (e *LockedError) Error() string {
	if e.Table {
		return fmt.Sprintf("another session has the version table locked: %s (waited %s)", e.Holder, e.Waited.Round(time.Second))
	}
	if e.Holder.PID == 0 {
		return fmt.Sprintf("another run holds the migration lock (waited %s)", e.Waited.Round(time.Second))
	}
	return fmt.Sprintf("another run holds the migration lock: %s (waited %s)", e.Holder, e.Waited.Round(time.Second))
}

func (h Holder) String() string {
	if h.PID == 0 {
		return "its session cannot be seen"
	}
	s := "pid " + strconv.Itoa(h.PID)
	if h.Application != "" {
		s += ", application " + strconv.Quote(h.Application)
	}
	if h.User != "" {
		s += ", user " + h.User
	}
	if h.Client != "" {
		s += " at " + h.Client
	}
	if !h.Since.IsZero() {
		s += ", since " + h.Since.Format(time.DateTime)
	}
	return s
}

// The two locks of a version table.
const (
	runLock  = "aludel"      // on a connection of its own
	workLock = "aludel work" // on the connection that runs statements outside a transaction
)

// key is the number of a lock: one for each version table. Advisory locks
// belong to a database already.
func (t *Table) key(lock string) int64 {
	sum := sha256.Sum256([]byte(lock + "\x00" + t.Schema + "\x00" + t.Name))
	return int64(binary.BigEndian.Uint64(sum[:8])) //nolint:gosec // any 64 bits will do
}

// Polling starts at firstPoll and slows down to lastPoll.
const (
	firstPoll = 20 * time.Millisecond
	lastPoll  = 500 * time.Millisecond
)

// quiet is how long a wait goes untold. A run that has just ended leaves its
// backend behind for an instant, and a message about it would only puzzle.
const quiet = 100 * time.Millisecond

// Lock takes the advisory lock on a connection of its own, beside work, on
// which the migrations are to run. It asks again and
// again in autocommit: a session that blocks in pg_advisory_lock holds a
// snapshot, for which the holder's CREATE INDEX CONCURRENTLY would wait for
// ever. If that takes longer than an instant, onWait hears once who has the
// lock. After wait it gives up with a
// [LockedError].
//
// Behind a pooler the lock is that of a transaction, which stays open: the pooler
// leaves it its session until it ends, and nothing is left in that session then.
func (t *Table) Lock(ctx context.Context, work *pgx.Conn, wait time.Duration, onWait func(Holder)) (*Lock, error) {
	conn, err := pgx.ConnectConfig(ctx, work.Config())
	if err != nil {
		return nil, fmt.Errorf("connecting for the migration lock: %w", err)
	}
	l := &Lock{conn: conn, Session: int(work.PgConn().PID())}
	err = t.poll(ctx, conn, trySession, runLock, wait, onWait)
	if errors.Is(err, errPooler) {
		if err = t.poll(ctx, conn, tryTransaction, runLock, wait, onWait); err == nil {
			l.Session, l.Pooled, err = pooled(ctx, work)
		}
	}
	if err != nil {
		closeConn(conn)
		return nil, err
	}
	return l, nil
}

// Fence takes a second lock, on conn itself, which lasts for as long as the
// server works for that session. The lock of a run that was killed or cut off is
// free at once; this one not before the server has noticed, so that two sessions
// never run statements outside a transaction. It is given back with all advisory
// locks of the session.
func (t *Table) Fence(ctx context.Context, conn *pgx.Conn, wait time.Duration, onWait func(Holder)) error {
	return t.poll(ctx, conn, tryAnySession, workLock, wait, onWait)
}

// poll asks for a lock until it has it.
func (t *Table) poll(ctx context.Context, conn *pgx.Conn, try attempt, lock string, wait time.Duration, onWait func(Holder)) error {
	start, told := time.Now(), false
	for pause := firstPoll; ; pause = min(2*pause, lastPoll) {
		got, err := try(ctx, conn, t.key(lock))
		if err != nil {
			return fmt.Errorf("taking the migration lock: %w", err)
		}
		if got {
			return nil
		}
		waited := time.Since(start)
		if !told && waited >= quiet || waited >= wait {
			holder := t.holder(ctx, conn, lock)
			if waited >= wait {
				return &LockedError{Holder: holder, Waited: waited}
			}
			onWait(holder)
			told = true
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for the migration lock: %w", ctx.Err())
		case <-time.After(min(pause/2+rand.N(pause), max(wait-waited, time.Millisecond))):
		}
	}
}

// An attempt asks for the lock with a number once.
type attempt func(ctx context.Context, conn *pgx.Conn, key int64) (got bool, err error)

func tryAnySession(ctx context.Context, conn *pgx.Conn, key int64) (bool, error) {
	rows, err := query(ctx, conn, fmt.Sprintf("SELECT pg_catalog.pg_try_advisory_lock(%d)", key))
	return err == nil && rows[0][0] == "t", err
}

// trySession takes the lock for the session, unless that isn't this connection's
// own: somebody else would get it next, with the lock.
func trySession(ctx context.Context, conn *pgx.Conn, key int64) (bool, error) {
	rows, err := query(ctx, conn, fmt.Sprintf("SELECT CASE WHEN pg_catalog.pg_backend_pid() = %d THEN pg_catalog.pg_try_advisory_lock(%d)::text ELSE 'pooler' END",
		conn.PgConn().PID(), key))
	if err == nil && rows[0][0] == "pooler" {
		err = errPooler
	}
	return err == nil && rows[0][0] == "true", err
}

// tryTransaction takes it for a transaction, which stays open where it was to be
// had. It holds no snapshot: nobody waits for it, and vacuum goes on.
func tryTransaction(ctx context.Context, conn *pgx.Conn, key int64) (bool, error) {
	rows, err := query(ctx, conn, fmt.Sprintf("BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY; SET LOCAL idle_in_transaction_session_timeout = 0; "+
		"SELECT pg_catalog.pg_try_advisory_xact_lock(%d)", key))
	if err == nil && rows[0][0] == "t" {
		return true, nil
	}
	if _, ended := query(ctx, conn, "ROLLBACK; SELECT 1"); err == nil {
		err = ended
	}
	return false, err
}

// AwaitWriter waits, without queueing, until nobody has the version table locked
// against a run. The migration lock of a run that was killed is free at once, and the
// server works on at what it was sent: only when that has ended can it be known where
// the database stands. Not for longer than an instant is not told; after wait it is
// a [LockedError].
func (t *Table) AwaitWriter(ctx context.Context, conn *pgx.Conn, wait time.Duration, onWait func(Holder)) error {
	start, told := time.Now(), false
	for pause := firstPoll; ; pause = min(2*pause, lastPoll) {
		holder, locked, err := t.writer(ctx, conn)
		if err != nil || !locked {
			return err
		}
		waited := time.Since(start)
		if waited >= wait {
			return &LockedError{Holder: holder, Waited: waited, Table: true}
		}
		if !told && waited >= quiet {
			onWait(holder)
			told = true
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting until the version table is free: %w", ctx.Err())
		case <-time.After(min(pause, max(wait-waited, time.Millisecond))):
		}
	}
}

// writer is a session that has the version table locked in a mode which SHARE ROW
// EXCLUSIVE doesn't go with ("Explicit Locking" in PostgreSQL's documentation).
func (t *Table) writer(ctx context.Context, conn *pgx.Conn) (h Holder, locked bool, err error) {
	rows, err := query(ctx, conn, `SELECT coalesce(l.pid, 0), coalesce(a.application_name, ''), coalesce(a.usename, ''), `+
		`coalesce(host(a.client_addr), ''), coalesce(extract(epoch FROM a.xact_start), 0) FROM pg_catalog.pg_locks l `+
		`LEFT JOIN pg_catalog.pg_stat_activity a USING (pid) WHERE l.locktype = 'relation' AND l.granted AND l.pid IS DISTINCT FROM pg_catalog.pg_backend_pid() `+
		`AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database()) AND l.relation = pg_catalog.to_regclass(`+literal(t.version())+`) `+
		`AND l.mode IN ('RowExclusiveLock', 'ShareUpdateExclusiveLock', 'ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock') `+
		`AND a.backend_type IS DISTINCT FROM 'autovacuum worker' LIMIT 1`)
	if err != nil {
		return Holder{}, false, fmt.Errorf("looking who has the version table locked: %w", err)
	}
	if len(rows) == 0 {
		return Holder{}, false, nil
	}
	return holderIn(rows[0]), true, nil
}

// holder looks up who has a lock. pg_locks shows a 64-bit key as two halves.
func (t *Table) holder(ctx context.Context, conn *pgx.Conn, lock string) Holder {
	key := uint64(t.key(lock)) //nolint:gosec // the same bits
	rows, err := query(ctx, conn, fmt.Sprintf(`SELECT l.pid, coalesce(a.application_name, ''), coalesce(a.usename, ''), `+
		`coalesce(host(a.client_addr), ''), coalesce(extract(epoch FROM a.backend_start), 0) FROM pg_catalog.pg_locks l `+
		`LEFT JOIN pg_catalog.pg_stat_activity a USING (pid) WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 `+
		`AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database()) `+
		`AND l.classid = %d AND l.objid = %d`, key>>32, key&0xffffffff))
	if err != nil || len(rows) == 0 {
		return Holder{} // gone again, or not to be seen
	}
	return holderIn(rows[0])
}

// holderIn reads one from a row: pid, application, user, address, seconds.
func holderIn(row []string) Holder {
	h := Holder{Application: row[1], User: row[2], Client: row[3]}
	h.PID, _ = strconv.Atoi(row[0])
	if seconds, _ := strconv.ParseFloat(row[4], 64); seconds > 0 {
		h.Since = time.Unix(int64(seconds), 0)
	}
	return h
}

// Unlock gives the lock back by closing its connection: nothing can fail, and
// nothing is left behind. A pooler would have to close its session too, did the
// transaction not end before.
func (l *Lock) Unlock() {
	if l.conn.PgConn().TxStatus() != 'I' {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_, _ = l.conn.PgConn().Exec(ctx, "ROLLBACK").ReadAll()
	}
	closeConn(l.conn)
}

// closeConn says goodbye, but doesn't wait for a server that doesn't answer.
func closeConn(conn *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = conn.Close(ctx)
}
