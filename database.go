package aludel

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// A Database is what a verb works on: a *[pgx.Conn], a *[pgxpool.Pool] or
// *[pgxpool.Conn], or a *[sql.DB] or *[sql.Conn] of pgx's driver
// ([github.com/jackc/pgx/v5/stdlib]). Anything else is a [DatabaseError].
//
// It stays its giver's and is never closed. A verb takes one connection of a pool and
// gives it back; while something runs, a second one of the same configuration, which
// isn't the pool's, holds the lock: a pool of a single connection will do. What
// pgxpool's BeforeConnect sets, such as a password that expires, is taken over from
// the connection.
type Database any

// A DatabaseError is a [Database] that no verb can work on.
type DatabaseError struct {
	// Type is that of the value, or of the driver behind a *sql.DB.
	Type   string
	Reason string
}

func (e *DatabaseError) Error() string {
	return fmt.Sprintf("a %s is no database to work on: %s", e.Type, e.Reason)
}

// using does something with one connection of db.
func using[T any](ctx context.Context, db Database, do func(*pgx.Conn) (T, error)) (result T, err error) {
	switch db := db.(type) {
	case *pgx.Conn:
		if db != nil {
			return do(db)
		}
	case *pgxpool.Conn:
		if db != nil {
			return do(db.Conn())
		}
	case *pgxpool.Pool:
		if db == nil {
			break
		}
		conn, err := db.Acquire(ctx)
		if err != nil {
			return result, fmt.Errorf("taking a connection from the pool: %w", err)
		}
		defer conn.Release()
		return do(conn.Conn())
	case *sql.Conn:
		if db != nil {
			return usingDriver(db, do)
		}
	case *sql.DB:
		if db == nil {
			break
		}
		conn, err := db.Conn(ctx)
		if err != nil {
			return result, fmt.Errorf("taking a connection from the pool: %w", err)
		}
		defer conn.Close() //nolint:errcheck // gives it back
		return usingDriver(conn, do)
	}
	return result, &DatabaseError{Type: fmt.Sprintf("%T", db), Reason: "give a *pgx.Conn, a *pgxpool.Pool, or a *sql.DB of pgx's driver, that isn't nil"}
}

// usingDriver does so with the connection behind one of database/sql.
func usingDriver[T any](conn *sql.Conn, do func(*pgx.Conn) (T, error)) (result T, err error) {
	raw := conn.Raw(func(driverConn any) error {
		std, ok := driverConn.(interface{ Conn() *pgx.Conn }) // stdlib.Conn; its import would link all of it
		if !ok {
			err = &DatabaseError{
				Type:   fmt.Sprintf("*sql.DB of %T", driverConn),
				Reason: "open it with pgx's driver: sql.Open(\"pgx\", …) with an import of github.com/jackc/pgx/v5/stdlib",
			}
			return nil
		}
		result, err = do(std.Conn())
		if std.Conn().IsClosed() {
			return driver.ErrBadConn // for the pool: not to give it out again
		}
		return nil
	})
	if err == nil && raw != nil && raw != driver.ErrBadConn { //nolint:errorlint // ours, as it is
		err = raw
	}
	return result, err
}

// doing is using for what answers an error alone.
func doing(ctx context.Context, db Database, do func(*pgx.Conn) error) error {
	_, err := using(ctx, db, func(conn *pgx.Conn) (struct{}, error) { return struct{}{}, do(conn) })
	return err
}
