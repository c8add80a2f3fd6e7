package executor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/aludel-db/aludel/internal/revision"
	"github.com/aludel-db/aludel/internal/sqltext"
	"github.com/aludel-db/aludel/internal/versiontable"
)

// A span is the steps that share a transaction: from up to, but not including,
// to.
type span struct{ from, to int }

// spans are the transactions from step i on that can be sent without a look at
// anything in between: up to a section that runs outside a transaction, or one
// that changes the session.
func (r *runner) spans(i int) []span {
	if r.job.stampsOnly() || r.SingleTransaction {
		return []span{{0, len(r.job.sections)}}
	}
	var spans []span
	for ; i < len(r.job.sections); i++ {
		s := r.job.sections[i]
		if s != nil && s.NoTransaction || r.inPieces(i) && len(spans) > 0 {
			break
		}
		spans = append(spans, span{i, i + 1})
		if r.inPieces(i) || r.changesSession(i) {
			break
		}
	}
	return spans
}

// transactions runs spans, and tries one again for as long as LockWait allows
// when others hold the locks that it needs.
func (r *runner) transactions(ctx context.Context, spans []span) error {
	r.at, r.try = spans[0].from, 1
	for start := time.Now(); ; {
		done, err := r.carefully(ctx, spans, start)
		if err == nil {
			return r.resetSession(ctx, spans[len(spans)-1])
		}
		if done > 0 {
			spans, r.try, start = spans[done:], 1, time.Now()
		}
		if locks := (*locksError)(nil); errors.As(err, &locks) && locks.noLanguage() {
			r.locksLater = true
			continue
		}
		if locked := (*tableLockedError)(nil); errors.As(err, &locked) && time.Since(start) < r.LockWait {
			if err = r.awaitTable(ctx, start); err == nil {
				continue
			}
		}
		if err = r.again(ctx, spans[0].from, start, true, err); err == nil {
			continue
		}
		if ctx.Err() != nil {
			err = &InterruptedError{Cause: ctx.Err(), Err: err}
		}
		if spans[0].from == spans[0].to {
			return err // a purge alone: no step to speak of
		}
		return r.fail(ctx, spans[0].from, err)
	}
}

// A tableLockedError is the version table locked by somebody else.
type tableLockedError struct{ error }

func (e *tableLockedError) Error() string { return "locking the version table: " + e.error.Error() }
func (e *tableLockedError) Unwrap() error { return e.error }

// awaitTable waits, without queueing, until nobody has the version table locked.
func (r *runner) awaitTable(ctx context.Context, start time.Time) error {
	return r.Table.AwaitWriter(ctx, r.conn, r.LockWait-time.Since(start), func(h versiontable.Holder) {
		r.OnEvent(Event{Kind: SessionAwaited, Object: h.String()})
	})
}

// carefully waits until the locks are to be had, and sends the transactions under
// a guard.
func (r *runner) carefully(ctx context.Context, spans []span, start time.Time) (done int, err error) {
	statements := slices.Concat(r.job.locks[spans[0].from:spans[len(spans)-1].to]...)
	if err := r.clear(ctx, spans[0].from, statements, start); err != nil {
		if r.conn.PgConn().IsClosed() {
			err = r.resolve(ctx, spans, err)
		}
		return 0, err
	}
	return done, r.guarded(ctx, letsBy(statements), func() error {
		if r.hasCode(spans[0]) {
			done, err = r.attemptCode(ctx, spans)
		} else {
			done, err = r.attempt(ctx, spans)
		}
		return err
	})
}

// again pauses before another try, where an error is one of locks, the statement
// can be repeated and there is time; else it answers the error to end with.
func (r *runner) again(ctx context.Context, i int, start time.Time, repeatable bool, err error) error {
	var gaveUp *LockTimeoutError
	if !isLockTimeout(err) || errors.As(err, &gaveUp) {
		return err
	}
	if queued := (*queuedError)(nil); errors.As(err, &queued) {
		err = queued.error
	}
	pause := retryPause(r.try)
	if repeatable && time.Since(start)+pause < r.LockWait {
		e := r.event(StepRetried, i)
		e.Err, e.Pause = err, pause
		r.OnEvent(e)
		if sleep(ctx, pause) == nil {
			r.try++
			return nil
		}
	}
	return &LockTimeoutError{Tries: r.try, Waited: time.Since(start), Err: err}
}

// retryPause grows from a tenth of a second to ten seconds, with jitter, so
// that two runners don't meet again and again.
func retryPause(try int) time.Duration {
	pause := min(100*time.Millisecond<<min(try-1, 10), 10*time.Second)
	return pause/2 + rand.N(pause/2+1)
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// isLockTimeout: lock_not_available or deadlock_detected, or a guard has ended
// what queued for too long.
func isLockTimeout(err error) bool {
	var pgErr *pgconn.PgError
	var queued *queuedError
	return errors.As(err, &queued) || errors.As(err, &pgErr) && (pgErr.Code == "55P03" || pgErr.Code == "40P01")
}

// attempt sends the transactions of spans, some of them ahead, and answers how
// many are committed.
//
// Sending ahead is safe since each transaction begins with a check of the
// version rows: when one fails, those behind it do so too, whether it leaves
// the session in an aborted transaction or was refused as a whole.
func (r *runner) attempt(ctx context.Context, spans []span) (done int, err error) {
	p := newPipeline(ctx, r.conn.PgConn())
	var waiting []*message
	rows := r.heads
	start := time.Now()
	for ; done < len(spans); done++ {
		for sent := done + len(waiting); sent < len(spans) && ctx.Err() == nil; sent++ {
			if r.Pooled && len(waiting) > 0 {
				break // a pooler takes the session away at the first answer
			}
			m := r.build(spans[sent], rows)
			if !p.takes(m.sql.String()) {
				break
			}
			p.send(m.sql.String())
			rows, waiting = m.rows, append(waiting, m)
		}
		if len(waiting) == 0 {
			return done, r.failed(ctx, p, spans[done:], nil, 0, ctx.Err())
		}
		m := waiting[0]
		waiting = waiting[1:]
		r.announce(spans[done])
		completed, err := p.receive(func(n int) {
			for _, b := range m.bodies {
				if b.done == n && len(m.bodies) > 1 {
					start = r.progress(b.step, start)
				}
			}
		})
		if err != nil {
			return done, r.failed(ctx, p, spans[done:], m, completed, err)
		}
		if len(m.bodies) == 1 {
			start = r.progress(spans[done].from, start)
		}
		r.heads = m.rows
	}
	p.close()
	return done, nil
}

// announce tells that the steps of a span are about to run, unless this is
// another try.
func (r *runner) announce(s span) {
	for ; r.announced < s.to; r.announced++ {
		r.OnEvent(r.event(StepStarted, r.announced))
	}
}

// progress tells that a step is through and starts the clock of the next.
func (r *runner) progress(i int, start time.Time) time.Time {
	now := time.Now()
	e := r.event(StepDone, i)
	e.Duration = now.Sub(start)
	r.OnEvent(e)
	return now
}

// after are the version rows when s has run over rows.
func (r *runner) after(s span, rows []string) []string {
	rows = slices.Clone(rows)
	if r.job.plan.Purge && s.from == 0 {
		rows = nil
	}
	for i := s.from; i < s.to; i++ {
		rows = r.job.plan.Steps[i].Apply(rows)
	}
	return rows
}

// send runs the statements of sql and answers how many of them completed.
func (r *runner) send(ctx context.Context, sql string) (completed int, err error) {
	return r.ask(ctx, sql, nil)
}

// ask does so too, and passes on the rows: of which statement, and the values,
// which are good until it returns.
func (r *runner) ask(ctx context.Context, sql string, row func(completed int, values [][]byte)) (completed int, err error) {
	p := newPipeline(ctx, r.conn.PgConn())
	p.row = row
	defer p.close()
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	p.send(sql)
	return p.receive(func(int) {})
}

// failed puts things in order after the first of spans has failed, and finds
// out where the database stands if the connection can't tell any more.
func (r *runner) failed(ctx context.Context, p *pipeline, spans []span, m *message, completed int, err error) error {
	p.close()
	return r.settle(ctx, spans, m, completed, err)
}

// settle gives an error its place, and the connection back in order.
func (r *runner) settle(ctx context.Context, spans []span, m *message, completed int, err error) error {
	if m != nil {
		err = r.located(m, completed, err)
	}
	if r.conn.PgConn().IsClosed() {
		return r.resolve(ctx, spans, err)
	}
	r.rollback()
	return err
}

// located gives an error of the server its place: in a section, in the check
// of the version rows, or in what is ours.
func (r *runner) located(m *message, completed int, err error) error {
	var pgErr *pgconn.PgError
	if fromCode(err) || !errors.As(err, &pgErr) {
		return err
	}
	if completed == m.check && versiontable.IsStale(err) {
		return &StaleError{Err: err}
	}
	if completed == m.check-1 && isLockTimeout(err) {
		return &tableLockedError{err}
	}
	if m.locks > 0 && completed == m.locks {
		return &locksError{revision: r.job.plan.Steps[m.bodies[0].step].Revision.ID, err: pgErr}
	}
	if h, step := m.hookOf(completed); h != nil {
		return fmt.Errorf("%s, with revision %s: %w", h.Name, r.job.plan.Steps[step].Revision.ID, err)
	}
	b := m.bodyOf(completed)
	if b == nil && pgErr.Position > 0 {
		// A syntax error anywhere refuses the whole message before its first
		// statement: only the position tells where it is.
		b = m.bodyAt(int(pgErr.Position))
	}
	last := len(m.bodies) - 1
	if b == nil && completed == m.statements-1 && last >= 0 && r.job.sections[m.bodies[last].step] != nil {
		return commitError(&r.job.plan.Steps[m.bodies[last].step], r.job.sections[m.bodies[last].step], pgErr)
	}
	if b == nil {
		return fmt.Errorf("updating the version table: %w", err)
	}
	step, s := &r.job.plan.Steps[b.step], r.job.sections[b.step]
	character := 0
	if pgErr.Position > 0 {
		character = int(pgErr.Position) - m.characters(b)
	}
	return statementError(step, s, pgErr, character, completed-b.first)
}

// bodyAt is the section that holds a 1-based character of the message, or nil.
func (m *message) bodyAt(character int) *body {
	var found *body
	for i := range m.bodies {
		if b := &m.bodies[i]; b.count > 0 && character > m.characters(b) {
			found = b
		}
	}
	return found
}

// resolve finds out on a new connection which of spans were committed though
// the answer never came. The version rows tell.
func (r *runner) resolve(ctx context.Context, spans []span, lost error) error {
	rows, _, err := r.afterLoss(ctx)
	if err != nil {
		return &UnresolvedError{Revision: r.title(spans[0]), Lost: lost, Err: err}
	}
	last := -1
	for i, at := 0, r.heads; i < len(spans) && i <= aheadMessages; i++ {
		if at = r.after(spans[i], at); slices.Equal(rows, at) {
			last = i
			r.heads = at
		}
	}
	for _, s := range spans[:last+1] {
		r.announce(s)
		for i := s.from; i < s.to; i++ {
			r.progress(i, time.Now())
		}
	}
	switch {
	case last < 0 && !slices.Equal(rows, r.heads):
		return fmt.Errorf("the connection was lost, and the version table was changed by somebody else: %w", lost)
	case last < 0:
		return fmt.Errorf("the connection was lost; nothing of revision %s was applied: %w", r.title(spans[0]), lost)
	case spans[last].to == len(r.job.sections):
		return nil
	}
	return fmt.Errorf("the connection was lost after revision %s was committed: %w", r.title(spans[last]), lost)
}

// title names the revision that decides over a span.
func (r *runner) title(s span) string {
	if s.to == 0 {
		return "" // a purge alone
	}
	return r.job.plan.Steps[s.to-1].Revision.ID
}

// afterLoss reads the version rows, and what is partial, when the lost session
// has ended: the server notices only when it next writes to it, and until then
// goes on with what was sent.
func (r *runner) afterLoss(ctx context.Context) ([]string, []versiontable.Entry, error) {
	// Also after an interruption it has to be found out where things stand.
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), resolveWait)
	defer stop()
	conn, err := r.reconnect(ctx)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = conn.Close(ctx) }()
	if err := r.endLost(ctx, conn); err != nil {
		return nil, nil, err
	}
	rows, _, err := r.Table.Heads(ctx, conn)
	if err != nil {
		return nil, nil, err
	}
	partial, err := r.Table.Partial(ctx, conn)
	return rows, partial, err
}

// resolveWait is how long it is tried to find out what became of a step: a server
// that was restarted needs a moment, as does one that still works at it.
const resolveWait = 10 * time.Second

// reconnect tries until ctx ends, where the server may just be starting.
func (r *runner) reconnect(ctx context.Context) (*pgx.Conn, error) {
	for {
		conn, err := pgx.ConnectConfig(ctx, r.conn.Config())
		if err == nil || !isStarting(err) || sleep(ctx, 200*time.Millisecond) != nil {
			return conn, err
		}
	}
}

// isStarting: cannot_connect_now, or a socket that isn't there yet, or not any
// more.
func isStarting(err error) bool {
	var pgErr *pgconn.PgError
	if errors.As(err, &pgErr) {
		return pgErr.Code == "57P03"
	}
	for _, code := range []error{syscall.ECONNREFUSED, syscall.ECONNRESET, syscall.ENOENT, io.EOF, io.ErrUnexpectedEOF} {
		if errors.Is(err, code) {
			return true
		}
	}
	return false
}

// endLost waits until the lost session has nothing to do, and ends it: what was
// sent may still be on its way to it, held up in the network, and must not
// arrive after it was said that nothing was applied. That the number belongs to
// that session, and not to a later one, its start tells. A pooler's sessions are
// not ours to end; the pooler itself drops what it has not passed on.
func (r *runner) endLost(ctx context.Context, conn *pgx.Conn) error {
	for {
		there, busy, err := r.lookForLost(ctx, conn)
		if err != nil || !there {
			return err
		}
		if err := sleep(ctx, 20*time.Millisecond); err != nil {
			if !busy {
				return fmt.Errorf("its session does not end (pid %d): %w", r.Session, err)
			}
			return fmt.Errorf("the server still works at it: %w", err)
		}
	}
}

// lookForLost tells whether it is there, and does something or can't be ended.
func (r *runner) lookForLost(ctx context.Context, conn *pgx.Conn) (there, busy bool, err error) {
	which := fmt.Sprintf("pid = %d AND backend_start < clock_timestamp() - interval '%f seconds'", r.Session, time.Since(r.began).Seconds())
	if r.Pooled {
		which = "pid <> pg_catalog.pg_backend_pid() AND state = 'active' AND datname = current_database() AND strpos(query, " +
			sqltext.QuoteLiteral(r.firstWords()) + ") = 1"
	}
	rows, err := query(ctx, conn, "SELECT pg_catalog.count(*) > 0, coalesce(bool_or(state = 'active' OR NOT pg_catalog.pg_terminate_backend(pid)), false) "+
		"FROM pg_catalog.pg_stat_activity WHERE usename = current_user AND "+which)
	if err != nil {
		return false, false, err
	}
	return isTrue(rows[0][0]), isTrue(rows[0][1]), nil
}

func (r *runner) changesSession(i int) bool {
	if s := r.job.sections[i]; s != nil {
		for _, statement := range s.Statements {
			if statement.ChangesSession {
				return true
			}
		}
	}
	return false
}

// resetSession clears what the sections of s may have left behind after their
// COMMIT, so that each finds the session as the first did.
func (r *runner) resetSession(ctx context.Context, s span) error {
	if r.Pooled {
		return nil // it was done before the COMMIT
	}
	for i := s.from; i < s.to; i++ {
		if !r.changesSession(i) {
			continue
		}
		return r.resetAfter(ctx, s)
	}
	return nil
}

// resetAfter clears the session behind a span that is committed. One that is
// lost needs no clearing.
func (r *runner) resetAfter(ctx context.Context, s span) error {
	err := r.reset(ctx)
	switch {
	case err == nil || r.conn.PgConn().IsClosed() && s.to == len(r.job.sections):
		return nil
	case r.conn.PgConn().IsClosed():
		return fmt.Errorf("the connection was lost after revision %s was committed: %w", r.title(s), err)
	}
	return fmt.Errorf("resetting the session after revision %s: %w", r.title(s), err)
}

// resetSQL does what DISCARD ALL does, but for the prepared statements, which may
// be the caller's.
const (
	resetSQL        = "SET SESSION AUTHORIZATION DEFAULT; RESET ALL; CLOSE ALL; UNLISTEN *; SELECT pg_catalog.pg_advisory_unlock_all(); DISCARD TEMP; DISCARD SEQUENCES;\n"
	resetStatements = 7
)

func (r *runner) reset(ctx context.Context) error {
	_, err := r.conn.PgConn().Exec(ctx, resetSQL).ReadAll()
	return err
}

// failedRevision is the revision whose section failed, and with what; empty where
// it was something else.
func failedRevision(err error) (id, text string) {
	var statement *StatementError
	var code *CodeError
	switch {
	case errors.As(err, &code):
		return code.Revision, code.Error()
	case errors.As(err, &statement):
		return statement.Revision, statement.Error()
	}
	return "", ""
}

// fail tells of a step that was not applied and writes it down. The history
// row is a courtesy: what happened doesn't depend on it.
func (r *runner) fail(ctx context.Context, i int, err error) error {
	e := r.event(StepFailed, i)
	if stale := (*StaleError)(nil); errors.As(err, &stale) {
		e.Kind = StepOvertaken // whoever called plans again
	}
	e.Err = err
	r.OnEvent(e)
	step := &r.job.plan.Steps[i]
	if id, text := failedRevision(err); id != "" && step.Direction != revision.Stamp && !r.conn.PgConn().IsClosed() {
		entry := r.entry(step, versiontable.Failed)
		entry.Checksum, entry.Error, entry.Revision = r.job.sections[i].Checksum(), text, id
		note, cancel := context.WithTimeout(context.WithoutCancel(ctx), rollbackWait)
		defer cancel()
		_ = r.conn.PgConn().Exec(note, r.Table.AppendSQL(entry)).Close()
	}
	return err
}
