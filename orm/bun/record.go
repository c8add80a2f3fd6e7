package bunddl

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"strings"
)

// A recorder is a database that notes the statements it is given and has no
// rows. It is the driver, its connector and its one connection.
type recorder struct{ statements []string }

// open is the recorder as a database. It registers nothing globally.
func (r *recorder) open() *sql.DB { return sql.OpenDB(r) }

// take answers the statements since the last call.
func (r *recorder) take() []string {
	list := r.statements
	r.statements = nil
	return list
}

func (r *recorder) Connect(context.Context) (driver.Conn, error) { return r, nil }
func (r *recorder) Driver() driver.Driver                        { return r }
func (r *recorder) Open(string) (driver.Conn, error)             { return r, nil }
func (r *recorder) Close() error                                 { return nil }

// Begin is there for hooks that open a transaction; all is one anyhow.
func (r *recorder) Begin() (driver.Tx, error) { return r, nil }
func (r *recorder) Commit() error             { return nil }
func (r *recorder) Rollback() error           { return nil }

func (r *recorder) Prepare(query string) (driver.Stmt, error) {
	return nil, fmt.Errorf("there is no database that could prepare %q", query)
}

// CheckNamedValue takes any value: it is for ExecContext to say that there
// should be none.
func (r *recorder) CheckNamedValue(*driver.NamedValue) error { return nil }

// ExecContext notes a statement, the way that it is to be printed.
func (r *recorder) ExecContext(_ context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if len(args) > 0 {
		return nil, fmt.Errorf("a statement with parameters can't be printed: %s", query)
	}
	query = strings.TrimRight(strings.TrimSpace(query), "; \n\t")
	if query == "" {
		return nil, errors.New("an empty statement")
	}
	r.statements = append(r.statements, forNewDatabase(query))
	return driver.RowsAffected(0), nil
}

// QueryContext answers no rows.
func (r *recorder) QueryContext(context.Context, string, []driver.NamedValue) (driver.Rows, error) {
	return none{}, nil
}

type none struct{}

func (none) Columns() []string         { return nil }
func (none) Close() error              { return nil }
func (none) Next([]driver.Value) error { return io.EOF }
