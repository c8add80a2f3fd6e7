package revision

import (
	"slices"
	"strings"
)

// Downgrade plans the way from the version rows down to target.
func (g *Graph) Downgrade(rows []string, target string) (*Plan, error) {
	s, err := parseTarget(target, true)
	if err != nil {
		return nil, err
	}
	if !s.fromRows() || s.steps >= 0 { // as in Upgrade
		if _, _, err := g.downgradeRoots(s, nil); err != nil {
			return nil, nameWhole(err, target)
		}
	}
	current, err := g.rowsOf(rows)
	if err != nil {
		return nil, err
	}
	roots, to, err := g.downgradeRoots(s, current)
	if err != nil {
		return nil, nameWhole(err, target)
	}
	st := g.newState(current, rows)
	drop := g.descendants(roots...)
	for i, applied := range st.applied {
		drop[i] = drop[i] && applied
	}
	if to != empty && drop.size() == 0 && !slices.Contains(current, to) {
		return nil, g.notBelow(target, to, st.applied)
	}
	order := g.order(drop, current)
	st.steps = make([]Step, 0, len(order))
	for _, i := range order {
		st.down(i)
	}
	return st.plan(), nil
}

// downgradeRoots are the lowest revisions to undo, and what they stand on.
func (g *Graph) downgradeRoots(s specifier, rows []int32) (roots []int32, to int32, err error) {
	b, to, err := g.downgradeTarget(s, rows)
	if err != nil {
		return nil, 0, err
	}
	roots = g.bases
	if to != empty {
		roots = g.nodes[to].next
	}
	if b != nil {
		roots, err = g.rootsInBranch(b, roots, to)
	}
	return roots, to, err
}

// rootsInBranch keeps of the roots to undo those that the branch stands on.
func (g *Graph) rootsInBranch(b *branch, roots []int32, to int32) ([]int32, error) {
	if len(roots) < 2 {
		return roots, nil
	}
	below := g.plainAncestors(b.of)
	kept := slices.DeleteFunc(slices.Clone(roots), func(r int32) bool { return !below[r] })
	if len(kept) == 0 {
		e := requestErrorf("Not a valid downgrade target from current heads")
		if to != empty {
			e.hint("%s is not below the branch of %s", g.revisions[to].ID, g.revisions[b.of].ID)
		}
		return nil, e
	}
	return kept, nil
}

func (g *Graph) notBelow(target string, to int32, applied set) error {
	e := requestErrorf("Destination %s is not a valid downgrade target from current head(s)", target)
	if applied[to] {
		return e.hint("%s is applied, but nothing that stands on it is; there is nothing to undo", g.revisions[to].ID)
	}
	return e.hint("%s is not applied", g.revisions[to].ID)
}

// downgradeTarget finds the branch to stay in and the revision to end at.
func (g *Graph) downgradeTarget(s specifier, rows []int32) (*branch, int32, error) {
	if s.relative == "" {
		return g.absoluteDowngrade(s)
	}
	switch {
	case s.steps >= 0 && s.symbol == "":
		return nil, 0, g.notProduced(s).hint("downgrade takes -N; upgrade takes +N")
	case s.symbol == "":
		return g.downgradeFromRows(s, rows)
	}
	b, err := g.branchOf(s)
	if err != nil {
		return nil, 0, err
	}
	start, err := g.startSymbol(s, s.steps < 0)
	if err != nil {
		return nil, 0, err
	}
	var to int32
	if s.steps >= 0 {
		to, _, err = g.walkUp(start, s.steps, b)
	} else {
		to, err = g.walkDown(start, -s.steps)
	}
	if err == nil && to == tooFar {
		err = requestErrorf("Walked too far").hint("the graph ends before %s", s.text)
	}
	return b, to, err
}

// absoluteDowngrade resolves the target without looking at the branch, which
// only narrows down what is undone.
func (g *Graph) absoluteDowngrade(s specifier) (*branch, int32, error) {
	target := specifier{text: s.symbol, symbol: s.symbol}
	if s.inBranch && s.symbol == "" {
		target = s // for its error
	}
	places, err := g.resolve(target)
	if err != nil {
		return nil, 0, err
	}
	b, err := g.branchOf(s)
	switch {
	case err != nil:
		return nil, 0, err
	case len(places) == 0:
		return b, empty, nil
	case len(places) > 1:
		return nil, 0, &MultipleHeadsError{Argument: s.text, Heads: g.at(places)}
	}
	return b, places[0], nil
}

// downgradeFromRows is -N: N below the only row, in a branch below the only
// row, or else the only applied tip, of its lineage.
func (g *Graph) downgradeFromRows(s specifier, rows []int32) (*branch, int32, error) {
	if len(rows) == 0 {
		return nil, 0, g.notProduced(s).hint("nothing is applied")
	}
	b, err := g.branchOf(s)
	if err != nil {
		return nil, 0, err
	}
	starts := b.keep(rows)
	if len(starts) == 0 {
		starts = b.keep(g.plainTips(g.ancestors(rows...).places()))
	}
	switch len(starts) {
	case 0:
		return nil, 0, g.notProduced(s).hint("nothing of branch '%s' is applied", s.branch)
	case 1:
	default:
		return nil, 0, requestErrorf("downgrade %s from multiple heads is ambiguous", s.text).
			hint("the current revisions are %s; name a branch (<branchname>@%s) or a revision",
				strings.Join(g.ids(starts), ", "), s.relative)
	}
	to, err := g.walkDown(starts[0], -s.steps)
	if err == nil && to == tooFar {
		err = g.notProduced(s).hint("the graph ends before that")
	}
	if b == nil { // of several roots, undo those below the row
		b = &branch{of: starts[0]}
	}
	return b, to, err
}
