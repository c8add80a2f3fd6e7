package executor

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/aludel-db/aludel/internal/revision"
	"github.com/aludel-db/aludel/internal/versiontable"
)

// transaction runs the steps from up to, but not including, to, and tries
// again for as long as LockWait allows when others hold the locks they need.
func (r *runner) transaction(ctx context.Context, from, to int) error {
	for i := from; i < to; i++ {
		r.OnEvent(r.event(StepStarted, i))
	}
	start := time.Now()
	for try := 1; ; try++ {
		err := r.attempt(ctx, from, to)
		if err == nil {
			return nil
		}
		pause := retryPause(try)
		if isLockTimeout(err) && time.Since(start)+pause < r.LockWait {
			e := r.event(StepRetried, from)
			e.Err, e.Pause = err, pause
			r.OnEvent(e)
			if sleep(ctx, pause) == nil {
				continue
			}
		}
		if isLockTimeout(err) {
			err = &LockTimeoutError{Tries: try, Err: err}
		}
		if from == to {
			return err // a purge alone: no step to speak of
		}
		return r.fail(ctx, from, err)
	}
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

// isLockTimeout: lock_not_available or deadlock_detected.
func isLockTimeout(err error) bool {
	var pgErr *pgconn.PgError
	return errors.As(err, &pgErr) && (pgErr.Code == "55P03" || pgErr.Code == "40P01")
}

// attempt sends one transaction and finds out what came of it.
func (r *runner) attempt(ctx context.Context, from, to int) error {
	m := r.build(from, to)
	start := time.Now()
	completed, err := r.send(ctx, m.sql.String(), func(n int) {
		for _, b := range m.bodies {
			if b.done == n && to-from > 1 {
				start = r.progress(b.step, start)
			}
		}
	})
	if err == nil {
		if to-from == 1 {
			r.progress(from, start)
		}
		r.advance(from, to)
		return r.resetSession(ctx, from, to)
	}
	var pgErr *pgconn.PgError
	if !errors.As(err, &pgErr) && r.conn.PgConn().IsClosed() {
		return r.resolve(ctx, from, to, start, err)
	}
	r.rollback()
	return r.located(m, completed, err)
}

// progress tells that a step is through and starts the clock of the next.
func (r *runner) progress(i int, start time.Time) time.Time {
	now := time.Now()
	e := r.event(StepDone, i)
	e.Duration = now.Sub(start)
	r.OnEvent(e)
	return now
}

func (r *runner) advance(from, to int) {
	rows := slices.Clone(r.heads)
	if r.job.plan.Purge && from == 0 {
		rows = nil
	}
	for i := from; i < to; i++ {
		rows = r.job.plan.Steps[i].Apply(rows)
	}
	r.heads = rows
}

// send runs the statements of sql and answers how many of them completed.
func (r *runner) send(ctx context.Context, sql string, completedOne func(int)) (completed int, err error) {
	results := r.conn.PgConn().Exec(ctx, sql)
	for results.NextResult() {
		if _, err := results.ResultReader().Close(); err != nil {
			break
		}
		completedOne(completed)
		completed++
	}
	return completed, results.Close()
}

// located gives an error of the server its place: in a section, in the check
// of the version rows, or in what is ours.
func (r *runner) located(m *message, completed int, err error) error {
	var pgErr *pgconn.PgError
	if !errors.As(err, &pgErr) {
		return err
	}
	if completed == m.check && versiontable.IsStale(err) {
		return &StaleError{Err: err}
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

// resolve finds out on a new connection whether a transaction was committed
// whose answer never came. The version rows tell.
func (r *runner) resolve(ctx context.Context, from, to int, start time.Time, lost error) error {
	conn, err := pgx.ConnectConfig(ctx, r.conn.Config())
	if err != nil {
		return fmt.Errorf("the connection was lost (%w), and so it is not known whether the step was committed: %w", lost, err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	rows, _, err := r.Table.Heads(ctx, conn)
	if err != nil {
		return fmt.Errorf("the connection was lost (%w), and so it is not known whether the step was committed: %w", lost, err)
	}
	before := r.heads
	r.advance(from, to)
	if slices.Equal(rows, r.heads) {
		r.progress(to-1, start)
		if to == len(r.job.sections) {
			return nil
		}
		return fmt.Errorf("the connection was lost after revision %s was committed: %w", r.job.plan.Steps[to-1].Revision.ID, lost)
	}
	r.heads = before
	return fmt.Errorf("the connection was lost; nothing of revision %s was applied: %w", r.job.plan.Steps[from].Revision.ID, lost)
}

// resetSession clears what sections may have left behind after their COMMIT,
// so that each finds the session as the first did.
func (r *runner) resetSession(ctx context.Context, from, to int) error {
	changes := false
	for i := from; i < to; i++ {
		if s := r.job.sections[i]; s != nil {
			for _, statement := range s.Statements {
				changes = changes || statement.ChangesSession
			}
		}
	}
	if !changes {
		return nil
	}
	if err := r.reset(ctx); err != nil {
		return fmt.Errorf("resetting the session after revision %s: %w", r.job.plan.Steps[to-1].Revision.ID, err)
	}
	return nil
}

// reset does what DISCARD ALL does, but for the prepared statements, which may
// be the caller's.
func (r *runner) reset(ctx context.Context) error {
	_, err := r.conn.PgConn().Exec(ctx, "SET SESSION AUTHORIZATION DEFAULT; RESET ALL; CLOSE ALL; UNLISTEN *; "+
		"SELECT pg_catalog.pg_advisory_unlock_all(); DISCARD TEMP; DISCARD SEQUENCES").ReadAll()
	return err
}

// fail tells of a step that was not applied and writes it down. The history
// row is a courtesy: what happened doesn't depend on it.
func (r *runner) fail(ctx context.Context, i int, err error) error {
	e := r.event(StepFailed, i)
	e.Err = err
	r.OnEvent(e)
	var statement *StatementError
	step := &r.job.plan.Steps[i]
	if errors.As(err, &statement) && step.Direction != revision.Stamp && !r.conn.PgConn().IsClosed() {
		entry := r.entry(step, versiontable.Failed)
		entry.Checksum, entry.Error = r.job.sections[i].Checksum(), statement.Error()
		if statement.Revision != step.Revision.ID {
			entry.Revision = statement.Revision
		}
		note, cancel := context.WithTimeout(context.WithoutCancel(ctx), rollbackWait)
		defer cancel()
		_ = r.conn.PgConn().Exec(note, r.Table.AppendSQL(entry)).Close()
	}
	return err
}
