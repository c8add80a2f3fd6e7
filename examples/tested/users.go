// Package users is code that works on a database, and its tests, each of which has a
// migrated database of its own.
//
//	go test .
//
// No server has to run and none is left behind: aludeltest starts a throw-away one from
// the PostgreSQL that is installed, runs the migrations once, and gives each test a copy, which
// takes tens of milliseconds. ALUDEL_TEST_DATABASE_URL names another server, as a
// service of a CI. Test processes of all packages share it all.
package users

import (
	"context"
	"embed"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Migrations are the files that the program and its tests migrate with.
//
//go:embed migrations/*.sql
var Migrations embed.FS

// ErrTaken is an address that somebody has already.
var ErrTaken = errors.New("the address is taken")

// Add adds a user and answers its id.
func Add(ctx context.Context, pool *pgxpool.Pool, email string) (id int64, err error) {
	err = pool.QueryRow(ctx, "INSERT INTO users (email) VALUES ($1) RETURNING id", email).Scan(&id)
	var refused *pgconn.PgError
	if errors.As(err, &refused) && refused.ConstraintName == "users_email_key" {
		return 0, ErrTaken
	}
	return id, err
}

// All are the addresses of all users, sorted.
func All(ctx context.Context, pool *pgxpool.Pool) ([]string, error) {
	rows, err := pool.Query(ctx, "SELECT email FROM users ORDER BY email")
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}
