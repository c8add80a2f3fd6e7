package executor

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/aludel-db/aludel/internal/revision"
	"github.com/aludel-db/aludel/internal/sqltext"
)

const (
	// settled is how old a transaction is that won't be gone in a moment: it is
	// waited for without queueing for its locks, because everybody else would
	// queue behind.
	settled = 100 * time.Millisecond
	// lookPause is between looks.
	lookPause = 50 * time.Millisecond
	// queueTime is how long the first try queues for a lock; each further one
	// twice as long, up to MaxStall.
	queueTime = 100 * time.Millisecond
	// vacuumYield is the deadlock_timeout under which an autovacuum lets others by.
	vacuumYield = 10 * time.Millisecond
)

// A Blocker is a session that holds a lock which a migration needs.
type Blocker struct {
	PID         int // 0 of a prepared transaction
	Relation    string
	Mode        string // of the lock that it holds: AccessShareLock
	User        string
	Application string
	State       string        // active, idle in transaction; empty where it is not shown to this role
	Age         time.Duration // of its transaction; 0 where it is not shown
	Query       string        // its beginning

	vacuum      bool   // an autovacuum that lets others by
	transaction string // by which it is known again
}

// String describes it in a line.
func (b *Blocker) String() string {
	if b.PID == 0 {
		return fmt.Sprintf("a prepared transaction holds %s on %s (pg_prepared_xacts has it)", b.Mode, b.Relation)
	}
	who := fmt.Sprintf("pid %d", b.PID)
	var about []string
	for _, text := range []string{b.User, b.Application} {
		if text != "" {
			about = append(about, text)
		}
	}
	switch {
	case b.State == "":
		about = append(about, "the rest is not shown to this role; pg_read_all_stats would")
	case b.Age > 0:
		about = append(about, b.State+" for "+b.Age.Round(100*time.Millisecond).String())
	default:
		about = append(about, b.State)
	}
	text := fmt.Sprintf("%s (%s) holds %s on %s", who, strings.Join(about, ", "), b.Mode, b.Relation)
	if b.Query != "" {
		text += ": " + b.Query
	}
	return text
}

// statementLocks are what [sqltext.RelationLocks] knows of a statement.
type statementLocks struct {
	locks []sqltext.RelationLock
	known bool
}

func sectionLocks(s *revision.Section) []statementLocks {
	switch {
	case s == nil:
		return nil
	case s.InGo:
		return make([]statementLocks, 1) // nothing is known of it
	}
	list := make([]statementLocks, len(s.Statements))
	for i := range s.Statements {
		list[i].locks, list[i].known = sqltext.RelationLocks(s.Statements[i].Text)
	}
	return list
}

// wants are the locks that statements take on relations that they name, the
// strongest of each, in the order of the names.
func wants(statements []statementLocks) []sqltext.RelationLock {
	modes := map[string]sqltext.LockMode{}
	for _, s := range statements {
		for _, l := range s.locks {
			modes[l.Relation] = max(modes[l.Relation], l.Mode)
		}
	}
	list := make([]sqltext.RelationLock, 0, len(modes))
	for relation, mode := range modes {
		list = append(list, sqltext.RelationLock{Relation: relation, Mode: mode})
	}
	slices.SortFunc(list, func(a, b sqltext.RelationLock) int { return cmp.Compare(a.Relation, b.Relation) })
	return list
}

// locksFirst takes the locks of a transaction that needs several before its first
// statement runs: work in between would be time for which others wait behind the
// first. They are taken in one order, and by every other try in the opposite one: where
// clients lock the same tables again and again in the other order, each try would meet
// one of them. It takes those of tables that are there and that belong to the role,
// which may lock them in any mode; the statements take the others when it is their
// turn.
func (r *runner) locksFirst(s span) string {
	if r.MaxStall <= 0 || r.locksLater {
		return ""
	}
	several := 0
	for i := s.from; i < s.to; i++ {
		if r.changesSession(i) { // and perhaps what the names mean
			return ""
		}
		for _, l := range r.job.locks[i] {
			several += len(l.locks)
		}
	}
	if several < 2 {
		return ""
	}
	var rows []string
	for _, l := range wants(slices.Concat(r.job.locks[s.from:s.to]...)) {
		if conflicts[l.Mode] != "" {
			rows = append(rows, "("+sqltext.QuoteLiteral(l.Relation)+", "+sqltext.QuoteLiteral(l.Mode.String())+")")
		}
	}
	if len(rows) < 2 {
		return ""
	}
	order := "c.oid"
	if r.try%2 == 0 {
		order += " DESC"
	}
	return "DO $aludel$ DECLARE l text; BEGIN FOR l IN SELECT pg_catalog.format('LOCK TABLE ONLY %s IN %s MODE', c.oid::pg_catalog.regclass, w.mode)\n" +
		"  FROM (VALUES " + strings.Join(rows, ", ") + ") w (name, mode) JOIN pg_catalog.pg_class c ON c.oid = pg_catalog.to_regclass(w.name)\n" +
		"  WHERE c.relkind IN ('r', 'p') AND pg_catalog.pg_has_role(c.relowner, 'USAGE') ORDER BY " + order + " LOOP EXECUTE l; END LOOP; END $aludel$;\n"
}

// A locksError is locks that could not be taken first.
type locksError struct {
	revision string
	err      *pgconn.PgError
}

func (e *locksError) Error() string {
	return fmt.Sprintf("taking the locks of revision %s: %v", e.revision, e.err)
}
func (e *locksError) Unwrap() error { return e.err }

// noLanguage: undefined_object or insufficient_privilege, where PL/pgSQL was dropped
// or is not for everybody.
func (e *locksError) noLanguage() bool { return e.err.Code == "42704" || e.err.Code == "42501" }

// conflicts are the modes of pg_locks that each mode doesn't go with ("Explicit
// Locking" in PostgreSQL's documentation, table 13.2). Of those that no reading or
// writing waits behind there are none: to queue for them hurts nobody.
var conflicts = map[sqltext.LockMode]string{
	sqltext.Share:             "RowExclusiveLock,ShareUpdateExclusiveLock,ShareRowExclusiveLock,ExclusiveLock,AccessExclusiveLock",
	sqltext.ShareRowExclusive: "RowExclusiveLock,ShareUpdateExclusiveLock,ShareLock,ShareRowExclusiveLock,ExclusiveLock,AccessExclusiveLock",
	sqltext.Exclusive:         "RowShareLock,RowExclusiveLock,ShareUpdateExclusiveLock,ShareLock,ShareRowExclusiveLock,ExclusiveLock,AccessExclusiveLock",
	sqltext.AccessExclusive: "AccessShareLock,RowShareLock,RowExclusiveLock,ShareUpdateExclusiveLock,ShareLock,ShareRowExclusiveLock,ExclusiveLock," +
		"AccessExclusiveLock",
}

// blockersSQL asks who holds locks that conflict with those wanted, on the
// relations and all that inherits from them; an index stands for its table. What
// others' transactions are about is shown to them and to pg_read_all_stats alone.
func blockersSQL(schema string, wanted []sqltext.RelationLock) string {
	var rows []string
	for _, l := range wanted {
		if c := conflicts[l.Mode]; c != "" {
			rows = append(rows, "("+sqltext.QuoteLiteral(l.Relation)+", "+sqltext.QuoteLiteral("{"+c+"}")+")")
		}
	}
	if len(rows) == 0 {
		return ""
	}
	return "BEGIN READ ONLY;\nSET LOCAL search_path = " + sqltext.QuoteIdent(schema) + ";\n" +
		"WITH RECURSIVE wanted (oid, conflicts) AS (\n" +
		"  SELECT coalesce(i.indrelid, r.oid), w.conflicts::text[] FROM (VALUES " + strings.Join(rows, ", ") + ") w (name, conflicts)\n" +
		"  CROSS JOIN LATERAL (SELECT pg_catalog.to_regclass(w.name)::oid) r (oid) LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = r.oid WHERE r.oid IS NOT NULL\n" +
		"  UNION SELECT h.inhrelid, p.conflicts FROM wanted p JOIN pg_catalog.pg_inherits h ON h.inhparent = p.oid)\n" +
		"SELECT DISTINCT ON (l.pid, l.virtualtransaction) coalesce(l.pid, 0), l.relation::pg_catalog.regclass::text, l.mode, coalesce(a.usename::text, ''), coalesce(a.application_name, ''),\n" +
		"  coalesce(a.state, ''), coalesce(extract(epoch FROM pg_catalog.clock_timestamp() - a.xact_start), -1)::float8,\n" +
		"  CASE WHEN a.state IS NULL THEN '' ELSE pg_catalog.left(pg_catalog.regexp_replace(a.query, '\\s+', ' ', 'g'), 80) END, coalesce(l.virtualtransaction, ''),\n" +
		"  coalesce(a.backend_type, '') = 'autovacuum worker' AND a.query NOT LIKE '%(to prevent wraparound)'\n" +
		"FROM wanted w JOIN pg_catalog.pg_locks l ON l.locktype = 'relation' AND l.relation = w.oid AND l.granted AND l.mode = ANY (w.conflicts)\n" +
		"  AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()) AND l.pid IS DISTINCT FROM pg_catalog.pg_backend_pid()\n" +
		"LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid ORDER BY l.pid, l.virtualtransaction, l.mode;\nCOMMIT;\n"
}

// blockers answers who is in the way.
func (r *runner) blockers(ctx context.Context, sql string) ([]Blocker, error) {
	var list []Blocker
	_, err := r.ask(ctx, sql, func(_ int, values [][]byte) {
		b := Blocker{
			Relation: string(values[1]), Mode: string(values[2]), User: string(values[3]), Application: string(values[4]),
			State: string(values[5]), Query: string(values[7]), transaction: string(values[8]), vacuum: string(values[9]) == "t",
		}
		if r.Redact {
			b.Query = ""
		}
		b.PID, _ = strconv.Atoi(string(values[0]))              // a number
		age, _ := strconv.ParseFloat(string(values[6]), 64)     // the same
		b.Age = max(0, time.Duration(age*float64(time.Second))) // not shown: -1
		list = append(list, b)
	})
	if err != nil {
		r.rollback()
		return nil, fmt.Errorf("looking who holds locks, before anything of revision %s was sent: %w", r.job.plan.Steps[min(r.at, len(r.job.plan.Steps)-1)].Revision.ID, err)
	}
	return list, nil
}

// clear waits, without queueing, until nobody holds a lock that statements need for
// longer than a moment, or until LockWait is over since start.
func (r *runner) clear(ctx context.Context, i int, statements []statementLocks, start time.Time) error {
	if r.MaxStall <= 0 {
		return nil
	}
	sql := blockersSQL(r.Table.Target, wants(statements))
	if sql == "" {
		return nil
	}
	seen := map[string]time.Time{} // transactions whose age is not shown
	told := time.Time{}
	for {
		all, err := r.blockers(ctx, sql)
		if err != nil {
			return err
		}
		now := time.Now()
		old := slices.DeleteFunc(all, func(b Blocker) bool {
			if _, again := seen[b.transaction]; !again {
				seen[b.transaction] = now
			}
			return max(b.Age, now.Sub(seen[b.transaction])) < settled && b.PID != 0
		})
		switch {
		case len(all) == 0:
			return nil
		case len(old) > 0 && now.Sub(start) >= r.LockWait:
			return &LockTimeoutError{Blockers: old, Waited: now.Sub(start)}
		case len(old) == 0 && !r.unknown(all):
			return nil
		}
		if r.yielding(ctx, old) {
			return nil
		}
		if len(old) > 0 && now.Sub(told) >= tellBlockers {
			told = now
			e := r.event(LocksAwaited, i)
			e.Blockers = old
			r.OnEvent(e)
		}
		if err := sleep(ctx, lookPause); err != nil {
			return &LockTimeoutError{Blockers: old, Waited: time.Since(start), Err: err}
		}
	}
}

// tellBlockers is how often it is told who is in the way.
const tellBlockers = 10 * time.Second

// unknown tells that some of these may be old, and a second look will show it.
func (r *runner) unknown(list []Blocker) bool {
	return slices.ContainsFunc(list, func(b Blocker) bool { return b.Age == 0 && b.State == "" })
}

// yielding tells that all who are in the way are autovacuums that let others by,
// and have been asked to: those who may cancel them do so, those who may set
// deadlock_timeout have the server do it at once. One against wraparound never
// yields, and is waited for.
func (r *runner) yielding(ctx context.Context, list []Blocker) bool {
	if len(list) == 0 || slices.ContainsFunc(list, func(b Blocker) bool { return !b.vacuum }) {
		return false
	}
	for _, b := range list {
		if _, err := r.ask(ctx, fmt.Sprintf("SELECT pg_catalog.pg_cancel_backend(%d)", b.PID), nil); err != nil {
			r.hurryVacuum = r.maySetDeadlockTimeout(ctx)
			return r.hurryVacuum
		}
	}
	return false // another look shows whether they are gone
}

// maySetDeadlockTimeout: superusers may, and since PostgreSQL 15 who was granted
// SET ON PARAMETER.
func (r *runner) maySetDeadlockTimeout(ctx context.Context) bool {
	_, err := r.ask(ctx, "BEGIN;\nSET LOCAL deadlock_timeout = 1000;\nROLLBACK;\n", nil)
	if err != nil {
		r.rollback()
	}
	return err == nil
}
