package revision

import (
	"slices"
	"strconv"
	"strings"
)

// Stamp plans how the version rows become those of the targets, without
// running anything. With purge the rows are taken as gone, known or not.
func (g *Graph) Stamp(rows []string, targets []string, purge bool) (*Plan, error) {
	var current []int32
	if !purge {
		var err error
		if current, err = g.rowsOf(rows); err != nil {
			return nil, err
		}
	}
	related, dests, err := g.stampTargets(current, targets)
	if err != nil {
		return nil, err
	}
	st := &stamping{g: g, rows: current, related: related}
	if len(dests) == 0 {
		for _, row := range related {
			st.remove(row)
		}
	}
	for _, dest := range dests {
		if slices.Contains(related, dest) || slices.Contains(st.rows, dest) {
			continue
		}
		st.move(dest)
	}
	return newPlan(rows, purge, st.steps), nil
}

// stampTargets answers the rows that share a lineage with any target, and
// where they go.
func (g *Graph) stampTargets(current []int32, targets []string) (related, dests []int32, err error) {
	inRelated := make(set, len(g.nodes))
	for _, text := range targets {
		s := parseAbsolute(text)
		if n, err := strconv.Atoi(s.symbol); err == nil && n < 0 && len(current) > 0 {
			// "-1" would mean below the head, where people mean below the rows.
			if _, err := g.branchOf(s); err != nil {
				return nil, nil, err
			}
			return nil, nil, &UnknownRevisionError{Argument: s.symbol, Reason: "stamp takes no relative revision"}
		}
		places, err := g.resolve(s)
		if err != nil {
			return nil, nil, stampHeads(err)
		}
		if s.inBranch && len(current) > 0 && len(places) == 1 && s.symbol != "head" && s.symbol != "heads" {
			// Rows are compared with the revision alone, and there the branch
			// doesn't help to shorten an id.
			if _, err := g.findName(s.symbol, nil); err != nil {
				return nil, nil, err
			}
		}
		dests = append(dests, places...)
		lines := places
		if b, _ := g.branchOf(s); b != nil {
			lines = append(slices.Clone(places), b.of)
		}
		if len(lines) == 0 { // base: every row
			lines = current
		}
		for _, line := range lines {
			lineage := g.lineage(line, true)
			for _, row := range current {
				inRelated[row] = inRelated[row] || lineage[row]
			}
		}
	}
	for _, row := range current {
		if inRelated[row] {
			related = append(related, row)
		}
	}
	return related, dests, nil
}

func stampHeads(err error) error {
	if heads, ok := err.(*MultipleHeadsError); ok { //nolint:errorlint // made just now by resolve
		heads.message = "Multiple heads are present; please specify a single target revision"
	}
	return err
}

// A stamping collects steps over rows.
type stamping struct {
	g       *Graph
	rows    []int32 // the version rows at this moment
	related []int32 // those that the targets have to do with, at the start
	steps   []Step
}

func (s *stamping) remove(row int32) {
	s.steps = append(s.steps, Step{
		Revision: s.g.revisions[row], Direction: Stamp, Removes: []string{s.g.revisions[row].ID},
	})
	s.rows = slices.DeleteFunc(s.rows, func(r int32) bool { return r == row })
}

// move makes dest a row. When a related row lies above or below it, all that
// are still there collapse into it; otherwise it joins them.
func (s *stamping) move(dest int32) {
	step := Step{Revision: s.g.revisions[dest], Direction: Stamp}
	below, above := s.g.ancestors(dest), s.g.descendants(dest)
	onLine := func(row int32) bool { return below[row] || above[row] }
	collapse := onLine
	if slices.ContainsFunc(s.related, onLine) {
		collapse = func(row int32) bool { return onLine(row) || slices.Contains(s.related, row) }
	}
	var kept []int32
	for _, row := range s.rows {
		if collapse(row) {
			step.Removes = append(step.Removes, s.g.revisions[row].ID)
		} else {
			kept = append(kept, row)
		}
	}
	step.Adds = []string{step.Revision.ID}
	s.rows = append(kept, dest)
	s.steps = append(s.steps, step)
}

// Describe is how a log line names the step: "a, b -> c".
func (s *Step) Describe() string {
	from, to := strings.Join(s.Removes, ", "), strings.Join(s.Adds, ", ")
	switch s.Direction {
	case Up:
		from, to = strings.Join(s.Revision.DownRevisions, ", "), s.Revision.ID
	case Down:
		from, to = s.Revision.ID, strings.Join(s.Revision.DownRevisions, ", ")
	case Stamp:
	}
	return from + " -> " + to
}
