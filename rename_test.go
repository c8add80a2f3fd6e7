package aludel_test

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/aludel-db/aludel"
	"github.com/aludel-db/aludel/internal/pgtest"
)

var notNulls = regexp.MustCompile(`(?m)^ALTER TABLE .* RENAME CONSTRAINT \S*_not_null TO .*\n`)

var update = flag.Bool("update", false, "rewrite the expected statements")

// TestRenames runs testdata/renames/*.txtar: what leads from "old" to "new"
// with the renames (old=new, one a line; or comments in "new") drops nothing,
// and leads there and back. "up" is what must have been written.
func TestRenames(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob("testdata/renames/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			files := map[string]string{}
			for _, f := range archive.Files {
				files[f.Name] = string(f.Data)
			}
			testRename(t, path, archive, files)
		})
	}
}

func testRename(t *testing.T, path string, archive *txtar.Archive, files map[string]string) {
	t.Helper()
	models := filepath.Join(t.TempDir(), "new.sql")
	if err := os.WriteFile(models, []byte(files["new"]), 0o666); err != nil {
		t.Fatal(err)
	}
	shadow := openShadow(t)
	_, hints, err := aludel.Models{Sources: []aludel.ModelSource{{Paths: []string{models}}}}.Make(t.Context(), shadow, "public", aludel.SnapshotOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(files["renames"]) {
		hint, err := aludel.ParseRename(strings.TrimSpace(line))
		if err != nil {
			t.Fatal(err)
		}
		hints = append(hints, hint)
	}
	old, updated := pgtest.New(t), pgtest.New(t)
	old.Exec(t, files["old"])
	updated.Exec(t, files["new"])
	conn := old.Connect(t)
	from, to := snapshot(t, conn), snapshot(t, updated.Connect(t))
	renames, err := aludel.ResolveRenames(from, to, hints)
	if want := strings.TrimSpace(files["error"]); want != "" || err != nil {
		if err == nil || err.Error() != want {
			t.Fatalf("error: %v, want: %s", err, want)
		}
		return
	}
	// The constraints that NOT NULL is in PostgreSQL 18 are renamed too.
	up := notNulls.ReplaceAllString(lead(t, conn, shadow, from, to, renames), "")
	if *update && up != files["up"] {
		archive.Files = slices.DeleteFunc(archive.Files, func(f txtar.File) bool { return f.Name == "up" })
		archive.Files = append(archive.Files, txtar.File{Name: "up", Data: []byte(up)})
		if err := os.WriteFile(path, txtar.Format(archive), 0o666); err != nil {
			t.Fatal(err)
		}
	} else if d := cmp.Diff(files["up"], up); d != "" {
		t.Errorf("up (-want +got)\n%s", d)
	}
	if left := aludelDiff(t, snapshot(t, conn), to); len(left.Statements) > 0 {
		t.Errorf("up leaves %v", left.Statements)
	}
	lead(t, conn, shadow, snapshot(t, conn), from, renames.Inverse())
	if left := aludelDiff(t, snapshot(t, conn), from); len(left.Statements) > 0 {
		t.Errorf("down leaves %v", left.Statements)
	}
}

// lead makes one state of another, and answers the statements.
func lead(t *testing.T, conn *pgx.Conn, shadow *aludel.Shadow, from, to *aludel.Snapshot, renames *aludel.Renames) string {
	t.Helper()
	renamed, err := from.Renamed(t.Context(), shadow, renames)
	if err != nil {
		t.Fatal(err)
	}
	var script strings.Builder
	for _, s := range aludelDiff(t, renamed, to).Statements {
		if slices.Contains(s.Hazards, "data loss") {
			t.Errorf("data is lost by %s", s.SQL)
		}
		script.WriteString(s.SQL + ";\n")
		if _, err := conn.Exec(t.Context(), s.SQL, pgx.QueryExecModeSimpleProtocol); err != nil {
			t.Fatalf("%v in\n%s", err, script.String())
		}
	}
	return script.String()
}

// openShadow makes throw-away databases on a server of its own, which all tests
// share while they run.
func openShadow(t *testing.T) *aludel.Shadow {
	t.Helper()
	return openCaching(t, "")
}

// openCaching is openShadow with a cache.
func openCaching(t *testing.T, cache string) *aludel.Shadow {
	t.Helper()
	s, err := aludel.OpenShadow(t.Context(), aludel.ShadowOptions{
		BinDir: pgtest.Server(t).Installation().BinDir, TempDir: os.TempDir(), CacheDir: cache,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return s
}

func snapshot(t *testing.T, conn *pgx.Conn) *aludel.Snapshot {
	t.Helper()
	s, err := aludel.ReadSnapshot(t.Context(), conn, aludel.SnapshotOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func aludelDiff(t *testing.T, from, to *aludel.Snapshot) *aludel.Difference {
	t.Helper()
	d, err := aludel.Diff(from, to, aludel.DiffOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return d
}
