package load_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/aludel-db/aludel"
	"github.com/aludel-db/aludel/internal/load"
	"github.com/aludel-db/aludel/internal/pgtest"
)

var (
	whole  = flag.Bool("whole", false, "a million rows and 400 requests a second, beside plain SQL; fails where somebody waits longer than the budget")
	rows   = flag.Int("rows", 1_000_000, "rows of the table, of -whole")
	reader = flag.Duration("reader", 5*time.Second, "how long somebody reads the table in front, of -whole")
)

func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }

// A change is made by plain SQL, and by revisions that let others go on.
type change struct {
	name, plain string
	revisions   []string // each with what follows "-- migrate:up"
	// blunt are revisions that hold a lock for long: the guard has to end them.
	blunt string
}

var changes = []change{
	{"add column", "ALTER TABLE orders ADD COLUMN x integer", []string{"\nALTER TABLE orders ADD COLUMN x integer;"}, ""},
	{
		"create index", "CREATE INDEX i ON orders (amount)",
		[]string{" transaction:false\nCREATE INDEX CONCURRENTLY i ON orders (amount);"},
		"\nCREATE INDEX i ON orders (amount, note, state);",
	},
	{
		"add unique", "ALTER TABLE orders ADD CONSTRAINT u UNIQUE (id, amount)", []string{
			" transaction:false\nCREATE UNIQUE INDEX CONCURRENTLY u ON orders (id, amount);", "\nALTER TABLE orders ADD CONSTRAINT u UNIQUE USING INDEX u;",
		}, "",
	},
	{
		"add foreign key", "ALTER TABLE orders ADD CONSTRAINT f FOREIGN KEY (customer_id) REFERENCES customers", []string{
			"\nALTER TABLE orders ADD CONSTRAINT f FOREIGN KEY (customer_id) REFERENCES customers NOT VALID;", "\nALTER TABLE orders VALIDATE CONSTRAINT f;",
		}, "",
	},
	{
		"add check", "ALTER TABLE orders ADD CONSTRAINT c CHECK (amount >= 0)", []string{
			"\nALTER TABLE orders ADD CONSTRAINT c CHECK (amount >= 0) NOT VALID;", "\nALTER TABLE orders VALIDATE CONSTRAINT c;",
		}, "",
	},
	{
		"set not null", "ALTER TABLE orders ALTER COLUMN amount SET NOT NULL", []string{
			"\nALTER TABLE orders ADD CONSTRAINT c CHECK (amount IS NOT NULL) NOT VALID;", "\nALTER TABLE orders VALIDATE CONSTRAINT c;",
			"\nALTER TABLE orders ALTER COLUMN amount SET NOT NULL;\nALTER TABLE orders DROP CONSTRAINT c;",
		}, "",
	},
	{
		"type change", "ALTER TABLE orders ALTER COLUMN amount TYPE bigint", []string{ // as "aludel diff --online" writes it
			"\nALTER TABLE orders ADD COLUMN amount__new bigint;\n" +
				"CREATE FUNCTION orders_amount_sync() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN NEW.amount__new := NEW.amount::bigint; RETURN NEW; END$$;\n" +
				"CREATE TRIGGER orders_amount_sync BEFORE INSERT OR UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION orders_amount_sync();",
			" transaction:false\n-- migrate:batch table=orders size=1000\n" +
				"UPDATE orders SET amount__new = amount::bigint WHERE id BETWEEN :from AND :to AND amount__new IS NULL AND amount IS NOT NULL;",
			"\nDROP TRIGGER orders_amount_sync ON orders;\nDROP FUNCTION orders_amount_sync();\n" +
				"ALTER TABLE orders DROP COLUMN amount;\nALTER TABLE orders RENAME COLUMN amount__new TO amount;",
		}, "\nALTER TABLE orders ALTER COLUMN amount TYPE bigint;",
	},
	{
		"backfill", "UPDATE orders SET note = 'y'", []string{
			" transaction:false\n-- migrate:batch table=orders size=1000\nUPDATE orders SET note = 'y' WHERE id BETWEEN :from AND :to;",
		}, "\nUPDATE orders SET note = 'y';",
	},
}

// TestNobodyWaits has clients read and write a table while it is changed, with
// and without somebody who reads it in a long transaction. Its short form looks
// that the changes are made, or refused with nothing left, and no request fails;
// -whole also holds what was measured against the budget.
func TestNobodyWaits(t *testing.T) {
	t.Parallel()
	o := load.Options{Clients: 4, PerSecond: 100, Rows: 5000, Margin: 50 * time.Millisecond}
	front := 300 * time.Millisecond
	if *whole {
		o, front = load.Options{Clients: 20, PerSecond: 400, Rows: *rows, Margin: 500 * time.Millisecond}, *reader
	}
	for _, c := range changes {
		t.Run(c.name, func(t *testing.T) {
			if !*whole { // what is measured is measured alone
				t.Parallel()
			}
			one(t, o, "aludel", 0, upgrade(t, c.revisions))
			one(t, o, "aludel, behind a reader", front, upgrade(t, c.revisions))
			if !*whole {
				return
			}
			one(t, o, "plain SQL", 0, plain(c.plain))
			one(t, o, "plain SQL, behind a reader", front, plain(c.plain))
			if c.blunt != "" {
				one(t, o, "aludel, blunt", 0, refused(t, upgrade(t, []string{c.blunt})))
			}
		})
	}
}

// one measures a change in a database of its own.
func one(t *testing.T, o load.Options, name string, front time.Duration, do func(context.Context, *pgtest.DB) error) {
	t.Helper()
	db := pgtest.New(t)
	db.Exec(t, load.Setup(o.Rows))
	config, err := pgx.ParseConfig(db.URL())
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	took := time.Duration(0)
	r, err := load.Run(t.Context(), config, o, func() error {
		done := make(chan error, 1)
		if front > 0 {
			began := make(chan struct{})
			go func() { done <- read(t.Context(), config, front, began) }()
			<-began
		} else {
			done <- nil
		}
		start = time.Now()
		err := do(t.Context(), db)
		took = time.Since(start)
		return errors.Join(err, <-done)
	})
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	t.Logf("%-26s %s, took %d ms", name, r, took.Milliseconds())
	if r.Failed > 0 {
		t.Errorf("%s: %d requests failed, one with %v", name, r.Failed, r.Err)
	}
	if *whole && strings.Contains(name, "aludel") && (r.Worst > aludel.DefaultMaxStall+100*time.Millisecond || r.Late1000 > 0) {
		t.Errorf("%s: somebody waited for %s", name, r.Worst)
	}
}

// read reads the table and goes on in its transaction.
func read(ctx context.Context, config *pgx.ConnConfig, front time.Duration, began chan<- struct{}) error {
	conn, err := pgx.ConnectConfig(ctx, config.Copy())
	if err != nil {
		close(began)
		return err
	}
	_, err = conn.Exec(ctx, "BEGIN; SELECT count(*) FROM orders")
	close(began)
	if err == nil {
		_, err = conn.Exec(ctx, fmt.Sprintf("SELECT pg_sleep(%f)", front.Seconds()))
	}
	return errors.Join(err, conn.Close(ctx))
}

func plain(sql string) func(context.Context, *pgtest.DB) error {
	return func(ctx context.Context, db *pgtest.DB) error {
		conn, err := pgx.Connect(ctx, db.URL())
		if err != nil {
			return err
		}
		_, err = conn.Exec(ctx, sql)
		return errors.Join(err, conn.Close(ctx))
	}
}

func upgrade(t *testing.T, ups []string) func(context.Context, *pgtest.DB) error {
	t.Helper()
	files := fstest.MapFS{}
	parent := ""
	for i, up := range ups {
		id := fmt.Sprintf("r%d", i)
		files[id+".sql"] = &fstest.MapFile{Data: []byte("-- " + id + "\n--\n-- revision: " + id + "\n-- down_revision: " + parent + "\n\n-- migrate:up" + up + "\n-- migrate:down\n")}
		parent = id
	}
	m, err := aludel.New(files, aludel.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return func(ctx context.Context, db *pgtest.DB) error {
		conn, err := pgx.Connect(ctx, db.URL())
		if err != nil {
			return err
		}
		_, err = m.Upgrade(ctx, conn, aludel.UpgradeOptions{})
		return errors.Join(err, conn.Close(ctx))
	}
}

// refused expects the guard to end it.
func refused(t *testing.T, do func(context.Context, *pgtest.DB) error) func(context.Context, *pgtest.DB) error {
	t.Helper()
	return func(ctx context.Context, db *pgtest.DB) error {
		err := do(ctx, db)
		var stall *aludel.StallError
		if errors.As(err, &stall) {
			return nil
		}
		return fmt.Errorf("it was not refused: %w", err)
	}
}
