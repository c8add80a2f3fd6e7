package executor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/aludel-db/aludel/internal/revision"
	"github.com/aludel-db/aludel/internal/sqltext"
	"github.com/aludel-db/aludel/internal/versiontable"
)

// An outside is a section that runs outside a transaction, statement by
// statement. What can run in a transaction does so in one of its own, together
// with the note in the history that it is done. Before one that can't, the history says
// that it is about to run. After the last one the version rows change. So
// whatever happens in between, the next run knows where to go on.
type outside struct {
	*runner
	i       int
	step    *revision.Step
	section *revision.Section
	code    outsideCode
	done    int    // statements that have run
	rows    int64  // that the next one has been through, if it runs in batches
	failure string // of the earlier run
	started time.Time
}

func (r *runner) outsideTransaction(ctx context.Context, i int) error {
	o := &outside{runner: r, i: i, step: &r.job.plan.Steps[i], section: r.job.sections[i], started: time.Now()}
	r.announce(span{i, i + 1})
	if err := o.run(ctx); err != nil {
		return o.fail(ctx, err) // no error: it was found out that all of it stands
	}
	r.progress(i, o.started)
	r.heads = r.after(span{i, i + 1}, r.heads)
	return r.resetAfter(ctx, span{i, i + 1})
}

func (o *outside) run(ctx context.Context) error {
	if err := o.fence(ctx); err != nil {
		return err
	}
	resumed, err := o.resume(ctx)
	if err != nil {
		return err
	}
	if err := o.settings(ctx); err != nil {
		return err
	}
	if err := o.checkBatches(ctx); err != nil {
		return err
	}
	if !resumed {
		if err := o.checkIndexes(ctx); err != nil {
			return err
		}
	}
	if err := o.hook(ctx, o.Before); err != nil {
		return err
	}
	if o.section.InGo {
		if err := o.runCode(ctx); err != nil {
			return err
		}
		ctx = context.WithoutCancel(ctx) // what the code has done can't be undone: it is written down
	}
	for ; o.done < len(o.section.Statements); o.done++ {
		skip := false
		if resumed {
			if skip, err = o.recover(ctx); err != nil {
				return err
			}
			resumed = false
		}
		if !skip {
			if err := o.statement(ctx); err != nil {
				return err
			}
		}
		e := o.event(StatementDone, o.i)
		e.Statement, e.Statements = o.done+1, len(o.section.Statements)
		o.OnEvent(e)
	}
	if err := o.hook(ctx, o.After); err != nil {
		return err
	}
	return o.finish(ctx)
}

// fence waits for the session of an earlier run that was killed or cut off: the
// server notices only when it next writes to it, and may build an index until
// then. What such a session leaves is known when it has ended.
func (o *outside) fence(ctx context.Context) error {
	return o.Table.Fence(ctx, o.conn, o.LockWait, func(h versiontable.Holder) {
		e := o.event(SessionAwaited, o.i)
		e.Object = h.String()
		o.OnEvent(e)
	})
}

// resume finds out how far an earlier run came, and whether what it ran is
// still what the file says.
func (o *outside) resume(ctx context.Context) (resumed bool, err error) {
	partial, err := o.Table.Partial(ctx, o.conn)
	if err != nil {
		return false, err
	}
	for _, entry := range partial {
		if entry.Revision != o.step.Revision.ID || entry.Direction != string(o.step.Direction) {
			continue
		}
		if o.section.InGo {
			o.code.earlier, o.code.sum, o.rows, o.failure = entry.StatementsDone, entry.DoneChecksum, entry.Rows(), entry.Error
			return true, nil
		}
		if entry.StatementsDone > len(o.section.Statements) ||
			versiontable.DoneChecksum(o.texts(entry.StatementsDone)) != entry.DoneChecksum {
			return false, &PartialError{
				Revision: entry.Revision, Direction: entry.Direction,
				Done: entry.StatementsDone, Total: entry.Statements, Rows: entry.Rows(), Err: errEdited,
			}
		}
		o.done = entry.StatementsDone
		o.rows = entry.Rows()
		o.failure = entry.Error
		return true, nil
	}
	return false, nil
}

func (o *outside) texts(n int) []string {
	if o.section.InGo {
		return o.code.tables[:n]
	}
	texts := make([]string, n)
	for i := range texts {
		texts[i] = o.section.Statements[i].Text
	}
	return texts
}

// settings puts the session in order: there is no transaction to SET LOCAL in.
// A lock timeout would end CREATE INDEX CONCURRENTLY while it waits for old
// snapshots anywhere in the database, and leave an invalid index behind, so
// there is none but the file's own.
func (o *outside) settings(ctx context.Context) error {
	lockTimeout := time.Duration(0)
	if o.section.LockTimeout != nil {
		lockTimeout = *o.section.LockTimeout
	}
	_, err := o.conn.PgConn().Exec(ctx, "SET search_path = "+sqltext.QuoteIdent(o.Table.Target)+";\n"+
		setTimeout("lock_timeout", lockTimeout)+setTimeout("statement_timeout", o.statementTimeout(o.section))).ReadAll()
	if err != nil {
		return fmt.Errorf("setting up the session: %w", err)
	}
	return nil
}

// statement runs the next statement.
func (o *outside) statement(ctx context.Context) error {
	statement := &o.section.Statements[o.done]
	switch {
	case o.section.Batches[o.done] != nil:
		return o.inBatches(ctx, o.section.Batches[o.done])
	case !inOneTransaction(statement):
		there, err := o.isThere(ctx)
		if err == nil && !there {
			err = o.note(ctx, versiontable.Running, nil)
		}
		if err != nil {
			return err
		}
	}
	o.at, o.try = o.i, 1
	for start := time.Now(); ; {
		err := o.once(ctx, start)
		if err == nil {
			return nil
		}
		// One that is CONCURRENTLY may have left something behind, which the next
		// run looks for.
		repeatable := o.section.Statements[o.done].Class != sqltext.NonTransactional
		if err = o.again(ctx, o.i, start, repeatable, err); err != nil {
			return err
		}
	}
}

// once tries the next statement. What needs no strong lock, and so all that is
// CONCURRENTLY, may take its time to get it.
func (o *outside) once(ctx context.Context, start time.Time) error {
	statement := &o.section.Statements[o.done]
	locks := o.job.locks[o.i][o.done : o.done+1]
	calm := statement.Class == sqltext.NonTransactional || letsBy(locks)
	if !calm {
		if err := o.clear(ctx, o.i, locks, start); err != nil {
			return err
		}
	}
	if o.MaxStall > 0 && o.section.LockTimeout == nil {
		timeout := time.Duration(0)
		if !calm {
			timeout = o.lockTimeout(nil)
		}
		if _, err := o.send(ctx, setTimeout("lock_timeout", timeout)); err != nil {
			return fmt.Errorf("setting up the session: %w", err)
		}
	}
	return o.guarded(ctx, calm, func() error {
		if inOneTransaction(statement) {
			return o.sendWithNote(ctx, statement)
		}
		return o.sendStatement(ctx, statement)
	})
}

func (o *outside) sendStatement(ctx context.Context, statement *sqltext.Statement) error {
	if role := o.role(o.section); role != "" {
		if _, err := o.send(ctx, "SET ROLE "+sqltext.QuoteIdent(role)); err != nil {
			return fmt.Errorf("setting up the session: %w", err)
		}
		defer func() { _, _ = o.send(context.WithoutCancel(ctx), "RESET ROLE") }() // or the connection is lost, and with it the role
	}
	_, err := o.send(ctx, statement.Text)
	var pgErr *pgconn.PgError
	if !errors.As(err, &pgErr) {
		return err
	}
	return o.placed(statement, pgErr, int(pgErr.Position))
}

// inOneTransaction: procedures and blocks may commit by themselves, and fail in
// a transaction that isn't theirs (2D000).
func inOneTransaction(statement *sqltext.Statement) bool {
	return statement.Class == sqltext.Transactional && statement.Kind != "CALL" && statement.Kind != "DO"
}

// sendWithNote runs a statement in the transaction that also notes that it is done.
func (o *outside) sendWithNote(ctx context.Context, statement *sqltext.Statement) error {
	m := &message{}
	m.add(2, "BEGIN;\n"+o.Table.LockSQL())
	m.check = m.statements
	m.add(1, o.Table.CheckSQL(o.heads))
	role := o.role(o.section)
	if role != "" {
		m.add(1, "SET LOCAL ROLE "+sqltext.QuoteIdent(role)+";\n")
	}
	sent := body{step: o.i, first: m.statements, count: 1, start: m.sql.Len()}
	m.add(1, statement.Text+"\n;\n")
	if role != "" {
		m.add(1, "RESET ROLE;\n")
	}
	entry := o.noteEntry(versiontable.Running)
	entry.StatementsDone, entry.DoneChecksum = o.done+1, versiontable.DoneChecksum(o.texts(o.done+1))
	m.add(2, o.Table.AppendSQL(entry)+"COMMIT;\n")
	completed, err := o.send(ctx, m.sql.String())
	if err == nil {
		return nil
	}
	o.rollback()
	var pgErr *pgconn.PgError
	if !errors.As(err, &pgErr) {
		return err
	}
	position := int(pgErr.Position) - m.characters(&sent)
	within := position > 0 && position <= len([]rune(statement.Text))
	switch {
	case completed == m.check && versiontable.IsStale(err):
		return &StaleError{Err: err}
	case completed == m.statements-1:
		return commitError(o.step, o.section, pgErr)
	case completed == sent.first && !within:
		return o.placed(statement, pgErr, 0)
	case within:
		return o.placed(statement, pgErr, position)
	}
	return fmt.Errorf("noting a statement in the history: %w", err)
}

// placed gives an error its place: a 1-based character of the statement, 0 where
// the server gave none.
func (o *outside) placed(statement *sqltext.Statement, err *pgconn.PgError, character int) error {
	if character > 0 {
		character += len([]rune(o.section.SQL[:statement.Offset]))
	}
	return statementError(o.step, o.section, err, character, o.done)
}

// note appends a history row in a transaction that also checks the version
// rows: nobody else may have changed them while statements run one by one.
func (o *outside) note(ctx context.Context, outcome versiontable.Outcome, failure error) error {
	entry := o.noteEntry(outcome)
	if failure != nil {
		entry.Error = failure.Error()
	}
	if o.section.InGo || o.section.Batches[o.done] != nil {
		return o.locked(ctx, o.Table.BatchSQL(entry))
	}
	return o.locked(ctx, o.Table.AppendSQL(entry))
}

func (o *outside) noteEntry(outcome versiontable.Outcome) *versiontable.Entry {
	entry := o.entry(o.step, outcome)
	entry.Checksum = o.section.Checksum()
	entry.Started = o.started
	entry.Statements, entry.StatementsDone = o.statements(), o.done
	entry.DoneChecksum = versiontable.DoneChecksum(o.texts(o.done))
	if o.done < o.code.earlier { // it has not come there again yet
		entry.StatementsDone, entry.DoneChecksum = o.code.earlier, o.code.sum
	}
	return entry
}

// statements counts those of the section. Code is one, and so is each of its walks
// through a table in batches.
func (o *outside) statements() int {
	if o.section.InGo {
		return max(len(o.code.tables), o.code.earlier) + 1
	}
	return len(o.section.Statements)
}

// finish changes the version rows.
func (o *outside) finish(ctx context.Context) error {
	entry := o.noteEntry(versiontable.Done)
	entry.Down, entry.StatementsDone = o.job.kept[o.i], entry.Statements
	return o.locked(ctx, o.Table.RowsSQL(o.step.Removes, o.step.Adds)+o.Table.AppendSQL(entry))
}

// locked runs sql in a transaction of its own, over the version rows planned
// for.
func (o *outside) locked(ctx context.Context, sql string) error {
	m := &message{}
	m.add(2, "BEGIN;\n"+o.Table.LockSQL())
	m.check = m.statements
	m.add(1, o.Table.CheckSQL(o.heads))
	m.add(1, sql+"COMMIT;\n")
	completed, err := o.send(ctx, m.sql.String())
	if err == nil {
		return nil
	}
	o.rollback()
	return o.located(m, completed, err)
}

// fail writes down how far it came, or finds it out. With nothing done the
// revision is simply not applied.
func (o *outside) fail(ctx context.Context, err error) error {
	note, cancel := context.WithTimeout(context.WithoutCancel(ctx), rollbackWait)
	defer cancel()
	var stale *StaleError
	var partial *PartialError
	var locked *versiontable.LockedError
	var foreign *ForeignIndexError
	refused := errors.As(err, &stale) || errors.As(err, &partial) || errors.As(err, &locked) || errors.As(err, &foreign) // nothing was tried, so there is nothing to write down
	switch {
	case refused && o.conn.PgConn().IsClosed():
	case refused:
		_ = o.reset(note) // the fence is a lock of the session, which is the caller's
		if foreign != nil {
			err = o.partly(err) // as it was before, of a run that goes on with another's
		}
	case o.conn.PgConn().IsClosed():
		if err = o.resolve(ctx, err); err == nil {
			return nil
		}
	default:
		_ = o.note(note, versiontable.Failed, err)
		_ = o.reset(note)
		err = o.partly(err)
	}
	if ctx.Err() != nil {
		err = &InterruptedError{Cause: ctx.Err(), Err: err}
	}
	e := o.event(StepFailed, o.i)
	e.Err = err
	o.OnEvent(e)
	return err
}

// partly is err with how far the section has come.
func (o *outside) partly(err error) error {
	done := max(o.done, o.code.earlier)
	if done == 0 && o.rows == 0 {
		return err
	}
	return &PartialError{
		Revision: o.step.Revision.ID, Direction: string(o.step.Direction),
		Done: done, Total: o.statements(), Rows: o.rows, Err: err,
	}
}

// resolve finds out on a new connection how far the section came before its own
// was lost. The history tells, and the version rows. No error means that all of it
// stands and that it was the last step.
func (o *outside) resolve(ctx context.Context, lost error) error {
	id := o.step.Revision.ID
	rows, partial, err := o.afterLoss(ctx)
	if err != nil {
		return &UnresolvedError{Revision: id, Lost: lost, Err: err}
	}
	if after := o.after(span{o.i, o.i + 1}, o.heads); slices.Equal(rows, after) {
		o.progress(o.i, o.started)
		o.heads = after
		if o.i+1 == len(o.job.sections) {
			return nil
		}
		return fmt.Errorf("the connection was lost after revision %s was committed: %w", id, lost)
	}
	for _, entry := range partial {
		if entry.Revision == id && entry.Direction == string(o.step.Direction) && entry.StatementsDone+int(entry.Rows()) > 0 {
			o.done, o.rows = entry.StatementsDone, entry.Rows()
			return o.partly(fmt.Errorf("the connection was lost: %w", lost))
		}
		if entry.Revision == id {
			return fmt.Errorf("the connection was lost in the first statement of revision %s, which may have been done: %w", id, lost)
		}
	}
	return fmt.Errorf("the connection was lost; nothing of revision %s was applied: %w", id, lost)
}
