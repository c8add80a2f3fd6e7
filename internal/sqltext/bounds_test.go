package sqltext_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aludel-db/aludel/internal/sqltext"
)

func TestBounds(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ statement, want string }{
		{"UPDATE t SET a = 1 WHERE id BETWEEN :from AND :to", "from to"},
		{"UPDATE t SET a = 1 WHERE id >= :FROM AND id<=:To", "from to"},
		{"UPDATE t SET a = 1 WHERE id > :from AND id <= :to", "from! to"},
		{"UPDATE t SET a = 1 WHERE (a, b) > (:from) AND (a, b) < ((:to))", "from! to!"},
		{"UPDATE t SET a = 1 WHERE :from < id AND :to > id", "from! to!"},
		{"UPDATE t SET a = 1 WHERE :from <= id AND :to >= id", "from to"},
		{"UPDATE t SET a = 1 WHERE id < :from OR id > :to", "from to"}, // odd, but it excludes no row of the batch that the bounds are of
		{"SELECT f(:from, :to)", "from to"},
		{"SELECT a::from, x[1:2], ': from', ':from', $$:to$$, \":to\" -- :from\n/* :to */", ""},
		{"SELECT a : from, b: to, :fromage, :to_", ""},
		{"SELECT : :from", "from"},
	} {
		var got []string
		for _, b := range sqltext.Bounds(c.statement) {
			word := strings.ToLower(c.statement[b.Start+1 : b.End])
			if b.Upper != (word == "to") {
				t.Errorf("%s: %s has Upper %v", c.statement, word, b.Upper)
			}
			if b.Excludes {
				word += "!"
			}
			got = append(got, word)
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: got %s, want %s", c.statement, got, c.want)
		}
	}
}

// TestBindKnowsWhereThingsComeFrom looks up each character of what is sent.
func TestBindKnowsWhereThingsComeFrom(t *testing.T) {
	t.Parallel()
	statement := "a :from b :to c :from d"
	sql, origin := sqltext.Bind(statement, sqltext.Bounds(statement), "'long value'::bigint", "2")
	if want := "a 'long value'::bigint b 2 c 'long value'::bigint d"; sql != want {
		t.Fatalf("got %q", sql)
	}
	got := ""
	for _, letter := range []string{"a ", " b", " c ", " d"} {
		at := strings.Index(sql, letter)
		got += fmt.Sprintf("%q ", statement[origin(at):origin(at)+len(letter)])
	}
	if got != `"a " " b" " c " " d" ` || statement[origin(strings.Index(sql, "value")):][:5] != ":from" || origin(len(sql)) != len(statement) {
		t.Errorf("got %s", got)
	}
}
