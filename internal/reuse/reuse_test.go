package reuse_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"hash/fnv"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/jackc/pgx/v5"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/aludel-db/aludel/internal/catalog"
	"github.com/aludel-db/aludel/internal/desired"
	"github.com/aludel-db/aludel/internal/observe"
	"github.com/aludel-db/aludel/internal/pgtest"
	"github.com/aludel-db/aludel/internal/reuse"
	"github.com/aludel-db/aludel/internal/shadow"
	"github.com/aludel-db/aludel/internal/sqltext"
)

var (
	allEdits   = flag.Bool("edits", false, "edit the models of all cases of internal/ddl, not of one in forty")
	chanceSeed = flag.Uint64("edits.seed", 1, "another one changes them in other ways")
)

func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }

// TestEdits edits the database of earlier models, "old", where that can be done, and
// holds what comes out against the one that the models "new" make from the ground up:
// by the catalog, by the order of columns too, and by an observer, line by line.
//
// The cases are those of testdata, whose comments say how it has to go, those of
// internal/ddl, and what chance makes of their "old".
func TestEdits(t *testing.T) {
	t.Parallel()
	var cases, edited, partly atomic.Int32
	s := open(t)
	t.Run("cases", func(t *testing.T) {
		for _, folder := range []string{"testdata", "../ddl/testdata"} {
			for _, path := range editCases(t, folder) {
				t.Run(strings.TrimSuffix(path, ".txtar"), func(t *testing.T) {
					t.Parallel()
					archive, err := txtar.ParseFile(path)
					if err != nil {
						t.Fatal(err)
					}
					files := map[string]string{}
					for _, f := range archive.Files {
						files[f.Name] = string(f.Data)
					}
					cases.Add(1)
					way := runEdit(t, s, &partly, files["old"], files["new"])
					if want := strings.TrimSpace(string(archive.Comment)); folder == "testdata" && !strings.HasPrefix(want, way) {
						t.Errorf("%s, and it should be %s", way, want)
					}
					if way == "edited" {
						edited.Add(1)
					}
					if folder != "testdata" {
						changed := byChance(t, path, files["old"])
						if runEdit(t, s, &partly, files["old"], changed) == "edited" {
							edited.Add(1)
						}
						if t.Failed() {
							t.Logf("edited to\n%s", changed)
						}
					}
				})
			}
		}
	})
	if cases.Load() > 50 && (edited.Load() < 50 || partly.Load() < 40) {
		t.Errorf("only %d were edited, and %d of them read in part", edited.Load(), partly.Load())
	}
}

// TestEditsOfManyTables edits a schema whose tables have what tables mostly have and
// stand on each other.
func TestEditsOfManyTables(t *testing.T) {
	t.Parallel()
	schema := "CREATE TYPE mood AS ENUM ('sad', 'ok');\nCREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';\n"
	for i := range 15 {
		schema += strings.NewReplacer("{t}", fmt.Sprintf("t%d", i), "{u}", fmt.Sprintf("t%d", max(i-1, 0))).Replace(
			"CREATE TABLE {t} (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, n serial, above bigint REFERENCES {u}, c text NOT NULL, d mood, CHECK (n > 0));\n" +
				"CREATE INDEX {t}_c ON {t} (lower(c)) WHERE d = 'ok';\nCREATE INDEX ON {t} (above);\nCOMMENT ON COLUMN {t}.c IS 'x';\n" +
				"CREATE VIEW v_{t} AS SELECT id, c FROM {t} LEFT JOIN {u} AS other USING (id, c);\nCREATE TRIGGER g BEFORE UPDATE ON {t} FOR EACH ROW EXECUTE FUNCTION touch();\n")
	}
	s := open(t)
	var edited, partly atomic.Int32
	t.Run("edits", func(t *testing.T) {
		for n := range 12 {
			t.Run(strconv.Itoa(n), func(t *testing.T) {
				t.Parallel()
				changed := strings.Replace(schema, fmt.Sprintf("TABLE t%d (", n), fmt.Sprintf("TABLE t%d (x int, ", n), 1)
				if n%2 == 1 {
					changed = byChance(t, t.Name(), schema)
				}
				if runEdit(t, s, &partly, schema, changed) == "edited" {
					edited.Add(1)
				}
				if t.Failed() {
					t.Logf("edited to\n%s", changed)
				}
			})
		}
	})
	if edited.Load() < 6 || partly.Load() < 6 {
		t.Errorf("only %d were edited, and %d of them read in part", edited.Load(), partly.Load())
	}
}

func editCases(t *testing.T, folder string) (paths []string) {
	t.Helper()
	err := filepath.WalkDir(folder, func(path string, _ fs.DirEntry, err error) error {
		sum := fnv.New32()
		_, _ = io.WriteString(sum, path)
		if filepath.Ext(path) == ".txtar" && (folder == "testdata" || *allEdits || sum.Sum32()%40 == 0) {
			paths = append(paths, path)
		}
		return err
	})
	if err != nil || len(paths) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	return paths
}

// runEdit answers how it went: "edited"; "refused" when it was looked at what came out;
// "not tried".
func runEdit(t *testing.T, scratch *shadow.Scratch, partly *atomic.Int32, before, after string) (way string) {
	t.Helper()
	options := desired.Options{Schema: "public"}
	old, updated := printed(t, before), printed(t, after)
	statements, err := old.Statements(options)
	if err != nil {
		t.Fatal(err)
	}
	if statements == nil {
		return "not tried"
	}
	was, database, err := fromTheGround(t, scratch, old, options)
	if err != nil {
		t.Skip(err)
	}
	edit, err := reuse.New(updated, options, statements, *was)
	if err != nil {
		t.Fatal(err)
	}
	if edit == nil {
		return "not tried"
	}
	conn := connected(t, scratch, database)
	got, err := edit.Run(t.Context(), scratch, conn, true)
	if err != nil {
		t.Fatal(err)
	}
	if got == nil {
		return "refused"
	}
	if !got.Whole {
		partly.Add(1)
	}
	want, database, err := fromTheGround(t, scratch, updated, options)
	if err != nil {
		t.Fatalf("the edit was made of what can't be: %v", err)
	}
	if d := cmp.Diff(want.Catalog.All(), got.Catalog.All(), cmpopts.EquateComparable(catalog.ID{}), cmpopts.EquateEmpty()); d != "" {
		t.Errorf("the catalog is another one (-want +got)\n%s", d)
	}
	if d := observe.Compare(want.Description.In(observe.Scope{}), got.Description.In(observe.Scope{})); d != "" {
		t.Errorf("the description is another one\n%s", d)
	}
	if d := observe.Compare(described(t, scratch, database), described(t, scratch, conn.Config().Database)); d != "" {
		t.Errorf("the observer sees\n%s", d)
	}
	return "edited"
}

// byChance drops, moves and changes some statements, the same ones each time.
func byChance(t *testing.T, path, sql string) string {
	t.Helper()
	statements, err := sqltext.Split(sql)
	if err != nil {
		t.Fatal(err)
	}
	seed := fnv.New64()
	_, _ = io.WriteString(seed, path)
	chance := rand.New(rand.NewPCG(seed.Sum64(), *chanceSeed))
	var texts []string
	for _, s := range statements {
		text := s.Text
		switch n := chance.IntN(12); {
		case n == 0:
			continue
		case n <= 4 && s.Kind == "CREATE TABLE":
			text = strings.Replace(text, "(", "(by_chance int, ", 1)
		}
		if at := chance.IntN(12 * (len(texts) + 1)); at < len(texts) {
			texts = slices.Insert(texts, at, text)
		} else {
			texts = append(texts, text)
		}
	}
	return strings.Join(texts, ";\n")
}

func printed(t *testing.T, sql string) *desired.State {
	t.Helper()
	state, err := desired.Read(t.Context(), []desired.Source{{Print: func(w io.Writer) error {
		_, err := io.WriteString(w, sql)
		return err
	}}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return state
}

// connected makes a copy of a database for the time of the test.
func connected(t *testing.T, scratch *shadow.Scratch, template string) *pgx.Conn {
	t.Helper()
	conn, err := scratch.Create(t.Context(), template)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx := context.Background() // the test's own has ended
		server, err := scratch.Connect(ctx, "postgres")
		if err != nil {
			t.Error(err)
			return
		}
		_, err = server.Exec(ctx, "DROP DATABASE IF EXISTS "+pgx.Identifier{conn.Config().Database}.Sanitize()+" WITH (FORCE)")
		if err = errors.Join(err, server.Close(ctx)); err != nil {
			t.Error(err)
		}
	})
	return conn
}

// fromTheGround makes all statements of models in a new database, which nobody is
// connected to then.
func fromTheGround(t *testing.T, scratch *shadow.Scratch, state *desired.State, options desired.Options) (s *reuse.State, database string, err error) {
	t.Helper()
	conn := connected(t, scratch, "")
	if err := state.Make(t.Context(), scratch, conn, options); err != nil {
		return nil, "", err
	}
	s = &reuse.State{}
	if s.Catalog, err = catalog.Read(t.Context(), conn, catalog.Options{}); err != nil {
		t.Fatal(err)
	}
	if s.Description, err = observe.Look(t.Context(), conn); err != nil {
		t.Fatal(err)
	}
	if database, err = scratch.Seal(t.Context(), conn); err != nil {
		t.Fatal(err)
	}
	return s, database, nil
}

// described is what an observer sees of a database, with the order of columns.
func described(t *testing.T, scratch *shadow.Scratch, database string) []string {
	t.Helper()
	conn, err := scratch.Connect(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	text, err := observe.Describe(t.Context(), conn)
	if err = errors.Join(err, conn.Close(t.Context())); err != nil {
		t.Fatal(err)
	}
	return strings.Split(text, "\n")
}

// open opens a server that no other test joins.
func open(t *testing.T) *shadow.Scratch {
	t.Helper()
	parent := "/dev/shm"
	if _, err := os.Stat(parent); err != nil {
		parent = "/tmp"
	}
	dir, err := os.MkdirTemp(parent, "aludel-") //nolint:usetesting // PostgreSQL's user has to pass, and its path has to be short
	if err == nil {
		err = os.Chmod(dir, 0o755) //nolint:gosec // see above
	}
	if err != nil {
		t.Fatal(err)
	}
	scratch, err := shadow.OpenScratch(t.Context(), shadow.ScratchOptions{
		Search: shadow.Search{BinDir: pgtest.Server(t).Installation().BinDir}, CacheDir: dir, TempDir: dir, MemDir: dir,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(scratch.Close(context.Background()), os.RemoveAll(dir)); err != nil { // the test's own context has ended
			t.Error(err)
		}
	})
	return scratch
}
