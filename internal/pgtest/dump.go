package pgtest

import (
	"context"
	"errors"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/aludel-db/aludel/internal/observe"
)

// Dump describes all schemas of the database as text. Two databases of one
// server have the same structure if and only if their dumps are equal. It is
// pg_dump's where the server's installation has that, which sees all there is;
// else, as with the servers from npm, it is read from the catalogs by queries,
// which know the common kinds of objects.
func (d *DB) Dump(tb testing.TB) string {
	tb.Helper()
	if program := observe.PgDump(d.server.Installation().BinDir); program != "" {
		return d.dumpWith(tb, program)
	}
	return d.describe(tb)
}

func (d *DB) dumpWith(tb testing.TB, program string) string {
	tb.Helper()
	text, err := observe.Dump(tb.Context(), program, d.Config())
	if err != nil {
		tb.Fatal(err)
	}
	return text
}

// describe has a connection of its own, since tests may dump many databases.
func (d *DB) describe(tb testing.TB) string {
	tb.Helper()
	ctx := context.WithoutCancel(tb.Context())
	conn, err := pgx.ConnectConfig(ctx, d.Config())
	var text string
	if err == nil {
		text, err = observe.Describe(ctx, conn)
		err = errors.Join(err, conn.Close(ctx))
	}
	if err != nil {
		tb.Fatal(err)
	}
	return text
}
