package pgtest

import (
	"context"
	"crypto/rand"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/aludel-db/aludel/internal/shadow"
)

// DB is the database of one test. Its fields are what the POSTGRES_* variables
// take; there is no password.
type DB struct {
	Name string
	Host string // the folder of the server's socket
	Port uint16
	User string // a superuser

	server *shadow.Server
}

// New creates an empty database, which is dropped at the end of the test.
func New(tb testing.TB) *DB {
	tb.Helper()
	return newIn(tb, Server(tb))
}

func newIn(tb testing.TB, server *shadow.Server) *DB {
	tb.Helper()
	db, err := create(tb.Context(), server)
	if err != nil {
		tb.Fatal(err)
	}
	cleanup(tb, "dropping the test's database", db.drop)
	return db
}

// Lend creates an empty database for an Example, which has no testing.TB: it is
// dropped when it is given back.
func Lend(ctx context.Context) (db *DB, giveBack func() error, err error) {
	server, err := shared.get()
	if err != nil {
		return nil, nil, err
	}
	if db, err = create(ctx, server); err != nil {
		return nil, nil, err
	}
	return db, func() error { return db.drop(context.WithoutCancel(ctx)) }, nil
}

func create(ctx context.Context, server *shadow.Server) (*DB, error) {
	name := "t_" + strings.ToLower(rand.Text()[:16])
	if err := server.CreateDatabase(ctx, name, ""); err != nil {
		return nil, err
	}
	config := server.Config(name)
	return &DB{Name: name, Host: config.Host, Port: config.Port, User: config.User, server: server}, nil
}

func (d *DB) drop(ctx context.Context) error { return d.server.DropDatabase(ctx, d.Name) }

// Config is how to connect to the database. Each call returns a copy.
func (d *DB) Config() *pgx.ConnConfig { return d.server.Config(d.Name) }

// URL is Config as a connection URL.
func (d *DB) URL() string { return d.server.URL(d.Name) }

// Connect returns a new connection, which is closed at the end of the test.
func (d *DB) Connect(tb testing.TB) *pgx.Conn {
	tb.Helper()
	conn, err := pgx.ConnectConfig(tb.Context(), d.Config())
	if err != nil {
		tb.Fatal(err)
	}
	cleanup(tb, "closing the test's connection", conn.Close)
	return conn
}

// Exec executes statements on a connection of their own, all in one
// transaction unless they say otherwise.
func (d *DB) Exec(tb testing.TB, sql string) {
	tb.Helper()
	d.results(tb, sql)
}

// Query executes statements as Exec does and returns the rows of the last one,
// as PostgreSQL writes them in text. NULL is the word NULL.
func (d *DB) Query(tb testing.TB, sql string) [][]string {
	tb.Helper()
	results := d.results(tb, sql)
	if len(results) == 0 {
		return nil
	}
	var rows [][]string
	for _, values := range results[len(results)-1].Rows {
		row := make([]string, len(values))
		for i, value := range values {
			row[i] = string(value)
			if value == nil {
				row[i] = "NULL"
			}
		}
		rows = append(rows, row)
	}
	return rows
}

func (d *DB) results(tb testing.TB, sql string) []*pgconn.Result {
	tb.Helper()
	conn, err := pgconn.ConnectConfig(tb.Context(), &d.Config().Config)
	if err != nil {
		tb.Fatal(err)
	}
	results, err := conn.Exec(tb.Context(), sql).ReadAll()
	if closing := conn.Close(tb.Context()); err == nil {
		err = closing
	}
	if err != nil {
		tb.Fatalf("%s: %v", sql, err)
	}
	return results
}
