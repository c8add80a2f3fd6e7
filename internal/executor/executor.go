// Package executor runs the steps of a plan against a database, or writes them
// as an offline script.
//
// A transactional section is sent as one message: BEGIN, its settings, the
// check that the version rows are those planned for, the section, the change
// of version rows, the history row, COMMIT. The server runs it in one round
// trip, and since it answers statement by statement, an error is still mapped
// to its place in the file. Messages are sent ahead of their turn. A section with transaction:false runs statement
// by statement, each one recorded before and after.
//
// The package gets ordered steps and knows nothing of graphs or specifiers. It
// may import revision, versiontable, sqltext and pgx. It prints nothing: what
// happens is told by typed [Event]s.
package executor

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/aludel-db/aludel/internal/revision"
	"github.com/aludel-db/aludel/internal/versiontable"
)

// Options are the settings of a run.
type Options struct {
	// Table names the version table and its schema.
	Table *versiontable.Table
	// LockTimeout bounds each wait for a lock inside a transaction; 0 is no
	// bound. A file's own option goes before it.
	LockTimeout time.Duration
	// MaxStall is how long others may wait because of this run: it looks before it
	// queues for a lock, queues no longer than this, and is cancelled when somebody
	// has waited for it as long. 0 is no bound, as for a database that nobody uses.
	MaxStall time.Duration
	// Redact leaves out the queries of others.
	Redact bool
	// StatementTimeout bounds each statement; 0 is no bound.
	StatementTimeout time.Duration
	// TransactionTimeout bounds each transaction, and IdleTimeout how long one may
	// stand still; 0 is no bound. Before PostgreSQL 17 there is no TransactionTimeout.
	TransactionTimeout, IdleTimeout time.Duration
	// Role is the one that sections run as; empty is that of the connection.
	Role string
	// NoRoles leaves out the roles of files as well.
	NoRoles bool
	// Before and After run around each section, in its transaction where it has one,
	// as the connection's role.
	Before, After Hook
	// LockWait bounds the repetition of a step that runs into LockTimeout.
	LockWait time.Duration
	// SingleTransaction runs all steps in one transaction.
	SingleTransaction bool
	// Pooled tells that each transaction gets another session of the server,
	// see [versiontable.Lock]; Session is the process of the only one otherwise,
	// by default the one that the connection was told.
	Pooled  bool
	Session int
	// Host and Program go into the history.
	Host, Program string
	// OnEvent hears what happens, one thing at a time. May be nil.
	OnEvent func(Event)
}

// A Job is a plan with the sections that it needs, read and checked: nothing
// of it can fail any more for a reason that lies in the files.
type Job struct {
	plan     *revision.Plan
	sections []*revision.Section // one a step; nil for a stamp
	code     []*Function         // one a step; nil where the section is SQL
	locks    [][]statementLocks  // one a statement
	kept     []string            // of an upgrade's steps, see [revision.Script]
	width    int                 // characters of the longest id that becomes a row
}

// Prepare reads the sections that plan needs, in parallel, and refuses
// what can't run before anything does. code has the revisions that are written in
// Go, by id.
func Prepare(plan *revision.Plan, code map[string]Code) (*Job, error) {
	n := len(plan.Steps)
	job := &Job{plan: plan, sections: make([]*revision.Section, n), code: make([]*Function, n), locks: make([][]statementLocks, n), kept: make([]string, n)}
	faults := make([]error, len(plan.Steps))
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(2*runtime.GOMAXPROCS(0), len(plan.Steps)) {
		wg.Go(func() {
			for i := next.Add(1) - 1; int(i) < len(plan.Steps); i = next.Add(1) - 1 {
				job.sections[i], job.kept[i], faults[i] = section(&plan.Steps[i])
				job.locks[i] = sectionLocks(job.sections[i])
			}
		})
	}
	wg.Wait()
	for _, err := range faults {
		if err != nil {
			return nil, err
		}
	}
	for i := range plan.Steps {
		if s := job.sections[i]; s != nil && s.InGo {
			job.code[i] = code[plan.Steps[i].Revision.ID].function(plan.Steps[i].Direction)
		}
		for _, id := range plan.Steps[i].Adds {
			job.width = max(job.width, len([]rune(id)))
		}
	}
	return job, nil
}

// section reads what a step runs, and of an upgrade what undoes it.
func section(step *revision.Step) (s *revision.Section, kept string, err error) {
	if step.Direction == revision.Stamp {
		return nil, "", nil
	}
	script, err := step.Revision.Script()
	if err != nil {
		return nil, "", err
	}
	if step.Direction == revision.Up {
		return &script.Up, script.Kept, nil
	}
	if !script.Down.Present || script.Down.Irreversible != "" {
		reason := script.Down.Irreversible
		if reason == "" && script.Down.InGo {
			reason = "it is written in Go, without a function for the way down"
		}
		return nil, "", &IrreversibleError{Revision: step.Revision.ID, Path: step.Revision.Path, Reason: reason}
	}
	return &script.Down, "", nil
}

// A runner is one run.
type runner struct {
	Options
	conn       *pgx.Conn
	job        *Job
	heads      []string // the version rows at this moment, sorted
	announced  int      // steps of which StepStarted has been told
	at         int      // the step that runs
	try        int      // how often it was tried, from 1
	began      time.Time
	stray      bool // a cancel request is under way whose statement has ended
	working    atomic.Pointer[working]
	locksLater bool // there is no PL/pgSQL to take locks first with
	// hurryVacuum has the server ask autovacuums at once to let us by.
	hurryVacuum bool
}

// Run runs the job on conn, which stays the caller's. The caller holds the
// lock. Steps that are done stay done when a later one fails; the error
// then is a [*StatementError], [*PartialError], [*StaleError] or another that
// says what stands. It is resumable: a new plan goes on where this one ended.
func Run(ctx context.Context, conn *pgx.Conn, job *Job, options Options) error {
	r := &runner{Options: options, conn: conn, job: job, heads: job.plan.From, began: time.Now()}
	if r.Session == 0 {
		r.Session = int(conn.PgConn().PID())
	}
	if r.OnEvent = oneByOne(options.OnEvent); options.OnEvent == nil {
		r.OnEvent = func(Event) {}
	}
	if err := r.checkPooler(); err != nil {
		return err
	}
	if err := r.checkPartial(ctx); err != nil {
		return err
	}
	if err := r.createTables(ctx); err != nil {
		return err
	}
	return r.walk(func(spans []span) error { return r.transactions(ctx, spans) },
		func(i int) error { return r.outsideTransaction(ctx, i) })
}

// oneByOne has one event be told at a time: a guard tells some as well.
func oneByOne(tell func(Event)) func(Event) {
	var mu sync.Mutex
	return func(e Event) {
		mu.Lock()
		defer mu.Unlock()
		tell(e)
	}
}

// walk visits the steps in order: transactions, as many at once as can be sent
// together, and sections outside a transaction.
func (r *runner) walk(transactions func([]span) error, outside func(i int) error) error {
	if r.SingleTransaction {
		if err := r.job.refuseNonTransactional(); err != nil {
			return err
		}
	}
	for i := 0; ; {
		if spans := r.spans(i); len(spans) > 0 {
			if err := transactions(spans); err != nil {
				return err
			}
			i = spans[len(spans)-1].to
		}
		if i == len(r.job.sections) {
			return nil
		}
		if s := r.job.sections[i]; s != nil && s.NoTransaction {
			if err := outside(i); err != nil {
				return err
			}
			i++
		}
	}
}

func (j *Job) stampsOnly() bool {
	for _, s := range j.sections {
		if s != nil {
			return false
		}
	}
	return true
}

func (j *Job) refuseNonTransactional() error {
	for i, s := range j.sections {
		if s != nil && s.NoTransaction {
			return fmt.Errorf("revision %s can't run in one transaction with the others: %s", j.plan.Steps[i].Revision.ID, whyOutside(s))
		}
	}
	return nil
}

// checkPooler refuses what needs one session for all of its statements.
func (r *runner) checkPooler() error {
	if !r.Pooled {
		return nil
	}
	for i, s := range r.job.sections {
		if s != nil && s.NoTransaction {
			path, line, _ := s.Position(0)
			return &PoolerError{Revision: r.job.plan.Steps[i].Revision.ID, Path: path, Line: markerLine(s, line), reason: whyOutside(s)}
		}
	}
	return nil
}

// whyOutside names the place that has a section run outside a transaction.
func whyOutside(s *revision.Section) string {
	path, line, _ := s.Position(0)
	if s.InGo {
		return fmt.Sprintf("its code (%s:%d) wants a connection rather than a transaction", path, line)
	}
	return fmt.Sprintf("%s:%d says transaction:false", path, markerLine(s, line))
}

// markerLine is that of a section's marker, of the line of its text.
func markerLine(s *revision.Section, line int) int {
	if s.InGo {
		return line
	}
	return line - 1
}

// createTables makes the version table and the history where they are missing.
func (r *runner) createTables(ctx context.Context) error {
	state, err := r.Table.State(ctx, r.conn)
	if err != nil {
		return err
	}
	sql := r.Table.CreateSQL(state, r.job.width)
	if sql == "" {
		return nil
	}
	if _, err := r.conn.PgConn().Exec(ctx, "BEGIN;\n"+sql+"COMMIT;").ReadAll(); err != nil {
		r.rollback()
		return fmt.Errorf("creating the version table in schema %q: %w", r.Table.Schema, err)
	}
	return nil
}

// checkPartial lets nothing run over a revision that has run in part, except
// what finishes it.
func (r *runner) checkPartial(ctx context.Context) error {
	partial, err := r.Table.Partial(ctx, r.conn)
	if err != nil || len(partial) == 0 {
		return err
	}
	for _, entry := range partial {
		nothingDone := entry.Outcome == versiontable.Failed && entry.StatementsDone == 0 && entry.Rows() == 0
		if nothingDone || r.job.finishes(&entry) {
			continue
		}
		return &PartialError{
			Revision: entry.Revision, Direction: entry.Direction,
			Done: entry.StatementsDone, Total: entry.Statements, Rows: entry.Rows(), Err: errUnfinished,
		}
	}
	return nil
}

// finishes tells that the job runs the rest of a partial revision.
func (j *Job) finishes(entry *versiontable.Entry) bool {
	for i := range j.plan.Steps {
		step := &j.plan.Steps[i]
		if step.Revision.ID == entry.Revision && string(step.Direction) == entry.Direction {
			return true
		}
	}
	return false
}

// rollback ends a transaction that failed, if the connection is still there.
func (r *runner) rollback() {
	ctx, cancel := context.WithTimeout(context.Background(), rollbackWait)
	defer cancel()
	pg := r.conn.PgConn()
	if !pg.IsClosed() && pg.TxStatus() != 'I' {
		_ = pg.Exec(ctx, "ROLLBACK").Close()
	}
}

// rollbackWait is how long a server gets to roll back before its connection
// is given up, which rolls back as well.
const rollbackWait = 10 * time.Second

// query asks something in the simple protocol: one round trip, no prepared statement,
// rows as text. It doesn't go through pgx's types, so that a program that migrates
// and does nothing else isn't made of them.
func query(ctx context.Context, conn *pgx.Conn, sql string) ([][][]byte, error) {
	results, err := conn.PgConn().Exec(ctx, sql).ReadAll()
	if err != nil {
		return nil, err
	}
	return results[len(results)-1].Rows, nil
}

// isTrue reads a boolean.
func isTrue(value []byte) bool { return string(value) == "t" }
