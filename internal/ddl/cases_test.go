package ddl_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/jackc/pgx/v5"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/aludel-db/aludel/internal/catalog"
	"github.com/aludel-db/aludel/internal/ddl"
	"github.com/aludel-db/aludel/internal/diff"
	"github.com/aludel-db/aludel/internal/observe"
	"github.com/aludel-db/aludel/internal/pgtest"
)

var update = flag.Bool("update", false, "rewrite the expected statements")

func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }

// TestCases runs testdata/<kind>/<case>.txtar: "old" and "new" are made in
// databases of their own, and what Compare and Render give must lead from one
// to the other and back: by the catalog and by pg_dump. "up", where it is
// there, is what must have been written.
func TestCases(t *testing.T) {
	t.Parallel()
	var paths []string
	err := filepath.WalkDir("testdata", func(path string, _ fs.DirEntry, err error) error {
		if filepath.Ext(path) == ".txtar" {
			paths = append(paths, path)
		}
		return err
	})
	if err != nil || len(paths) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, path := range paths {
		name, _ := filepath.Rel("testdata", strings.TrimSuffix(path, ".txtar"))
		t.Run(filepath.ToSlash(name), func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			runCase(t, path, archive)
		})
	}
}

func runCase(t *testing.T, path string, archive *txtar.Archive) {
	t.Helper()
	files := map[string]string{}
	for _, f := range archive.Files {
		files[f.Name] = string(f.Data)
	}
	if least := minimum(string(archive.Comment)); least > 0 && newState(t, "").catalog.Major < least {
		t.Skipf("for PostgreSQL %d and newer", least)
	}
	old, updated := newState(t, files["old"]), newState(t, files["new"])
	reverted := old.remembered(t)
	rows := old.rows(t, files["old"])
	old.online = strings.Contains(string(archive.Comment), "online")
	up, err := old.change(updated)
	old.online = false
	if err != nil {
		t.Fatalf("up: %v", err)
	}
	if d := old.differs(t, updated); d != "" {
		t.Errorf("up %s", d)
	}
	old.keeps(t, rows)
	if _, err := old.change(reverted); err != nil {
		t.Fatalf("down: %v", err)
	}
	// "down by the catalog alone" is for columns that become their table's own on
	// the way up (attislocal): pg_dump shows it, and no ALTER takes it back.
	if strings.Contains(string(archive.Comment), "down by the catalog alone") {
		if d := old.leaves(t, reverted); d != "" {
			t.Errorf("down %s", d)
		}
	} else if d := old.differs(t, reverted); d != "" {
		t.Errorf("down %s", d)
	}
	old.keeps(t, rows)
	want, has := files["up"]
	if *update && has && want != up {
		for i := range archive.Files {
			if archive.Files[i].Name == "up" {
				archive.Files[i].Data = []byte(up)
			}
		}
		if err := os.WriteFile(path, txtar.Format(archive), 0o666); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, up); has && diff != "" {
		t.Errorf("up (-want +got)\n%s", diff)
	}
}

// minimum reads "PostgreSQL N" in a case's comment.
func minimum(comment string) int {
	n := 0
	if _, rest, ok := strings.Cut(comment, "PostgreSQL "); ok {
		_, _ = fmt.Sscan(rest, &n)
	}
	return n
}

// A state is a database and its catalog; or without the database what it was.
type state struct {
	db      *pgtest.DB
	conn    *pgx.Conn
	catalog *catalog.Catalog
	online  bool   // changes are made so that others can go on
	dump    string // where there is no database any more
}

// remembered is the state as it is now, whatever becomes of the database: its
// catalog was written and read again.
func (s *state) remembered(t *testing.T) *state {
	t.Helper()
	var file bytes.Buffer
	if err := s.catalog.Encode(&file); err != nil {
		t.Fatal(err)
	}
	decoded, err := catalog.Decode(&file)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(slices.Collect(s.catalog.Each), slices.Collect(decoded.Each), cmpopts.EquateComparable(catalog.ID{}), cmpopts.EquateEmpty()); d != "" {
		t.Errorf("an encoded catalog reads otherwise (-was +is)\n%s", d)
	}
	return &state{catalog: decoded, dump: s.db.Dump(t)}
}

func (s *state) dumped(t *testing.T) string {
	t.Helper()
	if s.db == nil {
		return s.dump
	}
	return s.db.Dump(t)
}

func newState(t *testing.T, sql string) *state {
	t.Helper()
	s := &state{db: pgtest.New(t)}
	s.conn = s.db.Connect(t)
	if _, err := s.conn.PgConn().Exec(context.Background(), roles+sql).ReadAll(); err != nil {
		t.Fatalf("%v in\n%s", err, sql)
	}
	if strings.Contains(sql, "CREATE SUBSCRIPTION") {
		t.Cleanup(func() { s.dropSubscriptions(t) })
	}
	s.read(t)
	return s
}

// dropSubscriptions lets go of what keeps the server from dropping the
// database.
func (s *state) dropSubscriptions(t *testing.T) {
	t.Helper()
	rows, _ := s.conn.Query(context.Background(), "SELECT subname FROM pg_subscription WHERE subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())")
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	for _, name := range names {
		alter := "ALTER SUBSCRIPTION " + name
		for _, sql := range []string{alter + " DISABLE", alter + " SET (slot_name = NONE)", "DROP SUBSCRIPTION " + name} {
			if err == nil {
				_, err = s.conn.Exec(context.Background(), sql)
			}
		}
	}
	if err != nil {
		t.Error(err)
	}
}

// close closes the connection before the test's end, where there are many.
func (s *state) close(t *testing.T) {
	t.Helper()
	if err := s.conn.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

// roles are the server's, and so all databases'. Others make them, too.
const roles = `DO $$BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'alice') THEN CREATE ROLE alice; CREATE ROLE bob; CREATE ROLE "odd role"; END IF;
EXCEPTION WHEN unique_violation OR duplicate_object THEN NULL; END$$;
`

func (s *state) read(t *testing.T) {
	t.Helper()
	var err error
	if s.catalog, err = catalog.Read(context.Background(), s.conn, catalog.Options{}); err != nil {
		t.Fatal(err)
	}
}

// rows counts those of each table, where the script makes some.
func (s *state) rows(t *testing.T, script string) map[catalog.ID]int {
	t.Helper()
	if !strings.Contains(script, "INSERT INTO") {
		return nil
	}
	counts := map[catalog.ID]int{}
	for _, o := range s.catalog.All() {
		id := o.Base().ID
		if id.Kind() != catalog.KindTable {
			continue
		}
		var n int
		if err := s.conn.QueryRow(t.Context(), "SELECT count(*) FROM "+pgx.Identifier{id.Schema(), id.Name()}.Sanitize()).Scan(&n); err != nil {
			t.Fatal(err)
		}
		counts[id] = n
	}
	return counts
}

// keeps checks that the tables that are there have as many rows as before.
func (s *state) keeps(t *testing.T, before map[catalog.ID]int) {
	t.Helper()
	if before == nil {
		return
	}
	for id, n := range s.rows(t, "INSERT INTO") {
		if was, there := before[id]; there && was != n {
			t.Errorf("%s had %d rows and has %d", id, was, n)
		}
	}
}

// change makes s like target, and answers the statements. A comment says where
// the transaction has to end.
func (s *state) change(target *state) (script string, err error) {
	changes, err := diff.Compare(s.catalog, target.catalog, diff.Options{})
	if err != nil {
		return "", err
	}
	watch, err := watchLocks(s.conn, s.catalog.Major)
	if err != nil {
		return "", err
	}
	watch.online = s.online
	statements := ddl.Render(s.catalog, changes, ddl.Options{Online: s.online})
	touched, err := watchTouched(context.Background(), s, statements)
	if err != nil {
		return "", err
	}
	for _, statement := range statements {
		for _, h := range statement.Hazards {
			script += fmt.Sprintf("-- hazard: %s\n", h)
		}
		if statement.NotOnline != "" {
			script += "-- not online: " + statement.NotOnline + "\n"
		}
		if statement.Batch != nil {
			script += "-- batches over " + statement.Batch.Table + "\n"
		}
		script += statement.SQL + ";\n"
		if statement.CommitAfter {
			script += "-- commit\n"
		}
		if err := watch.run(s.conn, statement); err != nil {
			return script, fmt.Errorf("%w in\n%s", err, script)
		}
	}
	if err := watch.commit(s.conn); err != nil {
		return script, fmt.Errorf("%w in\n%s", err, script)
	}
	s.catalog, err = catalog.Read(context.Background(), s.conn, catalog.Options{})
	if err == nil && touched != nil {
		err = touched.check(context.Background(), s)
	}
	return script, err
}

// leaves compares by the catalog; empty where they agree.
func (s *state) leaves(t *testing.T, target *state) string {
	t.Helper()
	changes, err := diff.Compare(s.catalog, target.catalog, diff.Options{})
	if err != nil {
		return err.Error()
	}
	left := ""
	for _, c := range changes {
		left += fmt.Sprintf("leaves %T of %s ", c, c.Object().Base().ID)
		if a, ok := c.(diff.Alter); ok {
			left += fmt.Sprint(a.Fields) + cmp.Diff(a.From, a.To, cmpopts.EquateComparable(catalog.ID{}))
		}
		left += "\n"
	}
	return left
}

// differs compares by the catalog and by pg_dump; empty where they agree.
func (s *state) differs(t *testing.T, target *state) string {
	t.Helper()
	left := s.leaves(t, target)
	want, got := target.dumped(t), s.db.Dump(t)
	if cmp.Equal(observe.Statements(want), observe.Statements(got)) {
		return left
	}
	if strings.Contains(want, "extension plpgsql schema=") { // a server without pg_dump
		if d := cmp.Diff(observe.Lines(want), observe.Lines(got)); d != "" {
			left += "the description differs (-target +got)\n" + d
		}
		return left
	}
	// PostgreSQL doesn't always write again what it has read back; loading the
	// dump once more gives the form that stays.
	again := pgtest.New(t)
	again.Exec(t, "SET check_function_bodies = off;\n"+want)
	if d := cmp.Diff(observe.Statements(again.Dump(t)), observe.Statements(got)); d != "" {
		left += "pg_dump differs (-target +got)\n" + d
	}
	return left
}
