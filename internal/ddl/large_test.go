package ddl_test

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/aludel-db/aludel/internal/catalog"
	"github.com/aludel-db/aludel/internal/ddl"
	"github.com/aludel-db/aludel/internal/diff"
	"github.com/aludel-db/aludel/internal/pgtest"
)

// TestLargeSchema dumps one database that holds what the cases make, each in a
// schema of its own, loads that into an empty one, and finds them equal.
func TestLargeSchema(t *testing.T) {
	t.Parallel()
	s := newState(t, "")
	paths, err := filepath.Glob("testdata/*/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for i, path := range paths {
		archive, err := txtar.ParseFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range archive.Files {
			if f.Name == "new" {
				s.load(t, fmt.Sprintf("case %d", i), string(f.Data))
			}
		}
	}
	s.read(t)
	kinds := map[catalog.Kind]int{}
	for o := range s.catalog.Each {
		kinds[o.Base().ID.Kind()]++
	}
	t.Logf("%d objects: %v", s.catalog.Len(), kinds)
	if s.catalog.Len() < 1000 || len(kinds) < 30 {
		t.Errorf("%d objects of %d kinds are too few", s.catalog.Len(), len(kinds))
	}
	changes, err := diff.Compare(catalog.Empty(s.catalog), s.catalog, diff.Options{})
	if err != nil {
		t.Fatal(err)
	}
	loaded := &state{db: pgtest.New(t)}
	loaded.conn = loaded.db.Connect(t)
	for _, statement := range ddl.Render(catalog.Empty(s.catalog), changes, ddl.Options{}) {
		if _, err := loaded.conn.PgConn().Exec(context.Background(), statement.SQL).ReadAll(); err != nil {
			t.Fatalf("%v in\n%s", err, statement.SQL)
		}
	}
	loaded.read(t)
	// Without pg_dump the catalog has to do: the description is of the common
	// kinds, and of one way to write a thing.
	if d := loaded.differs(t, s); d != "" && !strings.HasPrefix(d, "the description differs") {
		t.Error(d)
	}
}

// load runs a case's script in a schema. What belongs to the whole database may
// be there already: then the case is left out.
func (s *state) load(t *testing.T, schema, sql string) {
	t.Helper()
	if strings.Contains(sql, "SUBSCRIPTION") || strings.Contains(sql, "CREATE LANGUAGE") || strings.Contains(sql, "CREATE TRUSTED LANGUAGE") || strings.Contains(sql, "EVENT TRIGGER") && !strings.Contains(sql, "DISABLE") {
		return // they would see the rest, or keep the database
	}
	ctx := context.Background()
	exec := func(sql string) error {
		_, err := s.conn.PgConn().Exec(ctx, sql).ReadAll()
		return err
	}
	if err := exec("BEGIN"); err != nil {
		t.Fatal(err)
	}
	end := "COMMIT"
	if err := exec(fmt.Sprintf(`CREATE SCHEMA "%s"; SET LOCAL search_path = "%[1]s";`, schema) + sql); err != nil {
		end = "ROLLBACK"
	}
	if err := exec(end + "; RESET ALL; RESET ROLE"); err != nil {
		t.Fatal(err)
	}
}
