package executor

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/aludel-db/aludel/internal/revision"
	"github.com/aludel-db/aludel/internal/sqltext"
)

// Code are the sections of a revision that is written in Go.
type Code struct{ Up, Down Function }

// A Function is a section written in Go: one of the two.
type Function struct {
	// Tx runs in the transaction that also changes the version rows.
	Tx func(context.Context, pgx.Tx) error
	// Conn runs outside a transaction, and may go through tables in batches.
	Conn func(context.Context, *pgx.Conn, Batcher) error
}

// A Batcher runs do over a table bit by bit: once for each stretch of its primary
// key, in a transaction of its own. size is the number of rows to begin with.
type Batcher func(ctx context.Context, table string, size int, do BatchFunction) error

// A BatchFunction sees to the rows of a table from one key to another, both
// included. Keys are the values of the primary key's columns as PostgreSQL writes
// them; rows is how many there were.
type BatchFunction func(ctx context.Context, tx pgx.Tx, from, to []string, rows int) error

func (c Code) function(direction revision.Direction) *Function {
	if direction == revision.Down {
		return &c.Down
	}
	return &c.Up
}

// abandonAfter is how long code has to come back once its statement has been
// cancelled on the server. Then its context ends, which costs the connection where
// a statement is still under way.
const abandonAfter = 500 * time.Millisecond

// errStalled ends the context of code that others had to wait for too long.
var errStalled = errors.New("others had to wait for it for too long")

// A working is code at work.
type working struct {
	abandon context.CancelCauseFunc
	batch   atomic.Bool // it is in a batch
}

func (w *working) abandonSoon(cause error) {
	time.AfterFunc(abandonAfter, func() { w.abandon(cause) })
}

// work runs code. When ctx ends, or the guard says so, its statement is
// cancelled on the server first, so that the connection lives; code that doesn't
// come back by itself finds its own context ended a moment later.
func (r *runner) work(ctx context.Context, do func(context.Context) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	inner, abandon := context.WithCancelCause(context.WithoutCancel(ctx))
	defer abandon(nil)
	w := &working{abandon: abandon}
	r.working.Store(w)
	defer r.working.Store(nil)
	asked, returned := make(chan struct{}), make(chan struct{})
	unwatch := context.AfterFunc(ctx, func() {
		defer close(asked)
		w.abandonSoon(ctx.Err())
		r.cancelUntil(returned)
	})
	err := calm(inner, do)
	close(returned)
	if !unwatch() {
		<-asked // or the request might reach what comes next
	}
	if cause := context.Cause(inner); cause != nil && err != nil && !errors.Is(err, cause) {
		err = fmt.Errorf("%w (%w)", err, cause)
	}
	return err
}

// cancelAgain is between requests to cancel what code has the server do.
const cancelAgain = 100 * time.Millisecond

// cancelUntil asks the server to cancel, until code has returned or its context
// ends it: a request that comes between two statements cancels nothing.
func (r *runner) cancelUntil(returned <-chan struct{}) {
	for range abandonAfter / cancelAgain {
		ctx, stop := context.WithTimeout(context.Background(), cancelWait)
		_ = r.conn.PgConn().CancelRequest(ctx) // without an answer, the code's context ends it
		stop()
		select {
		case <-returned:
			return
		case <-time.After(cancelAgain):
		}
	}
}

// calm has a panic be an error: the transaction has to be rolled back, and what
// stands be said.
func calm(ctx context.Context, do func(context.Context) error) (err error) {
	defer func() {
		if reason := recover(); reason != nil {
			err = fmt.Errorf("panic: %v\n%s", reason, debug.Stack())
		}
	}()
	return do(ctx)
}

func (r *runner) codeError(i int, err error) error {
	step, s := &r.job.plan.Steps[i], r.job.sections[i]
	path, line, _ := s.Position(0)
	return &CodeError{Revision: step.Revision.ID, Direction: step.Direction, Path: path, Line: line, Err: err}
}

// fromCode tells an error of code from one of what we have sent ourselves.
func fromCode(err error) bool {
	var code *CodeError
	var hook *hookError
	return errors.As(err, &code) || errors.As(err, &hook)
}

// A codeAt is code within a message.
type codeAt struct {
	offset int // in bytes: what stands before it is sent first
	step   int
	run    func(context.Context, pgx.Tx) error
	failed func(error) error // names the code in its error
}

// sectionCode is the code of a section at a place of a message.
func (r *runner) sectionCode(i, offset int) codeAt {
	return codeAt{
		offset: offset, step: i,
		run: func(ctx context.Context, tx pgx.Tx) error {
			return r.work(ctx, func(ctx context.Context) error { return r.job.code[i].Tx(ctx, tx) })
		},
		failed: func(err error) error { return r.codeError(i, err) },
	}
}

func (r *runner) hasCode(s span) bool {
	for i := s.from; i < s.to; i++ {
		if r.inPieces(i) {
			return true
		}
	}
	return false
}

// inPieces tells that there is code with a step.
func (r *runner) inPieces(i int) bool {
	return r.job.code[i] != nil || r.job.sections[i] != nil && (r.Before.Code != nil || r.After.Code != nil)
}

// attemptCode runs the transaction of the first of spans, which holds code: piece
// by piece, nothing is sent ahead.
func (r *runner) attemptCode(ctx context.Context, spans []span) (done int, err error) {
	m := r.build(spans[0], r.heads)
	r.announce(spans[0])
	start := time.Now()
	completed, err := r.pieces(ctx, m, nil)
	if err != nil {
		return 0, r.settle(ctx, spans, m, completed, err)
	}
	for i := range m.bodies {
		start = r.progress(m.bodies[i].step, start)
	}
	r.heads = m.rows
	return 1, nil
}

// pieces sends a message up to each code in it, and runs that; row hears the rows, as
// in [runner.ask].
func (r *runner) pieces(ctx context.Context, m *message, row func(completed int, values [][]byte)) (completed int, err error) {
	text, sent := m.sql.String(), 0
	send := func(to int) error {
		before := completed
		n, err := r.ask(ctx, text[sent:to], func(n int, values [][]byte) {
			if row != nil {
				row(before+n, values)
			}
		})
		completed += n
		var pgErr *pgconn.PgError
		if errors.As(err, &pgErr) && pgErr.Position > 0 { // which counts in what was sent
			pgErr.Position += int32(len([]rune(text[:sent])))
		}
		sent = to
		return err
	}
	for i := range m.code {
		if err := send(m.code[i].offset); err != nil {
			return completed, err
		}
		if err := r.inTransaction(ctx, &m.code[i]); err != nil {
			return completed, err
		}
	}
	return completed, send(len(text))
}

// mark is a setting that lasts as long as its transaction.
const mark = "aludel.revision"

// inTransaction runs code in the transaction that has begun, and sees to it that
// the transaction is still the same afterwards.
func (r *runner) inTransaction(ctx context.Context, c *codeAt) error {
	id := r.job.plan.Steps[c.step].Revision.ID
	if _, err := r.send(ctx, "SET LOCAL "+mark+" = "+sqltext.QuoteLiteral(id)); err != nil {
		return fmt.Errorf("beginning revision %s: %w", id, err)
	}
	if err := c.run(ctx, &sharedTx{connection: r.conn}); err != nil {
		return c.failed(err)
	}
	switch r.conn.PgConn().TxStatus() {
	case 'E':
		return c.failed(errors.New("a statement failed, and the code went on: have it return the error"))
	case 'I':
		return c.failed(errNotIts)
	}
	var marked string
	if _, err := r.ask(ctx, "SELECT pg_catalog.current_setting('"+mark+"', true)", func(_ int, values [][]byte) { marked = string(values[0]) }); err != nil {
		return err
	}
	if marked != id {
		return c.failed(errNotIts)
	}
	return nil
}

// errNotIts is code that ends the transaction by itself: the version rows would not
// be committed with what it did.
var errNotIts = errors.New("the transaction isn't its own to commit or to roll back: it ends with the change of the version rows")

// A connection is a field whose name isn't that of the method Conn.
type connection = pgx.Conn

// A sharedTx is the transaction that has begun, whose end isn't the code's. pgx's
// own is made only where it is asked for what a connection can't do: BeginTx links
// all of pgx's types into each program that migrates.
type sharedTx struct {
	*connection
	own pgx.Tx
}

func (t *sharedTx) Conn() *pgx.Conn              { return t.connection }
func (*sharedTx) Commit(context.Context) error   { return errNotIts }
func (*sharedTx) Rollback(context.Context) error { return errNotIts }

// Begin begins a savepoint.
func (t *sharedTx) Begin(ctx context.Context) (pgx.Tx, error) {
	if err := t.begin(ctx); err != nil {
		return nil, err
	}
	return t.own.Begin(ctx)
}

// LargeObjects has no error to answer. There is one where the connection is gone,
// and the panic that follows is the code's error ([calm]).
func (t *sharedTx) LargeObjects() pgx.LargeObjects {
	if err := t.begin(context.Background()); err != nil {
		return pgx.LargeObjects{}
	}
	return t.own.LargeObjects()
}

// begin has pgx know of the transaction: nothing begins, and a comment is no
// statement that a failed transaction would refuse.
func (t *sharedTx) begin(ctx context.Context) (err error) {
	if t.own == nil {
		t.own, err = t.BeginTx(ctx, pgx.TxOptions{BeginQuery: "-- it has begun"})
	}
	return err
}
