package revision

import (
	"slices"
	"strconv"
	"strings"
)

// wholeHistory is the range that stands where none is given.
const wholeHistory = ":"

// History answers the revisions of a range "[start]:[end]", both ends
// included, newest first; an empty text is the whole graph. "current" stands
// for rows, which the caller need not know for other ranges.
func (g *Graph) History(text string, rows []string) ([]*Revision, error) {
	if text = strings.TrimSpace(text); text == "" {
		text = wholeHistory
	}
	lower, upper, ok := strings.Cut(text, ":")
	if !ok {
		return nil, requestErrorf("History range requires [start]:[end], [start]:, or :[end]")
	}
	if strings.Contains(upper, ":") {
		return nil, requestErrorf("History range requires [start]:[end], [start]:, or :[end]").
			hint("'%s' holds more than one colon", text)
	}
	if lower == "" {
		lower = "base"
	}
	if upper == "" {
		upper = "heads"
	}
	// The end is looked at first, and its name stands in errors, as in Alembic.
	var starts []int32
	end := parseSpecifier(upper, false)
	var err error
	if !end.fromRows() || end.steps <= 0 {
		if _, err = g.historyEnd(upper, nil, rows); err != nil {
			return nil, nameWhole(err, upper)
		}
	}
	if starts, err = g.historyStart(lower, rows); err != nil {
		return nil, nameWhole(err, upper)
	}
	ends, err := g.historyEnd(upper, starts, rows)
	if err != nil {
		return nil, nameWhole(err, upper)
	}
	if ends, err = g.endsInBranch(lower, ends); err != nil {
		return nil, err
	}
	if err := g.overlap(ends, "ask for the higher one alone"); err != nil {
		return nil, err
	}
	return g.between(starts, ends, lower+":"+upper)
}

// between is everything below ends that stands on starts; with no starts,
// everything below ends.
func (g *Graph) between(starts, ends []int32, text string) ([]*Revision, error) {
	whole := g.ancestors(ends...)
	for _, start := range starts {
		if !whole[start] {
			return nil, requestErrorf("Requested range %s does not refer to ancestor/descendant "+
				"revisions along the same branch", text)
		}
	}
	wanted := slices.Clone(whole)
	if len(starts) > 0 {
		above, below := g.plainDescendants(starts...), g.ancestors(starts...)
		for i := range wanted {
			wanted[i] = wanted[i] && above[i] && (!below[i] || slices.Contains(starts, int32(i)))
		}
	}
	sorted := g.order(wanted, ends)
	if len(sorted) < wanted.size() {
		// Some are held together only by revisions outside the range: sort
		// all, and leave those out.
		sorted = slices.DeleteFunc(g.order(whole, ends), func(i int32) bool { return !wanted[i] })
	}
	return g.at(sorted), nil
}

func (g *Graph) historyStart(text string, rows []string) ([]int32, error) {
	if text == "current" {
		return g.rowsOf(rows)
	}
	s := parseAbsolute(text)
	if r, ok := parseRelative(text); ok && r.symbol == "" && r.steps < 0 {
		return g.belowHeadsOrBase(s, -r.steps)
	}
	return g.resolve(s)
}

// belowHeadsOrBase is belowHeads, but a walk past the graph ends at its end.
func (g *Graph) belowHeadsOrBase(s specifier, n int) ([]int32, error) {
	var places []int32
	for _, head := range g.realHeads {
		if s.inBranch && s.branch != "" && !slices.Contains(g.spread()[head], s.branch) {
			continue
		}
		place, err := g.walkDown(head, n)
		if err != nil {
			return nil, err
		}
		if place == empty || place == tooFar {
			return nil, nil
		}
		if !slices.Contains(places, place) {
			places = append(places, place)
		}
	}
	return places, nil
}

func (g *Graph) historyEnd(text string, starts []int32, rows []string) ([]int32, error) {
	if text == "current" {
		if len(rows) == 0 {
			return g.realHeads, nil
		}
		return g.rowsOf(rows)
	}
	s := parseSpecifier(text, false)
	if s.relative == "" {
		return g.resolve(s)
	}
	if s.symbol == "" && s.steps <= 0 {
		s.relative = strconv.Itoa(s.steps) // as in upgrade
		return nil, g.notProduced(s)
	}
	b, err := g.branchOf(s)
	if err != nil {
		return nil, err
	}
	place, last, err := g.upgradeWalk(s, b, starts)
	switch {
	case err != nil:
		return nil, err
	case place == tooFar: // a list simply ends where the graph does
		place = last
	}
	if place == empty {
		return nil, nil
	}
	return []int32{place}, nil
}

// endsInBranch keeps of the upper ends those that carry the label before the
// @ of the lower one.
func (g *Graph) endsInBranch(lower string, ends []int32) ([]int32, error) {
	s := parseAbsolute(lower)
	if !s.inBranch || s.branch == "" {
		return ends, nil
	}
	b, err := g.branchOf(s)
	if err != nil {
		return nil, err
	}
	label := s.branch
	if _, isLabel := g.byLabel[label]; !isLabel {
		return b.keep(ends), nil
	}
	return slices.DeleteFunc(slices.Clone(ends), func(i int32) bool { return !slices.Contains(g.spread()[i], label) }), nil
}

// Current answers what is applied and has no applied child: the rows, and
// beside them the tips that an applied revision depends on. Load order.
func (g *Graph) Current(rows []string) ([]*Revision, error) {
	places, err := g.rowsOf(rows)
	if err != nil {
		return nil, err
	}
	return g.at(g.plainTips(g.ancestors(places...).places())), nil
}

// Applied answers for each revision, in load order, whether it is applied.
// Rows that no file has are left out of account; they are answered apart.
func (g *Graph) Applied(rows []string) (applied []bool, unknown []string) {
	var places []int32
	for _, id := range rows {
		if place, ok := g.byID[id]; ok {
			places = append(places, place)
		} else {
			unknown = append(unknown, id)
		}
	}
	slices.Sort(unknown)
	return g.ancestors(places...), unknown
}

// Rows answers the revisions of the version rows, in byte order of their ids.
func (g *Graph) Rows(rows []string) ([]*Revision, error) {
	places, err := g.rowsOf(rows)
	return g.at(places), err
}
