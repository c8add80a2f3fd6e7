package users_test

import (
	"errors"
	"os"
	"slices"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/aludel-db/aludel/aludeltest"
	users "github.com/aludel-db/aludel/examples/tested"
)

// Run keeps the server from the first test to the last.
func TestMain(m *testing.M) { os.Exit(aludeltest.Run(m)) }

// newPool connects to a database of the test's own.
func newPool(t *testing.T) *pgxpool.Pool {
	t.Helper()
	db := aludeltest.New(t, users.Migrations, aludeltest.Options{Dir: "migrations"})
	pool, err := pgxpool.New(t.Context(), db.URL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

func TestAdd(t *testing.T) {
	t.Parallel()
	pool := newPool(t)
	if _, err := users.Add(t.Context(), pool, "ann@example.com"); err != nil {
		t.Fatal(err)
	}
	if got, err := users.All(t.Context(), pool); err != nil || !slices.Equal(got, []string{"ann@example.com"}) {
		t.Errorf("%q, %v", got, err)
	}
}

// The constraint that a migration made is in force, with real PostgreSQL's rules.
func TestAddTaken(t *testing.T) {
	t.Parallel()
	pool := newPool(t)
	if _, err := users.Add(t.Context(), pool, "ann@example.com"); err != nil {
		t.Fatal(err)
	}
	if _, err := users.Add(t.Context(), pool, "Ann@example.com"); !errors.Is(err, users.ErrTaken) {
		t.Errorf("%v, not ErrTaken", err)
	}
}
