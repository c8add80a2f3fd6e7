package aludel

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
	"github.com/aludel-db/aludel/internal/shadow"
	"github.com/aludel-db/aludel/internal/sqltext"
)

var (
	allEdits   = flag.Bool("edits", false, "edit the models of all cases of internal/ddl, not of one in twenty")
	chanceSeed = flag.Uint64("edits.seed", 1, "another one changes them in other ways")
)

// TestEdits edits the database of earlier models, "old", where that can be done, and
// holds what comes out against the one that the models "new" make from the ground up:
// by the catalog, by the order of columns too, and by an observer, line by line.
//
// The cases are those of testdata/edits, whose comments say how it has to go, those of
// internal/ddl, and what chance makes of their "old".
func TestEdits(t *testing.T) {
	t.Parallel()
	var cases, edited, partly atomic.Int32
	s := keepingShadow(t, t.TempDir())
	t.Run("cases", func(t *testing.T) {
		for _, folder := range []string{"testdata/edits", "internal/ddl/testdata"} {
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
					if want := strings.TrimSpace(string(archive.Comment)); folder == "testdata/edits" && !strings.HasPrefix(want, way) {
						t.Errorf("%s, and it should be %s", way, want)
					}
					if way == "edited" {
						edited.Add(1)
					}
					if folder != "testdata/edits" {
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
	if cases.Load() > 50 && (edited.Load() < 60 || partly.Load() < 40) {
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
	s := keepingShadow(t, t.TempDir())
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
		if filepath.Ext(path) == ".txtar" && (folder == "testdata/edits" || *allEdits || sum.Sum32()%20 == 0) {
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
func runEdit(t *testing.T, s *Shadow, partly *atomic.Int32, before, after string) (way string) {
	t.Helper()
	options := desired.Options{Schema: "public"}
	old := printed(t, before)
	statements, err := old.Statements(options)
	if err != nil {
		t.Fatal(err)
	}
	if statements == nil {
		return "not tried"
	}
	was, err := s.fromTheGround(t, old, options)
	if err != nil {
		t.Skip(err)
	}
	updated := printed(t, after)
	edit, err := updated.Edit(options, statements, namesByTable(was.snapshot.catalog))
	if err != nil {
		t.Fatal(err)
	}
	if edit == nil {
		return "not tried"
	}
	conn := s.connected(t, was.database)
	got, err := s.makeByEdit(t.Context(), "", recipe{describe: true}, &opened{edit, conn, was})
	if err != nil {
		t.Fatal(err)
	}
	if got == nil {
		return "refused"
	}
	if &got.schemas[0] == &was.schemas[0] { // nothing else was read
		partly.Add(1)
	}
	want, err := s.fromTheGround(t, updated, options)
	if err != nil {
		t.Fatalf("the edit was made of what can't be: %v", err)
	}
	compareMade(t, s, want, got)
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
func (s *Shadow) connected(t *testing.T, template string) *pgx.Conn {
	t.Helper()
	conn, err := s.scratch.Create(t.Context(), template)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx := context.Background() // the test's own has ended
		server, err := s.scratch.Connect(ctx, "postgres")
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

func (s *Shadow) fromTheGround(t *testing.T, state *desired.State, options desired.Options) (*made, error) {
	t.Helper()
	conn := s.connected(t, "")
	if err := state.Make(t.Context(), s.scratch, conn, options); err != nil {
		return nil, err
	}
	d, err := (&recipe{describe: true}).read(t.Context(), conn)
	if err != nil {
		t.Fatal(err)
	}
	return d, s.seal(t.Context(), "", d, conn)
}

func compareMade(t *testing.T, s *Shadow, want, got *made) {
	t.Helper()
	for _, pair := range [][2]*made{{got, want}, {want, got}} {
		d, err := Diff(pair[0].snapshot, pair[1].snapshot, DiffOptions{ColumnOrder: true})
		if err != nil {
			t.Fatal(err)
		}
		if len(d.Statements) > 0 {
			t.Errorf("the catalog sees\n%s", d.SQL())
		}
	}
	if d := cmp.Diff(want.snapshot.catalog.All(), got.snapshot.catalog.All(), cmpopts.EquateComparable(catalog.ID{}), cmpopts.EquateEmpty()); d != "" {
		t.Errorf("the catalog is another one (-want +got)\n%s", d)
	}
	if d := observe.Compare(want.description.In(observe.Scope{}), got.description.In(observe.Scope{})); got.description != nil && d != "" {
		t.Errorf("the description is another one\n%s", d)
	}
	describe := func(database string) []string {
		conn, err := s.scratch.Connect(t.Context(), database)
		if err != nil {
			t.Fatal(err)
		}
		text, err := observe.Describe(t.Context(), conn)
		if err = errors.Join(err, conn.Close(t.Context())); err != nil {
			t.Fatal(err)
		}
		return strings.Split(text, "\n")
	}
	if d := observe.Compare(describe(want.database), describe(got.database)); d != "" {
		t.Errorf("the observer sees\n%s", d)
	}
}

// TestModelsAreKept: later runs edit the database that an earlier one has made of the
// models, also where they know them, and where what was kept is damaged they make it
// from the ground up.
//
//nolint:paralleltest // each run of it comes after the one before
func TestModelsAreKept(t *testing.T) {
	t.Parallel()
	cache := t.TempDir()
	text, err := txtar.ParseFile("testdata/edits/column.txtar")
	if err != nil {
		t.Fatal(err)
	}
	rest := "CREATE TABLE a ();\nCREATE TABLE b ();\nCREATE TABLE c ();\nCREATE TABLE d ();\n"
	old, updated := rest+string(text.Files[0].Data), rest+string(text.Files[1].Data)
	load := func(t *testing.T, sql string, again bool) (kept bool) {
		t.Helper()
		s := keepingShadow(t, cache)
		models := Models{Sources: []ModelSource{{Name: "models", Print: func(w io.Writer) error {
			_, err := io.WriteString(w, sql)
			return err
		}}}}
		m, err := models.load(t.Context(), s, "public", nil, loading{})
		if err == nil && again {
			err = m.remake(t.Context())
		}
		if err != nil {
			t.Fatal(err)
		}
		if !again || sql != old {
			want, err := s.fromTheGround(t, printed(t, sql), desired.Options{Schema: "public"})
			if err != nil {
				t.Fatal(err)
			}
			compareMade(t, s, want, m.made)
		}
		if err := m.kept(); err != nil {
			t.Error(err)
		}
		return s.scratch.Keeps(m.database)
	}
	for _, step := range []struct {
		name, sql string
		again     bool // the models are known
		edited    bool
	}{
		{"the first", old, false, false},
		{"an edit", updated, false, true},
		{"an edit that is known", updated, true, true},
		{"another one", updated + "CREATE TABLE more ();\n", false, true},
		{"code", updated + "DO $$ BEGIN END $$;\n", false, false},
	} {
		t.Run(step.name, func(t *testing.T) { // at its end the database is kept
			if kept := load(t, step.sql, step.again); kept == step.edited && step.name != "code" {
				t.Errorf("edited: %v", !kept)
			}
		})
	}
	images, err := filepath.Glob(filepath.Join(cache, "aludel/databases/*"))
	if err != nil || len(images) != 1 {
		t.Fatalf("%d images: %v", len(images), err)
	}
	if err := os.Truncate(images[0], 1<<20); err != nil {
		t.Fatal(err)
	}
	t.Run("damaged", func(t *testing.T) {
		if !load(t, updated+"CREATE TABLE once_more ();\n", false) {
			t.Error("it was not made from the ground up, and kept again")
		}
	})
	t.Run("kept again", func(t *testing.T) {
		if load(t, updated+"CREATE TABLE yet_another ();\n", false) {
			t.Error("it was not kept")
		}
	})
}

// keepingShadow runs a server that no other test joins, and keeps all models.
func keepingShadow(t *testing.T, cache string) *Shadow {
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
		Search: shadow.Search{BinDir: pgtest.Server(t).Installation().BinDir}, CacheDir: cache, TempDir: dir, MemDir: dir,
	})
	if err != nil {
		t.Fatal(err)
	}
	s := &Shadow{scratch: scratch, states: map[string]*made{}}
	t.Cleanup(func() {
		if err := errors.Join(s.Close(context.Background()), os.RemoveAll(dir)); err != nil {
			t.Error(err)
		}
	})
	return s
}
