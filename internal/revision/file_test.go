package revision_test

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/aludel-db/aludel/internal/revision"
)

var update = flag.Bool("update", false, "rewrite the expectation of testdata/file")

// TestFiles reads each file of testdata/file: "input.sql", and "want" with
// what the header and the sections say, or the error.
func TestFiles(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob("testdata/file/*.txtar")
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
			input := string(archive.Files[0].Data)
			if strings.Contains(string(archive.Comment), "CRLF") {
				input = strings.ReplaceAll(input, "\n", "\r\n")
			}
			got := describe(input)
			if *update {
				archive.Files = append(archive.Files[:1], txtar.File{Name: "want", Data: []byte(got)})
				if err := os.WriteFile(path, txtar.Format(archive), 0o666); err != nil {
					t.Fatal(err)
				}
				return
			}
			if want := string(archive.Files[1].Data); got != want {
				t.Errorf("got:\n%s\nwant:\n%s", got, want)
			}
		})
	}
}

// describe reads one file in a folder of its own.
func describe(input string) string {
	revisions, err := revision.Load(revision.Folder{FS: fstest.MapFS{"x.sql": {Data: []byte(input)}}, Path: "versions"})
	if err != nil {
		return describeError(err)
	}
	r := revisions[0]
	var b strings.Builder
	fmt.Fprintf(&b, "revision %q down %q depends %q labels %q\nmessage %q\nsummary %q\n",
		r.ID, r.DownRevisions, r.DependsOn, r.BranchLabels, r.Message, r.Summary())
	if !r.Created.IsZero() {
		fmt.Fprintf(&b, "created %s\n", r.Created.Format(time.RFC3339))
	}
	script, err := r.Script()
	if err != nil {
		return b.String() + describeError(err)
	}
	b.WriteString(describeSection("up", &script.Up))
	b.WriteString(describeSection("down", &script.Down))
	return b.String()
}

func describeSection(name string, s *revision.Section) string {
	if !s.Present {
		return name + " absent\n"
	}
	var b strings.Builder
	b.WriteString(name)
	if s.NoTransaction {
		b.WriteString(" transaction:false")
	}
	if s.LockTimeout != nil {
		fmt.Fprintf(&b, " lock_timeout:%s", *s.LockTimeout)
	}
	if s.StatementTimeout != nil {
		fmt.Fprintf(&b, " statement_timeout:%s", *s.StatementTimeout)
	}
	if s.TransactionTimeout != nil {
		fmt.Fprintf(&b, " transaction_timeout:%s", *s.TransactionTimeout)
	}
	if s.Role != "" {
		fmt.Fprintf(&b, " role:%q", s.Role)
	}
	if s.With != "" {
		fmt.Fprintf(&b, " with:%s", s.With)
	}
	if s.Irreversible != "" {
		fmt.Fprintf(&b, " irreversible:%q", s.Irreversible)
	}
	b.WriteString("\n")
	for i, statement := range s.Statements {
		_, line, column := s.Position(statement.Offset)
		fmt.Fprintf(&b, "  %d:%d %s", line, column, statement.Kind)
		if batch := s.Batches[i]; batch != nil {
			fmt.Fprintf(&b, " over %s by %d", batch.Table, batch.Size)
		}
		b.WriteString("\n")
	}
	return b.String()
}

func describeError(err error) string {
	text := err.Error() + "\n"
	var file *revision.FileError
	if errors.As(err, &file) && file.Hint != "" {
		text += "hint: " + file.Hint + "\n"
	}
	return text
}

func TestChecksumIgnoresLineEndsAlone(t *testing.T) {
	t.Parallel()
	sum := func(src string) string {
		script, err := revision.ParseScript("x.sql", src)
		if err != nil {
			t.Fatal(err)
		}
		return script.Up.Checksum()
	}
	src := "-- migrate:up\nSELECT 1;\n-- migrate:down\n"
	if sum(src) != sum(strings.ReplaceAll(src, "\n", "\r\n")) {
		t.Error("line ends change the checksum")
	}
	if sum(src) == sum(strings.ReplaceAll(src, "1", "2")) || sum(src) == sum(strings.ReplaceAll(src, "SELECT 1", "SELECT  1")) {
		t.Error("an edit leaves the checksum")
	}
}

func TestLoadOrderAndNames(t *testing.T) {
	t.Parallel()
	file := func(id string) *fstest.MapFile {
		return &fstest.MapFile{Data: []byte("-- m\n--\n-- revision: " + id + "\n-- migrate:up\n")}
	}
	fsys := fstest.MapFS{
		"v/b.sql": file("b"), "v/a.sql": file("a"), "v/Z.sql": file("z"), "v/sub/c.sql": file("c"),
		"v/.hidden.sql": file("h"), "v/notes.txt": {Data: []byte("x")}, "w/d.sql": file("d"),
	}
	for _, c := range []struct {
		recursive bool
		want      string
	}{{false, "z a b d"}, {true, "z a b c d"}} {
		revisions, err := revision.Load(revision.Folder{FS: fsys, Dir: "v", Path: "v", Recursive: c.recursive}, revision.Folder{FS: fsys, Dir: "w"})
		if err != nil {
			t.Fatal(err)
		}
		var ids []string
		for _, r := range revisions {
			ids = append(ids, r.ID)
		}
		if got := strings.Join(ids, " "); got != c.want {
			t.Errorf("recursive %v: got %s, want %s", c.recursive, got, c.want)
		}
	}
}

func TestLoadReportsEveryFault(t *testing.T) {
	t.Parallel()
	_, err := revision.Load(revision.Folder{Path: "v", FS: fstest.MapFS{
		"1.sql": {Data: []byte("-- m\n-- migrate:up\n")},
		"2.sql": {Data: []byte("-- m\n--\n-- revision: b\n-- down_revison: a\n-- migrate:up\n")},
	}})
	want := "v/1.sql:1:1: the header has no \"revision\"\nv/2.sql:4:4: unknown key \"down_revison\" in the header"
	if err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
	_, err = revision.Load(revision.Folder{Path: "nowhere", FS: os.DirFS(t.TempDir()), Dir: "nowhere"})
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "nowhere") {
		t.Errorf("a missing folder: %v", err)
	}
}

// TestLongHeader has a header that is longer than what is read at first, with
// a character across the end of the first chunk.
func TestLongHeader(t *testing.T) {
	t.Parallel()
	for shift := range 8 {
		long := strings.Repeat("x", shift) + strings.Repeat("é", 3000)
		src := "-- " + long + "\n--\n-- revision: a\n\n-- migrate:up\n"
		revisions, err := revision.Load(revision.Folder{FS: fstest.MapFS{"a.sql": {Data: []byte(src)}}})
		if err != nil {
			t.Fatal(err)
		}
		if revisions[0].ID != "a" || revisions[0].Message != long {
			t.Errorf("shift %d: read %q", shift, revisions[0].ID)
		}
	}
}

func FuzzHeader(f *testing.F) {
	f.Add("-- Add a\n--\n-- revision: a\n-- down_revision: b, c\n-- depends_on: d\n-- branch_labels: e\n-- created: 2026-11-23T14:06:26Z\n\n-- migrate:up\nSELECT 1;\n")
	f.Add("\ufeff-- x\r\n-- revision: \xff\r\n")
	f.Fuzz(func(t *testing.T, src string) {
		got := describe(src)
		if got == "" {
			t.Error("neither a revision nor an error")
		}
		// What is read can be written, and says the same again.
		revisions, err := revision.Load(revision.Folder{FS: fstest.MapFS{"x.sql": {Data: []byte(src)}}})
		if err != nil {
			return
		}
		r := revisions[0]
		d := &revision.Draft{ID: r.ID, Message: r.Message, DownRevisions: r.DownRevisions, DependsOn: r.DependsOn, BranchLabels: r.BranchLabels}
		if _, err := d.Render("x.sql", ""); err != nil && !strings.Contains(err.Error(), "look at the message") && !strings.Contains(err.Error(), "would not read back") {
			t.Errorf("%q reads as %q, which can't be written: %v", src, got, err)
		}
	})
}

func FuzzSpecifier(f *testing.F) {
	for _, s := range []string{"head", "ae10+2", "billing@-1", "a@b@c-3", "@", "+", "-99999999999999999999", "é+1", "a:b"} {
		f.Add(s)
	}
	g := mustParse(f, diamond)
	f.Fuzz(func(t *testing.T, text string) {
		if !revision.CheckSpecifier(text) {
			t.Errorf("%q is taken apart wrongly", text)
		}
		for _, rows := range [][]string{nil, {"a"}, {"b1", "c2"}, {"e"}} {
			for _, plan := range []func([]string, string) (*revision.Plan, error){g.Upgrade, g.Downgrade} {
				if p, err := plan(rows, text); err == nil && p == nil {
					t.Errorf("%q: neither a plan nor an error", text)
				}
			}
			_, _ = g.Stamp(rows, []string{text}, false)
			_, _ = g.History(text, rows)
		}
		_, _ = g.Resolve(text)
	})
}
