package executor

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/aludel-db/aludel/internal/revision"
	"github.com/aludel-db/aludel/internal/sqltext"
	"github.com/aludel-db/aludel/internal/versiontable"
)

// An outside is a section that runs outside a transaction, statement by
// statement. Before each one the history says that it is about to run, and
// after the last one the version rows change. So whatever happens in between,
// the next run knows where to go on.
type outside struct {
	*runner
	i       int
	step    *revision.Step
	section *revision.Section
	done    int   // statements that have run
	rows    int64 // that the next one has been through, if it runs in batches
	started time.Time
}

func (r *runner) outsideTransaction(ctx context.Context, i int) error {
	o := &outside{runner: r, i: i, step: &r.job.plan.Steps[i], section: r.job.sections[i], started: time.Now()}
	r.announce(span{i, i + 1})
	if err := o.run(ctx); err != nil {
		return o.fail(ctx, err)
	}
	r.progress(i, o.started)
	r.heads = r.after(span{i, i + 1}, r.heads)
	if err := r.reset(ctx); err != nil {
		return fmt.Errorf("resetting the session after revision %s: %w", o.step.Revision.ID, err)
	}
	return nil
}

func (o *outside) run(ctx context.Context) error {
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
	if err := o.hook(ctx, o.Before); err != nil {
		return err
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
		if entry.StatementsDone > len(o.section.Statements) ||
			versiontable.DoneChecksum(o.texts(entry.StatementsDone)) != entry.DoneChecksum {
			return false, &PartialError{
				Revision: entry.Revision, Direction: entry.Direction,
				Done: entry.StatementsDone, Total: entry.Statements, Rows: entry.Rows(), Err: errEdited,
			}
		}
		o.done = entry.StatementsDone
		o.rows = entry.Rows()
		return true, nil
	}
	return false, nil
}

func (o *outside) texts(n int) []string {
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

// statement notes that the next statement is about to run, and runs it.
func (o *outside) statement(ctx context.Context) error {
	if spec := o.section.Batches[o.done]; spec != nil {
		return o.inBatches(ctx, spec)
	}
	if err := o.note(ctx, versiontable.Running, nil); err != nil {
		return err
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
	alone := *o.section
	alone.Statements = o.section.Statements[o.done : o.done+1]
	sections := []*revision.Section{&alone}
	calm := statement.Class == sqltext.NonTransactional || letsBy(sections)
	if !calm {
		if err := o.clear(ctx, o.i, sections, start); err != nil {
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
	return o.guarded(ctx, calm, func() error { return o.sendStatement(ctx, statement) })
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
	character := 0
	if pgErr.Position > 0 {
		character = len([]rune(o.section.SQL[:statement.Offset])) + int(pgErr.Position)
	}
	return statementError(o.step, o.section, pgErr, character, o.done)
}

// note appends a history row in a transaction that also checks the version
// rows: nobody else may have changed them while statements run one by one.
func (o *outside) note(ctx context.Context, outcome versiontable.Outcome, failure error) error {
	entry := o.noteEntry(outcome)
	if failure != nil {
		entry.Error = failure.Error()
	}
	if o.section.Batches[o.done] != nil {
		return o.locked(ctx, o.Table.BatchSQL(entry))
	}
	return o.locked(ctx, o.Table.AppendSQL(entry))
}

func (o *outside) noteEntry(outcome versiontable.Outcome) *versiontable.Entry {
	entry := o.entry(o.step, outcome)
	entry.Checksum = o.section.Checksum()
	entry.Started = o.started
	entry.Statements, entry.StatementsDone = len(o.section.Statements), o.done
	entry.DoneChecksum = versiontable.DoneChecksum(o.texts(o.done))
	return entry
}

// finish changes the version rows.
func (o *outside) finish(ctx context.Context) error {
	return o.locked(ctx, o.Table.RowsSQL(o.step.Removes, o.step.Adds)+o.Table.AppendSQL(o.noteEntry(versiontable.Done)))
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

// recover looks at what became of the statement that an earlier run had begun:
// an INVALID index of the same name is what a failed or killed CREATE INDEX
// CONCURRENTLY leaves, and goes; a valid one means that it was done after all.
func (o *outside) recover(ctx context.Context) (skip bool, err error) {
	name, creates, ok := sqltext.ConcurrentIndex(o.section.Statements[o.done].Text)
	if !ok {
		return false, nil
	}
	var valid bool
	err = o.conn.QueryRow(ctx, "SELECT indisvalid FROM pg_catalog.pg_index WHERE indexrelid = pg_catalog.to_regclass($1)",
		pgx.QueryExecModeSimpleProtocol, name).Scan(&valid)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return !creates, nil // nothing there: a DROP is done, a CREATE is not
	case err != nil:
		return false, fmt.Errorf("looking for index %s: %w", name, err)
	case !creates:
		return false, nil
	case valid:
		return true, nil
	}
	if _, err := o.conn.Exec(ctx, "DROP INDEX CONCURRENTLY "+name, pgx.QueryExecModeSimpleProtocol); err != nil {
		return false, fmt.Errorf("dropping the invalid index %s that an earlier attempt left: %w", name, err)
	}
	e := o.event(IndexDropped, o.i)
	e.Object = name
	o.OnEvent(e)
	return false, nil
}

// fail writes down how far it came. With nothing done the revision is simply
// not applied.
func (o *outside) fail(ctx context.Context, err error) error {
	note, cancel := context.WithTimeout(context.WithoutCancel(ctx), rollbackWait)
	defer cancel()
	var stale *StaleError
	var partial *PartialError
	refused := errors.As(err, &stale) || errors.As(err, &partial) // nothing was tried, so there is nothing to write down
	if !refused && !o.conn.PgConn().IsClosed() {
		_ = o.note(note, versiontable.Failed, err)
		_ = o.reset(note)
	}
	if o.done+int(o.rows) > 0 && !refused {
		err = &PartialError{
			Revision: o.step.Revision.ID, Direction: string(o.step.Direction),
			Done: o.done, Total: len(o.section.Statements), Rows: o.rows, Err: err,
		}
	}
	if ctx.Err() != nil {
		err = &InterruptedError{Cause: ctx.Err(), Err: err}
	}
	e := o.event(StepFailed, o.i)
	e.Err = err
	o.OnEvent(e)
	return err
}
