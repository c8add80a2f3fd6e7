package executor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/aludel-db/aludel/internal/sqltext"
)

const (
	// guardDelay is how long a message runs before it is watched: most are through
	// by then, and cost no second connection.
	guardDelay = 40 * time.Millisecond
	// progressEvery is how often it is told how far an index is.
	progressEvery = time.Second
)

// A guard watches, on a connection of its own, whether others wait for what this
// run does, and cancels it when one has for as long as MaxStall allows. It sees
// what PostgreSQL sees: plain SQL and code, locks of tables and of rows.
type guard struct {
	runner *runner
	pid    string // of the session, an expression of SQL
	cancel func() // of the statement that runs

	mu       sync.Mutex
	watching bool
	lenient  bool // others' definitions may wait: CONCURRENTLY lets reads and writes by
	stall    *Stall
	stop     context.CancelFunc
	done     chan struct{}
}

// A Stall is a session that waited too long for a migration.
type Stall struct {
	PID      int // of the session
	Waited   time.Duration
	Relation string // that it waits for; empty where it waits for a row
	// Queued tells that the migration itself was still waiting for a lock, and
	// the others behind it.
	Queued bool
}

// guarded runs do while a guard watches. lenient is for what lets reads and
// writes by. What the guard has cancelled is a [*StallError], or a queuedError
// where it is worth another try.
func (r *runner) guarded(ctx context.Context, lenient bool, do func() error) error {
	if r.MaxStall <= 0 {
		return do()
	}
	g := r.guard(ctx, lenient)
	err := do()
	stall := g.end()
	canceled := (isCanceled(err) || errors.Is(err, errStalled)) && ctx.Err() == nil
	stray := r.stray
	r.stray = stall != nil && !canceled // it may still reach the next statement
	switch {
	case canceled && stall != nil && !stall.Queued:
		return &StallError{Stall: *stall, Budget: r.MaxStall, Err: err}
	case canceled && (stall != nil || stray):
		return &queuedError{err}
	}
	return err
}

// A queuedError is a statement that a guard has cancelled in the queue for a lock.
type queuedError struct{ error }

func (e *queuedError) Unwrap() error { return e.error }

// guard begins to watch.
func (r *runner) guard(ctx context.Context, lenient bool) *guard {
	pg := r.conn.PgConn()
	g := &guard{runner: r, pid: r.sessionSQL(), lenient: lenient, done: make(chan struct{}), watching: true}
	g.cancel = func() {
		ctx, stop := context.WithTimeout(context.Background(), cancelWait)
		defer stop()
		_ = pg.CancelRequest(ctx) // the statement may have ended meanwhile
		if w := r.working.Load(); w != nil {
			w.abandonSoon(errStalled)
		}
	}
	ctx, g.stop = context.WithCancel(context.WithoutCancel(ctx))
	go g.run(ctx)
	return g
}

// sessionSQL is the process that works for us. Behind a pooler that is the one which
// runs a message of ours, if any.
func (r *runner) sessionSQL() string {
	if !r.Pooled {
		return strconv.Itoa(r.Session)
	}
	return "(SELECT a.pid FROM pg_catalog.pg_stat_activity a WHERE a.state = 'active' AND a.datname = pg_catalog.current_database() " +
		"AND a.pid <> pg_catalog.pg_backend_pid() AND strpos(a.query, " + sqltext.QuoteLiteral(r.firstWords()) + ") = 1 LIMIT 1)"
}

// letsBy tells that reads and writes go on beside all statements.
func letsBy(statements []statementLocks) bool {
	for _, s := range statements {
		if !s.known || slices.ContainsFunc(s.locks, func(l sqltext.RelationLock) bool { return l.Mode > sqltext.ShareUpdateExclusive }) {
			return false
		}
	}
	return true
}

// end ends the watch, and answers the stall that it ended with. Behind it nothing
// is cancelled any more.
func (g *guard) end() *Stall {
	g.mu.Lock()
	g.watching = false
	stall := g.stall
	g.mu.Unlock()
	g.stop()
	<-g.done
	return stall
}

func (g *guard) run(ctx context.Context) {
	defer close(g.done)
	if sleep(ctx, guardDelay) != nil {
		return
	}
	conn, err := pgx.ConnectConfig(ctx, g.runner.conn.Config())
	if err != nil {
		return // all connections may be taken; lock_timeout still bounds the queue
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	// A question is not broken off: pgbouncer (1.18) ends altogether when the request
	// to cancel it is broken off in turn. It takes a moment.
	asking := context.WithoutCancel(ctx)
	waiting := map[string]time.Time{}
	progress := time.Now()
	for pause := min(max(g.runner.MaxStall/6, 5*time.Millisecond), 50*time.Millisecond); ; {
		if w := g.runner.working.Load(); w != nil && w.batch.Load() {
			clear(waiting) // a batch sees by itself who waits for it
			if sleep(ctx, pause) != nil {
				return
			}
			continue
		}
		stall, err := g.look(asking, conn, waiting)
		if err != nil {
			return
		}
		if stall != nil && stall.Waited >= g.runner.MaxStall-pause && g.cancelled(stall) {
			return
		}
		if g.lenient && time.Since(progress) >= progressEvery {
			progress = time.Now()
			g.progress(asking, conn)
		}
		if sleep(ctx, pause) != nil {
			return
		}
	}
}

// cancelled cancels the statement, unless the watch has ended.
func (g *guard) cancelled(stall *Stall) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.watching {
		return false
	}
	g.stall = stall
	g.cancel()
	return true
}

// waitersSQL asks who waits for a session, directly or behind it in the queue.
func waitersSQL(pid string) string {
	return strings.ReplaceAll(`SELECT w.pid, coalesce(w.relation::pg_catalog.regclass::text, ''), w.mode, coalesce(w.virtualtransaction, ''),
  EXISTS (SELECT FROM pg_catalog.pg_locks o WHERE o.pid = $1 AND NOT o.granted)
FROM pg_catalog.pg_locks w WHERE NOT w.granted AND w.pid <> $1 AND $1 = ANY (pg_catalog.pg_blocking_pids(w.pid))`, "$1", pid)
}

// look answers the one who has waited longest, of whom waiting knows since when.
func (g *guard) look(ctx context.Context, conn *pgx.Conn, waiting map[string]time.Time) (*Stall, error) {
	results, err := conn.PgConn().Exec(ctx, waitersSQL(g.pid)).ReadAll()
	if err != nil {
		return nil, err
	}
	var longest *Stall
	now := time.Now()
	still := map[string]bool{}
	for _, row := range results[0].Rows {
		if g.lenient && isDefinition[string(row[2])] {
			continue
		}
		key := string(row[3])
		still[key] = true
		if _, known := waiting[key]; !known {
			waiting[key] = now
		}
		stall := &Stall{Waited: now.Sub(waiting[key]), Relation: string(row[1]), Queued: string(row[4]) == "t"}
		stall.PID, _ = strconv.Atoi(string(row[0])) // a number
		if longest == nil || stall.Waited > longest.Waited {
			longest = stall
		}
	}
	for key := range waiting {
		if !still[key] {
			delete(waiting, key)
		}
	}
	return longest, nil
}

// isDefinition are the modes that no reading or writing asks for.
var isDefinition = map[string]bool{
	"ShareUpdateExclusiveLock": true, "ShareLock": true, "ShareRowExclusiveLock": true, "ExclusiveLock": true, "AccessExclusiveLock": true,
}

// progressSQL asks how far an index is that a session builds, and for whose
// transaction it waits.
func progressSQL(pid string) string {
	return fmt.Sprintf(`SELECT p.phase, p.relid::pg_catalog.regclass::text, p.blocks_done, p.blocks_total, p.tuples_done, p.tuples_total, p.lockers_done, p.lockers_total, coalesce(p.current_locker_pid, 0),
  coalesce(a.usename::text, ''), coalesce(a.application_name, ''), coalesce(a.state, ''), coalesce(extract(epoch FROM pg_catalog.clock_timestamp() - a.xact_start), 0)::float8,
  CASE WHEN a.state IS NULL THEN '' ELSE pg_catalog.left(pg_catalog.regexp_replace(a.query, '\s+', ' ', 'g'), 80) END
FROM pg_catalog.pg_stat_progress_create_index p LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = p.current_locker_pid AND p.current_locker_pid <> 0 WHERE p.pid = %s`, pid)
}

// progress tells how far an index is.
func (g *guard) progress(ctx context.Context, conn *pgx.Conn) {
	results, err := conn.PgConn().Exec(ctx, progressSQL(g.pid)).ReadAll()
	if err != nil || len(results) == 0 || len(results[0].Rows) == 0 {
		return
	}
	row := results[0].Rows[0]
	number := func(i int) int64 {
		n, _ := strconv.ParseInt(string(row[i]), 10, 64) // a number, or NULL
		return n
	}
	e := g.runner.event(IndexProgress, g.runner.at)
	e.Phase, e.Object = string(row[0]), string(row[1])
	for _, pair := range [][2]int{{2, 3}, {4, 5}, {6, 7}} { // one of them counts in each phase
		if total := number(pair[1]); total > 0 {
			e.Rows, e.RowsTotal = number(pair[0]), total
		}
	}
	if pid := number(8); pid != 0 {
		b := Blocker{PID: int(pid), User: string(row[9]), Application: string(row[10]), State: string(row[11]), Query: string(row[13]), Relation: "the database", Mode: "a snapshot"}
		if g.runner.Redact {
			b.Query = ""
		}
		age, _ := strconv.ParseFloat(string(row[12]), 64) // a number
		b.Age = time.Duration(age * float64(time.Second))
		e.Blockers = []Blocker{b}
	}
	g.runner.OnEvent(e)
}

// queryCanceled is the SQLSTATE of what was cancelled.
const queryCanceled = "57014"

func isCanceled(err error) bool {
	var pgErr *pgconn.PgError
	return errors.As(err, &pgErr) && pgErr.Code == queryCanceled
}
