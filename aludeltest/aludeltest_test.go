package aludeltest_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/jackc/pgx/v5"

	"github.com/aludel-db/aludel"
	"github.com/aludel-db/aludel/aludeltest"
)

func TestMain(m *testing.M) { os.Exit(aludeltest.Run(m)) }

// revisions are n, in a chain.
func revisions(n int, sql string) fstest.MapFS {
	fsys, parent := fstest.MapFS{}, ""
	for i := range n {
		id := fmt.Sprintf("r%03d", i)
		fsys["migrations/"+id+".sql"] = &fstest.MapFile{Data: []byte("-- " + id + "\n--\n-- revision: " + id + "\n-- down_revision: " + parent +
			"\n\n-- migrate:up\n" + strings.ReplaceAll(sql, "{n}", fmt.Sprint(i)) + "\n-- migrate:down\n")}
		parent = id
	}
	return fsys
}

// TestEachHasItsOwn: what one test does, another one doesn't see; the migrations
// have run once.
func TestEachHasItsOwn(t *testing.T) {
	t.Parallel()
	fsys := revisions(3, "CREATE TABLE t{n} (id int); COMMENT ON TABLE t{n} IS 'made'; DO $$BEGIN EXECUTE format('COMMENT ON TABLE t{n} IS %L', gen_random_uuid()); END$$;")
	var first, second string
	for _, made := range []*string{&first, &second} {
		db := aludeltest.New(t, fsys, aludeltest.Options{Dir: "migrations"})
		conn := db.Connect(t)
		var rows int
		err := conn.QueryRow(t.Context(), "SELECT obj_description('t2'::regclass), (SELECT count(*) FROM t0)").Scan(made, &rows)
		if err != nil || rows != 0 {
			t.Fatalf("%d rows, %v", rows, err)
		}
		if _, err := conn.Exec(t.Context(), "INSERT INTO t0 VALUES (1)"); err != nil {
			t.Fatal(err)
		}
	}
	if first != second {
		t.Error("the migrations ran twice")
	}
	fsys["migrations/r002.sql"].Data = append(fsys["migrations/r002.sql"].Data, "-- edited\n"...)
	var edited string
	if err := aludeltest.New(t, fsys, aludeltest.Options{Dir: "migrations"}).Connect(t).QueryRow(t.Context(), "SELECT obj_description('t2'::regclass)").Scan(&edited); err != nil || edited == first {
		t.Errorf("%v: an edited file was not run", err)
	}
}

// TestManyAtOnce: of all who ask for a template at the same time one makes it.
func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	fsys := revisions(20, "CREATE TABLE t{n} (id int); DO $$BEGIN EXECUTE format('COMMENT ON TABLE t{n} IS %L', gen_random_uuid()); END$$;")
	seen := make(chan string, 8)
	t.Run("group", func(t *testing.T) {
		for i := range cap(seen) {
			t.Run(fmt.Sprint(i), func(t *testing.T) {
				t.Parallel()
				conn, err := pgx.Connect(t.Context(), aludeltest.New(t, fsys, aludeltest.Options{Dir: "migrations"}).URL())
				if err != nil {
					t.Fatal(err)
				}
				defer func() { _ = conn.Close(t.Context()) }()
				var comment string
				if err := conn.QueryRow(t.Context(), "SELECT coalesce(string_agg(obj_description(oid), ''), '') FROM pg_class WHERE relname LIKE 't%' AND relkind = 'r' AND relnamespace = 'public'::regnamespace").Scan(&comment); err != nil {
					t.Fatal(err)
				}
				seen <- comment
			})
		}
	})
	if len(seen) < cap(seen) {
		t.FailNow() // as was said
	}
	for first := <-seen; len(seen) > 0; {
		if another := <-seen; another != first {
			t.Error("two templates were made")
		}
	}
}

// TestTarget stops on the way, in a schema of the options.
func TestTarget(t *testing.T) {
	t.Parallel()
	db := aludeltest.New(t, revisions(3, "CREATE TABLE t{n} (id int);"), aludeltest.Options{
		Dir: "migrations", Target: "r001", Migrations: aludel.Options{Schema: "app"},
	})
	var last string
	if err := db.Connect(t).QueryRow(t.Context(), "SELECT max(table_name) FROM information_schema.tables WHERE table_schema = 'app' AND table_name ~ '^t[0-9]'").Scan(&last); err != nil || last != "t1" {
		t.Errorf("%s, %v", last, err)
	}
}

// TestGoRevisions: they run as well, and a revision of another function is another
// one, though its id is the same.
func TestGoRevisions(t *testing.T) {
	t.Parallel()
	written := func(up func(ctx context.Context, tx pgx.Tx) error) (comment string) {
		db := aludeltest.New(t, revisions(1, "CREATE TABLE t{n} (id int);"), aludeltest.Options{Dir: "migrations", Migrations: aludel.Options{
			Revisions: []aludel.GoRevision{{ID: "code", DownRevisions: []string{"r000"}, Up: up}},
		}})
		if err := db.Connect(t).QueryRow(t.Context(), "SELECT obj_description('t0'::regclass)").Scan(&comment); err != nil {
			t.Fatal(err)
		}
		return comment
	}
	one := written(func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, "COMMENT ON TABLE t0 IS 'one'")
		return err
	})
	other := written(func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, "COMMENT ON TABLE t0 IS 'other'")
		return err
	})
	if one != "one" || other != "other" {
		t.Errorf("%q and %q", one, other)
	}
}

// TestServerOfOthers makes the databases on a server that is named, and sweeps
// what it made; the template stays for the next.
func TestServerOfOthers(t *testing.T) {
	t.Parallel()
	server := aludeltest.New(t, fstest.MapFS{}).Config()
	name := ""
	t.Run("inner", func(t *testing.T) {
		name = aludeltest.New(t, revisions(1, "CREATE TABLE t{n} (id int);"), aludeltest.Options{Dir: "migrations", Server: server}).Config().Database
	})
	conn, err := pgx.ConnectConfig(t.Context(), server)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(t.Context()) }()
	var left, templates int
	err = conn.QueryRow(t.Context(), "SELECT count(*) FILTER (WHERE datname = $1), count(*) FILTER (WHERE datname LIKE 'aludel\\_template\\_%') FROM pg_database", name).Scan(&left, &templates)
	if err != nil || left != 0 || templates == 0 {
		t.Errorf("%d left, %d templates, %v", left, templates, err)
	}
}

// BenchmarkNew is a database with 200 migrations behind the first (budget 100 ms).
func BenchmarkNew(b *testing.B) {
	fsys := revisions(200, "CREATE TABLE t{n} (id bigint PRIMARY KEY, name text NOT NULL);")
	o := aludeltest.Options{Dir: "migrations"}
	aludeltest.New(b, fsys, o)
	for b.Loop() {
		aludeltest.New(b, fsys, o)
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/1000/float64(b.N), "ms")
	b.ReportMetric(100, "ms-limit")
}
