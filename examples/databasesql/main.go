// Databasesql migrates through database/sql, as a program has it that uses sqlc, sqlx
// or nothing else.
//
//	DATABASE_URL=postgres://… go run . ann@example.com bob@example.com
//
// The *sql.DB has to be one of pgx's driver: Aludel takes the connection of pgx that
// is behind it. It is given back, not closed, and a pool of a single connection will
// do: the lock is held by a connection of its own.
package main

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"

	"github.com/aludel-db/aludel"
)

//go:embed migrations/*.sql
var files embed.FS

func main() {
	if err := run(context.Background(), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, emails []string) (err error) {
	db, err := sql.Open("pgx", os.Getenv("DATABASE_URL"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := migrate(ctx, db); err != nil {
		return err
	}
	for _, email := range emails {
		if _, err := db.ExecContext(ctx, "INSERT INTO users (email) VALUES ($1) ON CONFLICT DO NOTHING", email); err != nil {
			return err
		}
	}
	var users int
	if err := db.QueryRowContext(ctx, "SELECT count(*) FROM users").Scan(&users); err != nil {
		return err
	}
	fmt.Println(users, "users")
	return nil
}

func migrate(ctx context.Context, db *sql.DB) error {
	migrations, err := fs.Sub(files, "migrations")
	if err != nil {
		return err
	}
	m, err := aludel.New(migrations, aludel.Options{})
	if err != nil {
		return err
	}
	result, err := m.Upgrade(ctx, db, aludel.UpgradeOptions{})
	if err != nil {
		return err
	}
	for _, step := range result.Steps {
		fmt.Println("applied", step.Revision.ID, step.Revision.Message)
	}
	return nil
}
