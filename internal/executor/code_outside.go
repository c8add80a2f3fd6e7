package executor

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aludel-db/aludel/internal/revision"
	"github.com/aludel-db/aludel/internal/sqltext"
	"github.com/aludel-db/aludel/internal/versiontable"
)

// An outsideCode is code that runs outside a transaction. The history says before it
// that it is about to run, and counts its walks through tables as it would count
// statements: one that is done is not done again.
type outsideCode struct {
	earlier int      // walks that an earlier run has done
	sum     string   // their checksum
	tables  []string // of the walks that this run has come to
	failed  error    // of a walk
}

// runCode runs the section's code. After a crash it runs again from its beginning.
func (o *outside) runCode(ctx context.Context) error {
	if o.code.earlier == 0 { // else the history already knows that it runs, and how far it is
		if err := o.note(ctx, versiontable.Running, nil); err != nil {
			return err
		}
	}
	if err := o.setRole(ctx, true); err != nil {
		return err
	}
	o.at, o.try = o.i, 1
	start := time.Now()
	err := o.guarded(ctx, false, func() error {
		err := o.work(ctx, func(inner context.Context) error { return o.job.code[o.i].Conn(inner, o.conn, o.walk) })
		if err != nil {
			err = o.codeError(o.i, err)
		}
		return err
	})
	if err == nil {
		err = o.leftClean()
	}
	if err != nil {
		o.rollback()
	}
	// Or the connection is lost, and with it the role.
	if reset := o.setRole(context.WithoutCancel(ctx), false); err == nil {
		err = reset
	}
	if partial := (*PartialError)(nil); errors.As(err, &partial) {
		return partial
	}
	if err != nil {
		return o.again(ctx, o.i, start, false, err)
	}
	return nil
}

// setRole has the session work as the section's role, where it has one, or as its own
// again: what is written down is its own.
func (o *outside) setRole(ctx context.Context, on bool) error {
	role := o.role(o.section)
	if role == "" {
		return nil
	}
	sql := "RESET ROLE"
	if on {
		sql = "SET ROLE " + sqltext.QuoteIdent(role)
	}
	if _, err := o.send(ctx, sql); err != nil {
		return fmt.Errorf("setting up the session: %w", err)
	}
	return nil
}

// leftClean refuses code that leaves a transaction open, or some walks undone that
// an earlier run has done.
func (o *outside) leftClean() error {
	switch {
	case o.code.failed != nil:
		return o.codeError(o.i, fmt.Errorf("batches failed, and the code went on: %w", o.code.failed))
	case o.conn.PgConn().IsClosed():
		return o.codeError(o.i, errors.New("the connection is closed"))
	case o.conn.PgConn().TxStatus() != 'I':
		return o.codeError(o.i, errors.New("it leaves a transaction open: commit it, or roll it back"))
	case len(o.code.tables) < o.code.earlier:
		return o.codeEdited()
	}
	return nil
}

func (o *outside) codeEdited() error {
	return &PartialError{
		Revision: o.step.Revision.ID, Direction: string(o.step.Direction),
		Done: o.code.earlier, Total: o.statements(), Err: errCodeEdited,
	}
}

// walk is the [Batcher] of code.
func (o *outside) walk(ctx context.Context, table string, size int, do BatchFunction) error {
	if !sqltext.IsName(table) {
		return fmt.Errorf("%q is not the name of a table: write it as in SQL: orders, app.orders, \"Odd Name\"", table)
	}
	if status := o.conn.PgConn().TxStatus(); status != 'I' {
		return errors.New("batches are transactions of their own: there is one open already")
	}
	o.code.tables = append(o.code.tables, table)
	if n := len(o.code.tables); n <= o.code.earlier {
		if n == o.code.earlier && versiontable.DoneChecksum(o.code.tables) != o.code.sum {
			return o.codeEdited()
		}
		o.done++
		return nil
	}
	if err := o.setRole(ctx, false); err != nil {
		return err
	}
	if err := o.batchesOf(ctx, &revision.Batch{Table: table, Size: size}, do); err != nil {
		if code := (*CodeError)(nil); errors.As(err, &code) { // the section's code will be named by whoever called it
			err = code.Err
		}
		o.code.failed = err
		return err
	}
	o.done++
	if err := o.note(ctx, versiontable.Running, nil); err != nil {
		return err
	}
	return o.setRole(ctx, true)
}

// batchesOf walks while the guard looks away: what each batch makes others wait,
// the batches see by themselves, and become smaller.
func (o *outside) batchesOf(ctx context.Context, spec *revision.Batch, do BatchFunction) error {
	key, err := o.batchKey(ctx, spec)
	if err != nil {
		return err
	}
	w := o.working.Load()
	if w == nil {
		return errors.New("the revision has ended already")
	}
	w.batch.Store(true)
	defer w.batch.Store(false)
	return (&batches{outside: o, spec: spec, key: key, do: do, started: time.Now()}).run(ctx)
}
