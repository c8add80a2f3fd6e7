package executor

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
)

// aheadMessages and aheadBytes bound what is sent before it is the server's
// turn. With one message waiting for it, a server on this machine never waits
// for us; more hide the way to one that is far. The bytes fit into the socket's
// buffers: writing more, to a server that waits until its notices are read,
// would stop both.
const (
	aheadMessages = 8
	aheadBytes    = 16 << 10
)

// cancelWait is how long a cancelled statement has to end before its connection
// is given up.
const cancelWait = 10 * time.Second

// A pipeline sends messages of the simple query protocol ahead of their
// answers, which come in the same order. pgconn's own pipelines need the
// extended protocol, where a message is one statement.
//
// When ctx ends, the running statement is cancelled on the server: closing the
// connection alone would leave it running.
type pipeline struct {
	ctx       context.Context
	pg        *pgconn.PgConn
	sizes     []int // in bytes, of the messages without an answer
	broken    error // of a write; what the server has said before can still be read
	unwatch   func() bool
	cancelled chan struct{}                        // closed when the cancel request has been made
	row       func(completed int, values [][]byte) // hears the rows of statements; nil: nobody asks
}

func newPipeline(ctx context.Context, pg *pgconn.PgConn) *pipeline {
	p := &pipeline{ctx: ctx, pg: pg, cancelled: make(chan struct{})}
	p.unwatch = context.AfterFunc(ctx, func() {
		defer close(p.cancelled)
		_ = pg.Conn().SetDeadline(time.Now().Add(cancelWait))
		p.cancel()
	})
	return p
}

func (p *pipeline) cancel() {
	ctx, stop := context.WithTimeout(context.Background(), cancelWait)
	defer stop()
	_ = p.pg.CancelRequest(ctx) // without an answer the deadline ends it
}

// close reads what is still to come, so that the connection is ready for
// others, or closed.
func (p *pipeline) close() {
	for len(p.sizes) > 0 && !p.pg.IsClosed() {
		_, _ = p.receive(func(int) {})
	}
	if !p.unwatch() {
		<-p.cancelled
		if !p.pg.IsClosed() {
			_ = p.pg.Conn().SetDeadline(time.Time{})
		}
	}
}

// takes tells whether a message can be sent now.
func (p *pipeline) takes(sql string) bool {
	total := len(sql)
	for _, size := range p.sizes {
		total += size
	}
	return len(p.sizes) == 0 || p.broken == nil && len(p.sizes) <= aheadMessages && total <= aheadBytes
}

// send sends a message. Whether it got through shows when its answer is read,
// and with it why the server closed the connection, if it did.
func (p *pipeline) send(sql string) {
	p.sizes = append(p.sizes, len(sql))
	p.pg.Frontend().SendQuery(&pgproto3.Query{String: sql})
	if err := p.pg.Frontend().Flush(); err != nil {
		p.broken = fmt.Errorf("sending: %w", err)
	}
}

// receive reads the answers to the oldest message and answers how many of its
// statements completed. An error of the server is a [*pgconn.PgError].
func (p *pipeline) receive(completedOne func(completed int)) (completed int, failure error) {
	p.sizes = p.sizes[1:]
	for {
		answer, err := p.pg.ReceiveMessage(context.Background())
		if err != nil {
			p.giveUp()
			switch {
			case failure != nil:
				return completed, failure
			case p.broken != nil:
				return completed, p.broken
			}
			return completed, err
		}
		switch answer := answer.(type) {
		case *pgproto3.DataRow:
			if p.row != nil {
				p.row(completed, answer.Values)
			}
		case *pgproto3.CommandComplete:
			if completed == 0 && p.ctx.Err() != nil {
				// The cancel request may have come too late for the message in
				// front of this one, and this one is not to run either.
				p.cancel()
			}
			completedOne(completed)
			completed++
		case *pgproto3.ErrorResponse:
			failure = pgconn.ErrorResponseToPgError(answer)
		case *pgproto3.CopyInResponse:
			p.pg.Frontend().Send(&pgproto3.CopyFail{Message: "aludel has no data to copy"})
			if err := p.pg.Frontend().Flush(); err != nil {
				p.giveUp()
				return completed, err
			}
		case *pgproto3.ReadyForQuery:
			return completed, failure
		}
	}
}

// giveUp closes a connection of which nobody knows what comes next.
func (p *pipeline) giveUp() {
	ctx, stop := context.WithTimeout(context.Background(), time.Second)
	defer stop()
	_ = p.pg.Close(ctx)
}
