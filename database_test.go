package aludel_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	_ "github.com/jackc/pgx/v5/stdlib" // the driver

	"github.com/aludel-db/aludel"
	"github.com/aludel-db/aludel/internal/pgtest"
)

// TestDatabases: the verbs work on what programs have, and leave it open. A pool
// of one connection is enough.
func TestDatabases(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(t *testing.T, url string) aludel.Database{
		"pgxpool": func(t *testing.T, url string) aludel.Database { t.Helper(); return openPool(t, url) },
		"pgxpool.Conn": func(t *testing.T, url string) aludel.Database {
			t.Helper()
			conn, err := openPool(t, url).Acquire(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(conn.Release)
			return conn
		},
		"sql.DB": func(t *testing.T, url string) aludel.Database { t.Helper(); return openSQL(t, url) },
		"sql.Conn": func(t *testing.T, url string) aludel.Database {
			t.Helper()
			conn, err := openSQL(t, url).Conn(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = conn.Close() })
			return conn
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := open(t, pgtest.New(t).URL())
			m := newMigrator(t, files("\nCREATE TABLE t (id int);", " transaction:false\nCREATE INDEX CONCURRENTLY i ON t (id);"), aludel.Options{})
			up, err := m.Upgrade(t.Context(), db, aludel.UpgradeOptions{})
			if err != nil || len(up.Steps) != 2 {
				t.Fatalf("%+v %v", up, err)
			}
			if err := m.Ready(t.Context(), db); err != nil {
				t.Error(err)
			}
			if status, err := m.Status(t.Context(), db); err != nil || !status.OK() {
				t.Errorf("%+v %v", status, err)
			}
			if down, err := m.Downgrade(t.Context(), db, aludel.DowngradeOptions{Target: "base"}); err != nil || len(down.Steps) != 2 {
				t.Errorf("%+v %v", down, err)
			}
		})
	}
}

func openPool(t *testing.T, url string) *pgxpool.Pool {
	t.Helper()
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	config.MaxConns = 1
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

func openSQL(t *testing.T, url string) *sql.DB {
	t.Helper()
	db, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// otherDriver is a driver that isn't pgx's.
type otherDriver struct{ driver.Conn }

func (d otherDriver) Connect(context.Context) (driver.Conn, error) { return d, nil }
func (d otherDriver) Driver() driver.Driver                        { return nil }
func (d otherDriver) Close() error                                 { return nil }

// TestNoDatabase: what can't be worked on is refused, with the mend.
func TestNoDatabase(t *testing.T) {
	t.Parallel()
	m := newMigrator(t, files("\nSELECT 1;"), aludel.Options{})
	for want, db := range map[string]aludel.Database{
		"a <nil> is no database":                                 nil,
		"a *pgx.Conn is no database":                             (*pgx.Conn)(nil),
		"a *pgxpool.Pool is no database":                         (*pgxpool.Pool)(nil),
		"a string is no database":                                "postgres://localhost/app",
		"a *sql.DB of aludel_test.otherDriver is no database":    sql.OpenDB(otherDriver{}),
		"with an import of github.com/jackc/pgx/v5/stdlib":       sql.OpenDB(otherDriver{}),
		"give a *pgx.Conn, a *pgxpool.Pool, or a *sql.DB of pgx": 1,
	} {
		_, err := m.Upgrade(t.Context(), db, aludel.UpgradeOptions{})
		var refused *aludel.DatabaseError
		if !errors.As(err, &refused) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in %v", want, err)
		}
	}
}

// TestReady: behind, at the heads, and behind a newer program.
func TestReady(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t).Connect(t)
	older := newMigrator(t, files("\nCREATE TABLE t (id int);"), aludel.Options{})
	newer := newMigrator(t, files("\nCREATE TABLE t (id int);", "\nCREATE TABLE u (id int);"), aludel.Options{})
	var behind *aludel.NotUpToDateError
	if err := older.Ready(t.Context(), db); !errors.As(err, &behind) || len(behind.Pending) != 1 {
		t.Errorf("empty database: %v", err)
	}
	if _, err := older.Upgrade(t.Context(), db, aludel.UpgradeOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := older.Ready(t.Context(), db); err != nil {
		t.Error(err)
	}
	if err := newer.Ready(t.Context(), db); !errors.As(err, &behind) || behind.Pending[0].Revision.ID != "r2" {
		t.Errorf("behind: %v", err)
	}
	if _, err := newer.Upgrade(t.Context(), db, aludel.UpgradeOptions{}); err != nil {
		t.Fatal(err)
	}
	var ahead *aludel.AheadError
	if err := older.Ready(t.Context(), db); !errors.As(err, &ahead) || ahead.Rows[0] != "r2" {
		t.Errorf("ahead: %v", err)
	}
}

// TestApply runs a plan as it was shown, or nothing.
func TestApply(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t).Connect(t)
	m := newMigrator(t, files("\nCREATE TABLE t (id int);", "\nCREATE TABLE u (id int);"), aludel.Options{})
	plan, err := m.Plan(t.Context(), db, aludel.PlanOptions{Direction: aludel.Up})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Upgrade(t.Context(), db, aludel.UpgradeOptions{Target: "r1"}); err != nil {
		t.Fatal(err)
	}
	var stale *aludel.StalePlanError
	if _, err := m.Apply(t.Context(), db, plan, aludel.ApplyOptions{}); !errors.As(err, &stale) ||
		err.Error() != "the plan starts from base, and the database stands at r1 by now: plan again" {
		t.Errorf("%v", err)
	}
	if plan, err = m.Plan(t.Context(), db, aludel.PlanOptions{Direction: aludel.Up}); err != nil {
		t.Fatal(err)
	}
	result, err := m.Apply(t.Context(), db, plan, aludel.ApplyOptions{})
	if err != nil || len(result.Steps) != 1 || result.To[0] != "r2" {
		t.Errorf("%+v %v", result, err)
	}
}

// TestObservers hear of the whole run, and can't harm it.
func TestObservers(t *testing.T) {
	t.Parallel()
	var heard []string
	options := aludel.Options{Observers: []aludel.Observer{
		func(context.Context, aludel.Run) aludel.Watch { panic("at the start") },
		func(_ context.Context, run aludel.Run) aludel.Watch {
			heard = append(heard, run.Verb+" of "+run.Schema)
			return aludel.Watch{
				Event: func(e aludel.Event) { heard = append(heard, string(e.Kind)); panic("on the way") },
				Done: func(r *aludel.Result, err error) {
					heard = append(heard, strings.Join(r.To, ", "))
					panic("at the end")
				},
			}
		},
		func(context.Context, aludel.Run) aludel.Watch { return aludel.Watch{} },
	}}
	m := newMigrator(t, files("\nCREATE TABLE t (id int);"), options)
	if _, err := m.Upgrade(t.Context(), pgtest.New(t).Connect(t), aludel.UpgradeOptions{}); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(heard, "; "); got != "upgrade of public; started; done; r1" {
		t.Error(got)
	}
}

// TestOnEventThatPanics neither ends a run nor keeps observers from hearing of it.
func TestOnEventThatPanics(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	var heard []string
	m := newMigrator(t, files("\nCREATE TABLE t (id int);"), aludel.Options{
		OnEvent: func(aludel.Event) { panic("on the way") },
		Logger:  slog.New(slog.NewTextHandler(&log, nil)),
		Observers: []aludel.Observer{func(context.Context, aludel.Run) aludel.Watch {
			return aludel.Watch{Event: func(e aludel.Event) { heard = append(heard, string(e.Kind)) }}
		}},
	})
	conn := pgtest.New(t).Connect(t)
	result, err := m.Upgrade(t.Context(), conn, aludel.UpgradeOptions{})
	if err != nil || len(result.Steps) != 1 {
		t.Fatalf("%+v %v", result, err)
	}
	if got := strings.Join(heard, "; "); got != "started; done" {
		t.Error(got)
	}
	if !strings.Contains(log.String(), `reason="on the way"`) {
		t.Errorf("the log: %s", log.String())
	}
	m = newMigrator(t, files("\nCREATE TABLE t (id int);", "\nDROP TABLE t;"), aludel.Options{OnEvent: func(aludel.Event) { panic("alone") }})
	if _, err := m.Upgrade(t.Context(), conn, aludel.UpgradeOptions{}); err != nil {
		t.Error(err)
	}
}
