package revision

import (
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/aludel-db/aludel/internal/suggest"
)

// A specifier is what people type for a revision, taken apart but not yet
// looked up: a symbol (an id, a part of one, a label, head, heads, base),
// possibly within a branch, or a number of steps from somewhere.
type specifier struct {
	text     string
	branch   string
	inBranch bool // an @ stands in it
	symbol   string
	relative string // "+2", "-1"; empty for an absolute one
	steps    int
}

// fromRows tells that the steps start at the version rows.
func (s *specifier) fromRows() bool { return s.relative != "" && s.symbol == "" }

// parseTarget is parseSpecifier for a command that takes no range.
func parseTarget(text string, lastAt bool) (specifier, error) {
	if strings.Contains(text, ":") {
		return specifier{}, requestErrorf("Range revision not allowed").
			hint("a range is for history, and for upgrade and downgrade with --sql")
	}
	return parseSpecifier(text, lastAt), nil
}

// parseSpecifier takes text apart with the grammar of upgrade and downgrade:
// an optional "branch@" (the shortest), an optional word, a sign and digits;
// whatever follows the digits is ignored. Everything else is absolute, split
// at the first @, or at the last one as downgrade does.
func parseSpecifier(text string, lastAt bool) specifier {
	if s, ok := parseRelative(text); ok {
		return s
	}
	s := specifier{text: text, symbol: text}
	at := strings.Index(text, "@")
	if lastAt {
		at = strings.LastIndex(text, "@")
	}
	if at >= 0 {
		s.branch, s.symbol, s.inBranch = text[:at], text[at+1:], true
	}
	return s
}

func parseRelative(text string) (specifier, bool) {
	// The branch is the shortest non-empty prefix up to an @ behind which the
	// rest of the pattern matches; without one the pattern starts at once.
	for at := range len(text) {
		if text[at] == '@' && at > 0 {
			if symbol, relative, ok := wordAndSteps(text[at+1:]); ok {
				return newRelative(text, text[:at], true, symbol, relative)
			}
		}
	}
	symbol, relative, ok := wordAndSteps(text)
	if !ok {
		return specifier{}, false
	}
	return newRelative(text, "", false, symbol, relative)
}

func newRelative(text, branch string, inBranch bool, symbol, relative string) (specifier, bool) {
	steps, err := strconv.Atoi(relative)
	if err != nil { // more digits than any history has
		steps = 1 << 40
		if relative[0] == '-' {
			steps = -steps
		}
	}
	return specifier{text: text, branch: branch, inBranch: inBranch, symbol: symbol, relative: relative, steps: steps}, true
}

// wordAndSteps matches an optional word, a sign and digits at the start of s.
func wordAndSteps(s string) (word, steps string, ok bool) {
	end := strings.IndexFunc(s, func(r rune) bool { return r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	if end < 0 || s[end] != '+' && s[end] != '-' {
		return "", "", false
	}
	digits := end + 1
	for digits < len(s) && s[digits] >= '0' && s[digits] <= '9' {
		digits++
	}
	return s[:end], s[end:digits], digits > end+1
}

// Resolve answers the revisions that an absolute specifier stands for: none
// for "base", several for "heads", else one. It also knows "-N" and
// "branch@-N", N below each head, as show and stamp do.
func (g *Graph) Resolve(text string) ([]*Revision, error) {
	places, err := g.resolve(parseAbsolute(text))
	if err != nil {
		return nil, err
	}
	return g.at(places), nil
}

func parseAbsolute(text string) specifier {
	s := specifier{text: text, symbol: text}
	if at := strings.Index(text, "@"); at >= 0 {
		s.branch, s.symbol, s.inBranch = text[:at], text[at+1:], true
	}
	return s
}

// resolve looks an absolute specifier up.
func (g *Graph) resolve(s specifier) ([]int32, error) {
	if s.inBranch && s.symbol == "" {
		return nil, requestErrorf("'%s' names no revision behind the @", s.text).
			hint("write %shead, %sbase or %sREVISION", s.text, s.text, s.text)
	}
	branch, err := g.branchOf(s)
	if err != nil {
		return nil, err
	}
	switch s.symbol {
	case "head", "heads":
		return g.resolveHeads(s, branch)
	case "base":
		return nil, nil
	}
	if below, err := strconv.Atoi(s.symbol); err == nil && below < 0 {
		return g.belowHeads(s, -below)
	}
	place, err := g.find(s, branch)
	if err != nil {
		return nil, err
	}
	return []int32{place}, nil
}

// A branch is what the part before an @ selects; nil selects everything.
type branch struct {
	of      int32
	members set // the lineage through parents and children
}

// branchOf looks up the part before the @. "@head" selects nothing in
// particular.
func (g *Graph) branchOf(s specifier) (*branch, error) {
	if !s.inBranch || s.branch == "" {
		return nil, nil
	}
	if slices.Contains([]string{"head", "heads", "base"}, s.branch) {
		if s.symbol == "head" && len(g.heads) > 1 { // no branch, and so it narrows nothing
			return nil, &MultipleHeadsError{Argument: s.text, Heads: g.Heads()}
		}
		return nil, &UnknownRevisionError{Argument: s.branch, Reason: "'" + s.branch + "' is not a branch"}
	}
	place, err := g.findName(s.branch, nil)
	if err != nil {
		err.Reason = "No such branch: '" + s.branch + "'"
		return nil, err
	}
	return &branch{of: place, members: g.lineage(place, false)}, nil
}

func (b *branch) keep(places []int32) []int32 {
	if b == nil {
		return places
	}
	var kept []int32
	for _, p := range places {
		if b.members[p] {
			kept = append(kept, p)
		}
	}
	return kept
}

// resolveHeads: "head" is the one head without children; "heads" alone are
// the real heads, and within a branch again those without children.
func (g *Graph) resolveHeads(s specifier, b *branch) ([]int32, error) {
	if s.symbol == "heads" && b == nil {
		return g.realHeads, nil
	}
	heads := b.keep(g.heads)
	if s.symbol == "head" && len(heads) > 1 {
		return nil, &MultipleHeadsError{Argument: s.text, Heads: g.at(heads)}
	}
	return heads, nil
}

// belowHeads walks n steps down from each real head, within a branch from each
// that carries its label.
func (g *Graph) belowHeads(s specifier, n int) ([]int32, error) {
	var places []int32
	below := false // what can't be walked at all goes before what is too short
	for _, head := range g.realHeads {
		if s.inBranch && s.branch != "" && !slices.Contains(g.spread()[head], s.branch) {
			continue
		}
		place, err := g.walkDown(head, n)
		if err != nil {
			return nil, err
		}
		if place == tooFar {
			below = true
			continue
		}
		if place != empty && !slices.Contains(places, place) {
			places = append(places, place)
		}
	}
	if below {
		return nil, requestErrorf("Relative revision %s didn't produce %d migrations", s.symbol, n)
	}
	return places, nil
}

// find looks up one id, a unique beginning of one, or a label, in a branch.
func (g *Graph) find(s specifier, b *branch) (int32, error) {
	place, unknown := g.findName(s.symbol, b)
	if unknown != nil {
		return 0, unknown
	}
	if b != nil && !b.members[place] {
		return 0, &UnknownRevisionError{
			Argument: s.symbol,
			Reason:   "Revision " + g.revisions[place].ID + " is not a member of branch '" + s.branch + "'",
		}
	}
	return place, nil
}

// minKeyLength is the length from which on a key can be shortened.
const minKeyLength = 4

// findName matches in full first, then as the beginning of exactly one key:
// an id or a label of four characters or more.
func (g *Graph) findName(name string, b *branch) (int32, *UnknownRevisionError) {
	if place, ok := g.lookup(name); ok {
		return place, nil
	}
	if name == "" {
		return 0, &UnknownRevisionError{Argument: name}
	}
	var keys []string
	var found []int32
	match := func(key string, place int32) {
		if len([]rune(key)) >= minKeyLength && strings.HasPrefix(key, name) && (b == nil || b.members[place]) {
			keys = append(keys, key)
			found = append(found, place)
		}
	}
	for i, r := range g.revisions {
		match(r.ID, int32(i))
		for _, label := range r.BranchLabels {
			match(label, int32(i))
		}
	}
	switch len(found) {
	case 0:
		return 0, g.unknown(name)
	case 1:
		return found[0], nil
	}
	slices.Sort(keys)
	e := &UnknownRevisionError{Argument: name, Candidates: g.at(found)}
	e.Reason = "Multiple revisions start with '" + name + "': " + quoteList(keys[:min(3, len(keys))])
	if len(keys) > 3 {
		e.Reason += " and more"
	}
	return 0, e
}

func (g *Graph) unknown(name string) *UnknownRevisionError {
	words := []string{"head", "heads", "base"}
	for _, r := range g.revisions {
		words = append(words, r.ID)
		words = append(words, r.BranchLabels...)
	}
	return &UnknownRevisionError{Argument: name, Suggestion: suggest.Closest(name, words)}
}

// Steps of a walk can end outside the graph.
const (
	empty  int32 = -1 // the state in which nothing is applied
	tooFar int32 = -2
)

// walkUp takes n steps from one only child to the next, within a branch, and
// answers where it came to when there are not as many. Dependents are never
// walked.
func (g *Graph) walkUp(at int32, n int, b *branch) (place, last int32, err error) {
	for range n {
		children := g.bases
		if at != empty {
			children = g.nodes[at].next
		}
		children = b.keep(children)
		switch len(children) {
		case 0:
			return tooFar, at, nil
		case 1:
			at = children[0]
		default:
			return 0, 0, g.ambiguousWalk(at, "leads up to", children)
		}
	}
	return at, at, nil
}

// walkDown takes n steps from one only parent to the next. Below a base
// comes the empty state; one more step is too far.
func (g *Graph) walkDown(at int32, n int) (int32, error) {
	for range n {
		if at == empty {
			return tooFar, nil
		}
		parents := g.nodes[at].down
		switch len(parents) {
		case 0:
			at = empty
		case 1:
			at = parents[0]
		default:
			return 0, g.ambiguousWalk(at, "leads down to", parents)
		}
	}
	return at, nil
}

func (g *Graph) ambiguousWalk(at int32, leads string, places []int32) error {
	from := "the empty state"
	if at != empty {
		from = g.revisions[at].ID
	}
	return requestErrorf("Ambiguous walk").
		hint("%s %s %s", from, leads, strings.Join(g.ids(places), ", ")).
		hint("name the revision that you mean, or its branch: <branchname>@<steps>")
}
