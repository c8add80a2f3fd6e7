package sqltext_test

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/aludel-db/aludel/internal/sqltext"
)

var update = flag.Bool("update", false, "rewrite the expectation of testdata/split")

// TestSplit runs testdata/split/*.txtar: "input.sql" and "want", a line for
// each statement with its place, class, kind and text, or the error.
func TestSplit(t *testing.T) {
	t.Parallel()
	for path, archive := range cases(t) {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			t.Parallel()
			got := describe(string(archive.Files[0].Data))
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

func cases(tb testing.TB) map[string]*txtar.Archive {
	tb.Helper()
	paths, err := filepath.Glob("testdata/split/*.txtar")
	if err != nil || len(paths) == 0 {
		tb.Fatalf("no cases: %v", err)
	}
	archives := map[string]*txtar.Archive{}
	for _, path := range paths {
		if archives[path], err = txtar.ParseFile(path); err != nil {
			tb.Fatal(err)
		}
	}
	return archives
}

func describe(src string) string {
	statements, err := sqltext.Split(src)
	if err != nil {
		var e *sqltext.Error
		if !errors.As(err, &e) {
			return fmt.Sprintf("error of type %T: %v\n", err, err)
		}
		at := sqltext.PositionAt(src, e.Offset)
		return fmt.Sprintf("%d:%d: %s\nhint: %s\n", at.Line, at.Column, e.Message, e.Hint)
	}
	var b strings.Builder
	for _, s := range statements {
		at := sqltext.PositionAt(src, s.Offset)
		fmt.Fprintf(&b, "%d:%d %s, %s", at.Line, at.Column, s.Kind, s.Class)
		if s.ChangesSession {
			b.WriteString(", changes the session")
		}
		fmt.Fprintf(&b, ": %q\n", s.Text)
	}
	return b.String()
}

func TestPositions(t *testing.T) {
	t.Parallel()
	src := "aé\r\nb\n\ncd"
	for offset, want := range map[int]sqltext.Position{
		0: {1, 1}, 1: {1, 2}, 3: {1, 3}, 5: {2, 1}, 7: {3, 1}, 8: {4, 1}, 9: {4, 2}, 10: {4, 3}, 99: {4, 3}, -1: {1, 1},
	} {
		if got := sqltext.PositionAt(src, offset); got != want {
			t.Errorf("PositionAt(%d) = %v, want %v", offset, got, want)
		}
	}
	for n, want := range map[int]int{1: 0, 2: 1, 3: 3, 4: 4, 9: 9, 10: 10, 99: 10, 0: 0} {
		if got := sqltext.OffsetOfCharacter(src, n); got != want {
			t.Errorf("OffsetOfCharacter(%d) = %d, want %d", n, got, want)
		}
	}
}

func TestQuote(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"users": "users", "_a1": "_a1", "Users": `"Users"`, "user": `"user"`, "1a": `"1a"`, "a b": `"a b"`, `a"b`: `"a""b"`, "é": `"é"`, "": `""`,
		"name": "name", "json_table": `"json_table"`, "a$b": `"a$b"`, "select": `"select"`,
	} {
		if got := sqltext.QuoteIdent(name); got != want {
			t.Errorf("QuoteIdent(%q) = %s, want %s", name, got, want)
		}
	}
	for s, want := range map[string]string{"a": "'a'", "it's": "'it''s'", `a\b'`: `E'a\\b'''`, "": "''"} {
		if got := sqltext.QuoteLiteral(s); got != want {
			t.Errorf("QuoteLiteral(%q) = %s, want %s", s, got, want)
		}
	}
}

func TestConcurrentIndex(t *testing.T) {
	t.Parallel()
	for statement, want := range map[string]string{
		"CREATE INDEX CONCURRENTLY i ON t (a)":                              "i create",
		"create unique index concurrently if not exists \"I x\" on s.t (a)": "s.\"I x\" create",
		"CREATE INDEX CONCURRENTLY i ON ONLY \"S\".t (a)":                   "\"S\".i create",
		"CREATE INDEX CONCURRENTLY ON t (a)":                                "",
		"DROP INDEX CONCURRENTLY IF EXISTS s.i":                             "s.i drop",
		"DROP INDEX i":                                                      "",
		"CREATE INDEX i ON t (a)":                                           "",
		"SELECT 'CONCURRENTLY'":                                             "",
		"":                                                                  "",
		"CREATE INDEX CONCURRENTLY":                                         "",
	} {
		index, creates, ok := sqltext.ConcurrentIndex(statement)
		got := ""
		if ok {
			got = index + " drop"
			if creates {
				got = index + " create"
			}
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", statement, got, want)
		}
	}
}

func FuzzSplit(f *testing.F) {
	for _, archive := range cases(f) {
		f.Add(string(archive.Files[0].Data))
	}
	f.Fuzz(func(t *testing.T, src string) {
		statements, err := sqltext.Split(src)
		if err != nil {
			var e *sqltext.Error
			if !errors.As(err, &e) || e.Offset < 0 || e.Offset > len(src) || e.Message == "" || e.Hint == "" {
				t.Fatalf("%q: a bad error: %#v", src, err)
			}
			return
		}
		at := 0
		for _, s := range statements {
			if s.Offset < at || src[s.Offset:s.Offset+len(s.Text)] != s.Text || s.Text == "" || s.Kind == "" {
				t.Fatalf("%q: a bad statement: %#v", src, s)
			}
			checkGap(t, src[at:s.Offset])
			at = s.Offset + len(s.Text)
			again, err := sqltext.Split(s.Text)
			if err != nil || len(again) != 1 || again[0].Text != s.Text || again[0].Kind != s.Kind || again[0].Class != s.Class {
				t.Fatalf("%q splits again into %#v (%v)", s.Text, again, err)
			}
			_, _, _ = sqltext.ConcurrentIndex(s.Text)
		}
		checkGap(t, src[at:])
	})
}

// checkGap: between statements there is nothing but blanks, comments and
// semicolons.
func checkGap(t *testing.T, gap string) {
	t.Helper()
	statements, err := sqltext.Split(gap)
	if err != nil || len(statements) != 0 {
		t.Fatalf("%q is left out: %v, %v", gap, statements, err)
	}
}

func FuzzQuote(f *testing.F) {
	f.Add("it's \"x\" \\ é")
	f.Fuzz(func(t *testing.T, s string) {
		literal, err := sqltext.Split("SELECT " + sqltext.QuoteLiteral(s) + ";x")
		if err == nil && (len(literal) != 2 || !strings.HasSuffix(literal[0].Text, sqltext.QuoteLiteral(s))) {
			t.Errorf("QuoteLiteral(%q) = %s leaks", s, sqltext.QuoteLiteral(s))
		}
		if len(s) > 63 {
			return
		}
		ident, err := sqltext.Split("SELECT " + sqltext.QuoteIdent(s) + ";x")
		if err == nil && len(ident) != 2 {
			t.Errorf("QuoteIdent(%q) = %s leaks", s, sqltext.QuoteIdent(s))
		}
	})
}

func BenchmarkSplit(b *testing.B) {
	var src strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&src, "-- table %d\nCREATE TABLE t%d (id bigint PRIMARY KEY, name text NOT NULL DEFAULT 'it''s', at timestamptz);\n"+
			"CREATE FUNCTION f%d() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.at := now(); RETURN NEW; END $$;\n", i, i, i)
	}
	b.SetBytes(int64(src.Len()))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := sqltext.Split(src.String()); err != nil {
			b.Fatal(err)
		}
	}
}
