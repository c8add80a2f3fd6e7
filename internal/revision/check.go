package revision

import (
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/aludel-db/aludel/internal/suggest"
)

// fault is a GraphError at the value of key in r's header. The file is read
// once more to find the place: positions of a hundred thousand healthy files
// need not be kept for the one that is ill.
func (g *Graph) fault(r *Revision, key, message string) *GraphError {
	e := &GraphError{Message: message, Path: r.Path}
	if r.folder == nil {
		return e
	}
	data, err := fs.ReadFile(r.folder, r.name)
	if err != nil {
		return e
	}
	head, _ := parseHeader(r.Path, string(data), true)
	if value, ok := head.values.get(key); ok {
		e.Line, e.Column = value.line, value.column
	}
	return e
}

func (e *GraphError) hint(format string, args ...any) *GraphError {
	e.Hints = append(e.Hints, fmt.Sprintf(format, args...))
	return e
}

// missing is the error for a parent or dependency that no file has.
func (g *Graph) missing(r *Revision, key, name string) error {
	e := g.fault(r, key, "Revision "+r.ID+" names "+name+" as its "+key+", but no file has that revision")
	e.Missing = name
	words := slices.Sorted(maps.Keys(g.byID))
	if key == "depends_on" {
		words = append(words, slices.Sorted(maps.Keys(g.byLabel))...)
	}
	if near := suggest.Closest(name, words); near != "" {
		e.hint("did you mean %s?", near)
	}
	return e.hint("if the file was deleted, bring it back, or let %s follow the revision that the lost one followed", key)
}

// checkCycles gives every revision a level above all that it stands on, and
// refuses a graph in which that can't be done.
func (g *Graph) checkCycles() error {
	for i, n := range g.nodes {
		id := g.revisions[i].ID
		switch {
		case slices.Contains(n.down, int32(i)):
			return g.fault(g.revisions[i], "down_revision", "Self-loop is detected in revisions ("+id+")")
		case slices.Contains(n.deps, int32(i)):
			return g.fault(g.revisions[i], "depends_on", "Dependency self-loop is detected in revisions ("+id+")")
		}
	}
	open := make([]int32, len(g.nodes)) // what is below and has no level yet
	var ready []int32
	for i := range g.nodes {
		g.nodes[i].below(func(int32) bool { open[i]++; return true })
		if open[i] == 0 {
			ready = append(ready, int32(i))
		}
	}
	done := 0
	for ; done < len(ready); done++ {
		n := &g.nodes[ready[done]]
		for _, above := range n.allNext {
			g.nodes[above].level = max(g.nodes[above].level, n.level+1)
			if open[above]--; open[above] == 0 {
				ready = append(ready, above)
			}
		}
	}
	if done == len(g.nodes) {
		return nil
	}
	return g.cycleError(open)
}

// cycleError names the revisions that are caught in a cycle, as Alembic does
// (those that no base or no head leads to), and one cycle in full.
func (g *Graph) cycleError(open []int32) error {
	what, cycle := "Cycle", g.findCycle(open, func(n *node, yield func(int32) bool) { each(n.down, yield) })
	caught := g.unreachable(g.bases, g.heads, g.plainDescendants, g.plainAncestors)
	if cycle == nil {
		what, cycle = "Dependency cycle", g.findCycle(open, func(n *node, yield func(int32) bool) { n.below(yield) })
		var realBases []int32
		for _, b := range g.bases {
			if len(g.nodes[b].deps) == 0 {
				realBases = append(realBases, b)
			}
		}
		caught = g.unreachable(realBases, g.realHeads, g.descendants, g.ancestors)
	}
	if len(caught) == 0 {
		caught = g.ids(cycle)
		slices.Sort(caught)
	}
	e := &GraphError{Message: what + " is detected in revisions (" + strings.Join(caught, ", ") + ")"}
	ids := append(g.ids(cycle), g.revisions[cycle[0]].ID)
	return e.hint("the cycle is %s", strings.Join(ids, " -> ")).
		hint("break it in one of %s", strings.Join(g.paths(cycle), ", "))
}

// unreachable are the ids that can't be reached both from a base and from a
// head: all in load order where there is no base or no head, else sorted.
func (g *Graph) unreachable(bases, heads []int32, up, down func(...int32) set) []string {
	if len(bases) == 0 || len(heads) == 0 {
		ids := make([]string, len(g.revisions))
		for i, r := range g.revisions {
			ids[i] = r.ID
		}
		return ids
	}
	above, below := up(bases...), down(heads...)
	var ids []string
	for i, r := range g.revisions {
		if !above[i] || !below[i] {
			ids = append(ids, r.ID)
		}
	}
	slices.Sort(ids)
	return ids
}

// findCycle walks down from a revision that has no level, always to another
// such, until it meets its own trace; nil where these edges have no cycle.
func (g *Graph) findCycle(open []int32, edges func(*node, func(int32) bool)) []int32 {
	left := make([]int32, len(open)) // edges to revisions that are still in question
	var dead []int32
	for i := range g.nodes {
		if open[i] > 0 {
			edges(&g.nodes[i], func(p int32) bool {
				if open[p] > 0 {
					left[i]++
				}
				return true
			})
		}
		if left[i] == 0 {
			dead = append(dead, int32(i))
		}
	}
	for len(dead) > 0 { // peel off what leads nowhere: the rest has a way on for ever
		i := dead[len(dead)-1]
		dead = dead[:len(dead)-1]
		for _, above := range g.nodes[i].allNext {
			if left[above] > 0 {
				edges(&g.nodes[above], func(p int32) bool {
					if p == i && open[i] > 0 {
						left[above]--
					}
					return true
				})
				if left[above] == 0 {
					dead = append(dead, above)
				}
			}
		}
	}
	at := slices.IndexFunc(left, func(n int32) bool { return n > 0 })
	if at < 0 {
		return nil
	}
	return g.trace(int32(at), left, edges)
}

func (g *Graph) trace(at int32, left []int32, edges func(*node, func(int32) bool)) []int32 {
	place := make(map[int32]int)
	var path []int32
	for {
		if from, met := place[at]; met {
			return path[from:]
		}
		place[at] = len(path)
		path = append(path, at)
		edges(&g.nodes[at], func(p int32) bool {
			if left[p] > 0 {
				at = p
				return false
			}
			return true
		})
	}
}

func (g *Graph) paths(places []int32) []string {
	paths := make([]string, len(places))
	for i, r := range g.at(places) {
		if paths[i] = r.Path; r.Path == "" {
			paths[i] = r.ID
		}
	}
	return paths
}
