package revision_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/aludel-db/aludel/internal/revision"
)

// parse reads a graph in one line: "a, a->b, a->c, b+c->d, d->e:x" has a base
// a, two children, their merge, and e that depends on x. "b=left" declares a
// label for b.
func parse(tb testing.TB, text string) (*revision.Graph, error) {
	tb.Helper()
	byID := map[string]*revision.Revision{}
	var list []*revision.Revision
	get := func(id string) *revision.Revision {
		if byID[id] == nil {
			byID[id] = &revision.Revision{ID: id, Message: "rev " + id}
			list = append(list, byID[id])
		}
		return byID[id]
	}
	for item := range strings.SplitSeq(text, ",") {
		item = strings.TrimSpace(item)
		if id, label, ok := strings.Cut(item, "="); ok {
			get(id).BranchLabels = append(get(id).BranchLabels, label)
			continue
		}
		parents, child, ok := strings.Cut(item, "->")
		if !ok {
			parents, child = "", item
		}
		child, depends, _ := strings.Cut(child, ":")
		r := get(child)
		if parents != "" {
			r.DownRevisions = strings.Split(parents, "+")
		}
		if depends != "" {
			r.DependsOn = strings.Split(depends, "+")
		}
	}
	return revision.New(list)
}

func mustParse(tb testing.TB, text string) *revision.Graph {
	tb.Helper()
	g, err := parse(tb, text)
	if err != nil {
		tb.Fatal(err)
	}
	return g
}

const (
	diamond   = "a, a->b1, b1->b2, a->c1, c1->c2, b2+c2->d, d->e, b1=left, c1=right"
	libAndApp = "a1, a1->a2, a2->a3, b1, b1->b2:a2, b2->b3, a1=lib, b1=app"
)

// show writes a plan as "b2 a2 | a1 b1": what runs, and the rows at the end.
func show(p *revision.Plan, err error) string {
	if err != nil {
		return "error: " + err.Error()
	}
	var ids []string
	for _, s := range p.Steps {
		ids = append(ids, s.Revision.ID)
	}
	return strings.Join(ids, " ") + " | " + strings.Join(p.To, " ")
}

func TestPlans(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ graph, rows, verb, target, want string }{
		{libAndApp, "", "upgrade", "heads", "a1 a2 b1 b2 b3 a3 | a3 b3"},
		{libAndApp, "", "upgrade", "app@head", "a1 a2 b1 b2 b3 | b3"},
		{libAndApp, "b2", "upgrade", "lib@+1", "a3 | a3 b2"},
		{libAndApp, "b2", "downgrade", "app@-1", "b2 | a2 b1"},
		{libAndApp, "b2", "downgrade", "-1", "b2 | a2 b1"},
		{libAndApp, "b2", "downgrade", "a1", "b2 a2 | a1 b1"},
		{libAndApp, "b2", "downgrade", "a2", "error: Destination a2 is not a valid downgrade target from current head(s)"},
		{libAndApp, "b2", "downgrade", "app@base", "b2 b1 | a2"},
		{libAndApp, "a3 b3", "downgrade", "lib@-1", "a3 | b3"},
		{libAndApp, "a3 b3", "downgrade", "lib@-2", "a3 b3 b2 a2 | a1 b1"},
		{libAndApp, "a3 b3", "downgrade", "b1", "b3 b2 | a3 b1"},
		{libAndApp, "a3 b3", "downgrade", "-1", "error: downgrade -1 from multiple heads is ambiguous"},
		{diamond, "", "upgrade", "heads", "a c1 c2 b1 b2 d e | e"},
		{diamond, "e", "downgrade", "a", "e d b2 b1 c2 c1 | a"},
		{diamond, "e", "downgrade", "b2", "e d | b2 c2"},
		{diamond, "e", "downgrade", "left@a", "e d b2 b1 | c2"},
		{diamond, "e", "downgrade", "-2", "error: Ambiguous walk"},
		{diamond, "b1", "upgrade", "+2", "c1 c2 b2 d | d"},
		{diamond, "a", "upgrade", "+1", "error: Ambiguous walk"},
		{diamond, "b2 c2", "downgrade", "left@base", "b2 b1 c2 c1 a | "},
		{diamond, "e", "upgrade", "a", " | e"},
		{diamond, "", "downgrade", "base", " | "},
		{diamond, "", "upgrade", "b1+1", "a b1 b2 | b2"},
		{diamond, "", "upgrade", "d-0", "a c1 c2 b1 b2 d | d"},
		{diamond, "e", "stamp", "a", "a | a"},
		{diamond, "b1 c1", "stamp", "e", "e | e"},
		{diamond, "b1 c1", "stamp", "b2", "b2 | b2 c1"},
		{diamond, "b1", "stamp", "c1", "c1 | b1 c1"},
		{diamond, "b1 c1", "stamp", "left@base", "b1 | c1"},
		{diamond, "e", "stamp", "base", "e | "},
		{diamond, "zz", "upgrade", "head", "error: Can't locate revision identified by 'zz'"},
	} {
		g := mustParse(t, c.graph)
		rows := strings.Fields(c.rows)
		var got string
		switch c.verb {
		case "upgrade":
			got = show(g.Upgrade(rows, c.target))
		case "downgrade":
			got = show(g.Downgrade(rows, c.target))
		case "stamp":
			got = show(g.Stamp(rows, []string{c.target}, false))
		}
		if got != c.want {
			t.Errorf("%s from [%s]: %s %s\n got %s\nwant %s", c.graph, c.rows, c.verb, c.target, got, c.want)
		}
	}
}

func TestPurge(t *testing.T) {
	t.Parallel()
	p, err := mustParse(t, diamond).Stamp([]string{"gone", "b1"}, []string{"c2", "b2"}, true)
	if got, want := show(p, err), "c2 b2 | b2 c2"; got != want || !p.Purge {
		t.Errorf("got %s (purge %v), want %s", got, p.Purge, want)
	}
}

func TestBadGraphs(t *testing.T) {
	t.Parallel()
	for graph, want := range map[string]string{
		"a->b":                       "Revision b names a as its down_revision, but no file has that revision",
		"a, a->b:c":                  "Revision b names c as its depends_on, but no file has that revision",
		"a->a":                       "Self-loop is detected in revisions (a)",
		"a, a->b:b":                  "Dependency self-loop is detected in revisions (b)",
		"c->a, a->b, b->c":           "Cycle is detected in revisions (a, b, c)",
		"a, a->b, d->c, c->d":        "Cycle is detected in revisions (c, d)",
		"a, a->b:d, b->c, c->d":      "Dependency cycle is detected in revisions (a, b, c, d)",
		"a, a->b, a=x, b=x":          "Branch name 'x' in revision b already used by revision a",
		"a, a->b, b=a":               "Branch name 'a' in revision b already used by revision a",
		"a@b":                        "Character(s) '@' not allowed in revision identifier 'a@b'",
		"a, a->d:c, c, d+c->e, e->f": "",
	} {
		got := ""
		if _, err := parse(t, graph); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%s:\n got %s\nwant %s", graph, got, want)
		}
	}
}

func TestResolve(t *testing.T) {
	t.Parallel()
	g := mustParse(t, "abc123, abc123->abd456, abd456->bbbbbb, abd456->cccc, cc, abd456=label, cccc=abx")
	for text, want := range map[string]string{
		"abc123": "abc123", "abc": "abc123", "b": "bbbbbb", "cccc": "cccc", "cc": "cc", "c": "cccc", "label": "abd456", "la": "abd456",
		"heads": "bbbbbb cccc cc", "base": "", "label@heads": "bbbbbb cccc", "label@base": "", "abx@head": "cccc", "abx@abd": "abd456",
		"head":     "error: Multiple head revisions are present for given argument 'head'; please specify a specific target revision, '<branchname>@head' to narrow to a specific head, or 'heads' for all heads",
		"ab":       "error: Can't locate revision identified by 'ab'",
		"nosuch":   "error: Can't locate revision identified by 'nosuch'",
		"no@head":  "error: Can't locate revision identified by 'no'",
		"abx@cc":   "error: Can't locate revision identified by 'cc'",
		"label@":   "error: 'label@' names no revision behind the @",
		"HEAD":     "error: Can't locate revision identified by 'HEAD'",
		"abc,abd":  "error: Can't locate revision identified by 'abc,abd'",
		"cc@heads": "cc",
	} {
		revisions, err := g.Resolve(text)
		got := ""
		if err != nil {
			got = "error: " + err.Error()
		} else {
			var ids []string
			for _, r := range revisions {
				ids = append(ids, r.ID)
			}
			got = strings.Join(ids, " ")
		}
		if got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func TestAmbiguousPrefixNamesItsCandidates(t *testing.T) {
	t.Parallel()
	_, err := mustParse(t, "abcd1, abcd1->abcd2").Upgrade(nil, "abc")
	var unknown *revision.UnknownRevisionError
	if !errors.As(err, &unknown) {
		t.Fatalf("got %T: %v", err, err)
	}
	var ids []string
	for _, r := range unknown.Candidates {
		ids = append(ids, r.ID)
	}
	if diff := cmp.Diff([]string{"abcd1", "abcd2"}, ids); diff != "" || unknown.Reason != "Multiple revisions start with 'abc': 'abcd1', 'abcd2'" {
		t.Errorf("candidates (-want +got):\n%s\nreason %q", diff, unknown.Reason)
	}
}
