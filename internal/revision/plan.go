package revision

import (
	"slices"
)

// A Direction is what a step does with its revision.
type Direction string

// The directions.
const (
	Up    Direction = "up"    // run the up section
	Down  Direction = "down"  // run the down section
	Stamp Direction = "stamp" // change version rows, run nothing
)

// A Step is one transaction's worth of a plan: the revision whose section
// runs, and the rows of the version table that the same transaction removes
// and adds.
type Step struct {
	Revision  *Revision
	Direction Direction
	// Removes and Adds are ids. No step does both to the same id.
	Removes, Adds []string
}

// A Plan is a way from one state of the version table to another.
type Plan struct {
	// From and To are the version rows before and after, sorted.
	From, To []string
	// Purge tells that all of From is deleted before the first step.
	Purge bool
	Steps []Step
}

// HeadsAfter calls yield with each step and the version rows after it,
// sorted. The slice is reused: yield must copy what it keeps.
func (p *Plan) HeadsAfter(yield func(*Step, []string) bool) {
	var rows []string
	if !p.Purge {
		rows = slices.Clone(p.From)
	}
	for i := range p.Steps {
		step := &p.Steps[i]
		rows = step.Apply(rows)
		if !yield(step, rows) {
			return
		}
	}
}

// Apply changes the sorted rows as the step does and answers them, sorted.
func (s *Step) Apply(rows []string) []string {
	for _, id := range s.Removes {
		if at, found := slices.BinarySearch(rows, id); found {
			rows = slices.Delete(rows, at, at+1)
		}
	}
	for _, id := range s.Adds {
		if at, found := slices.BinarySearch(rows, id); !found {
			rows = slices.Insert(rows, at, id)
		}
	}
	return rows
}

// rowsOf looks the version table's rows up. A row that no file has is an
// error, and so are rows of which one is below another.
func (g *Graph) rowsOf(rows []string) ([]int32, error) {
	places := make([]int32, 0, len(rows))
	for _, id := range slices.Sorted(slices.Values(rows)) {
		place, ok := g.byID[id]
		if !ok {
			return nil, &UnknownRevisionError{Argument: id, InDatabase: true}
		}
		places = append(places, place)
	}
	return places, nil
}

// overlap refuses revisions of which one is below another.
func (g *Graph) overlap(places []int32, hint string) error {
	if len(places) < 2 {
		return nil
	}
	for i, place := range places {
		others := slices.Concat(places[:i], places[i+1:])
		below := g.ancestors(place)
		var covered []string
		for _, other := range others {
			if other != place && below[other] {
				covered = append(covered, g.revisions[other].ID)
			}
		}
		if len(covered) > 0 {
			slices.Sort(covered)
			return requestErrorf("Requested revision %s overlaps with other requested revisions %s",
				g.revisions[place].ID, joinIDs(covered)).hint("%s", hint)
		}
	}
	return nil
}

// A state is what is applied while a plan is made: it knows at each moment
// which rows the version table must hold, the maximal applied revisions.
type state struct {
	g       *Graph
	applied set
	above   []int32 // how many applied revisions stand directly on each
	steps   []Step
	from    []string
}

func (g *Graph) newState(rows []int32, from []string) *state {
	s := &state{g: g, applied: g.ancestors(rows...), above: make([]int32, len(g.nodes)), from: from}
	for i, in := range s.applied {
		if in {
			g.nodes[i].below(func(p int32) bool { s.above[p]++; return true })
		}
	}
	return s
}

// up applies i: every row directly below it goes, since i stands on it now.
func (s *state) up(i int32) {
	step := Step{Revision: s.g.revisions[i], Direction: Up, Adds: []string{s.g.revisions[i].ID}}
	s.g.nodes[i].below(func(p int32) bool {
		if s.above[p]++; s.above[p] == 1 {
			step.Removes = append(step.Removes, s.g.revisions[p].ID)
		}
		return true
	})
	s.applied[i] = true
	s.steps = append(s.steps, step)
}

// down undoes i: what nothing applied stands on any more becomes a row again.
func (s *state) down(i int32) {
	step := Step{Revision: s.g.revisions[i], Direction: Down, Removes: []string{s.g.revisions[i].ID}}
	s.g.nodes[i].below(func(p int32) bool {
		if s.above[p]--; s.above[p] == 0 {
			step.Adds = append(step.Adds, s.g.revisions[p].ID)
		}
		return true
	})
	s.applied[i] = false
	s.steps = append(s.steps, step)
}

func (s *state) plan() *Plan { return newPlan(s.from, false, s.steps) }

func newPlan(from []string, purge bool, steps []Step) *Plan {
	p := &Plan{From: slices.Sorted(slices.Values(from)), Purge: purge, Steps: steps}
	if !purge {
		p.To = slices.Clone(p.From)
	}
	for i := range steps {
		s := &steps[i] // rows that overlap hold what a step would add, or lack what it would remove
		s.Removes = slices.DeleteFunc(s.Removes, func(id string) bool { return !slices.Contains(p.To, id) })
		s.Adds = slices.DeleteFunc(s.Adds, func(id string) bool { return slices.Contains(p.To, id) })
		p.To = s.Apply(p.To)
	}
	return p
}
