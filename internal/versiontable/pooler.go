package versiontable

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
)

// errPooler says that the server's process is another one than the connection was
// told at its start. A pooler makes up a number of its own, since it passes
// requests to cancel on.
var errPooler = errors.New("the connection leads to a pooler")

// Looks for another session, and how long one may take.
const (
	probes    = 3
	probeWait = 3 * time.Second
)

// pooled finds out whether the pooler in front of work gives it another session
// of the server with each transaction, or the same one for as long as it
// lasts. The latter keeps its session from others; the former gives it to the
// next who asks, and gives work another one then. Where it can't be told, as in
// a pool that is exhausted, the former is assumed.
func pooled(ctx context.Context, work *pgx.Conn) (session int, pooled bool, err error) {
	for range probes {
		if session, pooled, err = probe(ctx, work); pooled || err != nil {
			return 0, pooled, err
		}
	}
	return session, false, nil
}

// probe has another connection hold a session, which is to be neither the one
// that work has had nor the one that it has then.
func probe(ctx context.Context, work *pgx.Conn) (session int, pooled bool, err error) {
	before, err := backend(ctx, work)
	if err != nil {
		return 0, false, err
	}
	bounded, stop := context.WithTimeout(ctx, probeWait)
	defer stop()
	other, err := pgx.ConnectConfig(bounded, work.Config())
	if err != nil {
		return 0, true, ctx.Err()
	}
	defer closeConn(other)
	rows, err := query(bounded, other, "BEGIN READ ONLY; SELECT pg_catalog.pg_backend_pid()")
	if err != nil || rows[0][0] == strconv.Itoa(before) {
		return 0, true, ctx.Err()
	}
	after, err := backend(ctx, work)
	return after, after != before, err
}

// backend is the process that works for conn now.
func backend(ctx context.Context, conn *pgx.Conn) (int, error) {
	rows, err := query(ctx, conn, "SELECT pg_catalog.pg_backend_pid()")
	if err != nil {
		return 0, fmt.Errorf("asking for the server's process: %w", err)
	}
	return strconv.Atoi(rows[0][0])
}
