package revision

import (
	"slices"
	"strconv"
	"strings"
)

// Upgrade plans the way from the version rows to target, which may be a
// specifier of any form.
func (g *Graph) Upgrade(rows []string, target string) (*Plan, error) {
	s, err := parseTarget(target, false)
	if err != nil {
		return nil, err
	}
	if !s.fromRows() || s.steps <= 0 {
		// A bad target is the caller's own slip, and is said before a bad row.
		if _, err := g.upgradeTargets(s, nil); err != nil {
			return nil, nameWhole(err, target)
		}
	}
	if s.fromRows() && s.steps > 0 && !s.inBranch && len(rows) > 1 {
		return nil, ambiguousUpgrade(rows)
	}
	current, err := g.rowsOf(rows)
	if err != nil {
		return nil, err
	}
	targets, err := g.upgradeTargets(s, current)
	if err != nil {
		return nil, nameWhole(err, target)
	}
	if err := g.overlap(targets, "ask for the higher one alone"); err != nil {
		return nil, err
	}
	if err := g.overlap(current, overlapHint); err != nil {
		return nil, err
	}
	st := g.newState(current, rows)
	todo := g.ancestors(targets...)
	for i, applied := range st.applied {
		todo[i] = todo[i] && !applied
	}
	order := g.order(todo, targets)
	st.steps = make([]Step, 0, len(order))
	for _, i := range slices.Backward(order) {
		st.up(i)
	}
	return st.plan(), nil
}

const overlapHint = "these are rows of the version table, and one is an ancestor of another: " +
	"delete the lower one, or stamp the right revisions with --purge"

func (g *Graph) upgradeTargets(s specifier, rows []int32) ([]int32, error) {
	if s.relative == "" {
		return g.resolve(s)
	}
	if s.symbol == "" && s.steps <= 0 {
		s.relative = strconv.Itoa(s.steps) // as Alembic prints it
		return nil, g.notProduced(s).hint("upgrade takes +N; downgrade takes -N")
	}
	b, err := g.branchOf(s)
	if err != nil {
		return nil, err
	}
	place, _, err := g.upgradeWalk(s, b, rows)
	if err != nil {
		return nil, err
	}
	switch place {
	case tooFar:
		return nil, g.notProduced(s).hint("the graph ends before that")
	case empty:
		return nil, nil
	}
	return []int32{place}, nil
}

// upgradeWalk answers where the steps lead, and how far they got if that is
// tooFar.
func (g *Graph) upgradeWalk(s specifier, b *branch, rows []int32) (place, last int32, err error) {
	var start int32
	if s.symbol == "" {
		start, err = g.upgradeStart(b, rows)
	} else {
		start, err = g.startSymbol(s, s.steps <= 0)
	}
	if err != nil {
		return 0, 0, err
	}
	if s.steps > 0 {
		return g.walkUp(start, s.steps, b)
	}
	place, err = g.walkDown(start, -s.steps)
	return place, empty, err
}

// upgradeStart is where +N starts: the only row; in a branch the only row
// of its lineage, else the tip of what is applied of it, else the empty state.
func (g *Graph) upgradeStart(b *branch, rows []int32) (int32, error) {
	starts := rows
	if b != nil {
		if starts = b.keep(rows); len(starts) == 0 {
			starts = g.plainTips(b.keep(g.ancestors(rows...).places()))
		}
	}
	switch len(starts) {
	case 0:
		return empty, nil
	case 1:
		return starts[0], nil
	}
	return 0, ambiguousUpgrade(g.ids(starts))
}

func ambiguousUpgrade(rows []string) error {
	return requestErrorf("Ambiguous upgrade from multiple current revisions").
		hint("the current revisions are %s; name a branch (<branchname>@+1) or a revision", strings.Join(rows, ", "))
}

// startSymbol looks up the X of X+N; empty is an answer for base.
func (g *Graph) startSymbol(s specifier, inBranch bool) (int32, error) {
	absolute := specifier{text: s.symbol, symbol: s.symbol}
	if inBranch {
		absolute.branch, absolute.inBranch = s.branch, s.inBranch
	}
	places, err := g.resolve(absolute)
	if err != nil {
		return 0, err
	}
	switch len(places) {
	case 0:
		return empty, nil
	case 1:
		return places[0], nil
	}
	return 0, &MultipleHeadsError{Argument: s.text, Heads: g.at(places)}
}

// plainTips are the members of places that no other one names as a parent.
func (g *Graph) plainTips(places []int32) []int32 {
	parents := make(set, len(g.nodes))
	for _, p := range places {
		for _, parent := range g.nodes[p].down {
			parents[parent] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(places), func(p int32) bool { return parents[p] })
}

func (g *Graph) notProduced(s specifier) *RequestError {
	return requestErrorf("Relative revision %s didn't produce %d migrations", s.relative, max(s.steps, -s.steps))
}

func joinIDs(ids []string) string { return strings.Join(ids, ", ") }
