package revision

import (
	"slices"
	"strings"
	"sync"
)

// A Graph is a checked set of revisions. It is immutable and safe for use by
// several goroutines.
//
// Inside, a revision is its place in load order, so that the walks below are
// over slices of small integers; nothing here recurses, and no walk keeps a
// set per revision, so that a history of 100,000 revisions is one pass.
type Graph struct {
	revisions []*Revision
	nodes     []node
	byID      map[string]int32
	byLabel   map[string]int32 // a label leads to the revision that declares it
	replaced  map[string]int32 // the id of one that was squashed leads to what stands in its place
	heads     []int32          // no children, in load order
	realHeads []int32          // no children and no dependents, in load order
	bases     []int32          // no parents, in load order
	spread    func() [][]string
}

// A node holds a revision's edges, as places in load order.
type node struct {
	down    []int32 // parents, as listed in the file
	deps    []int32 // dependencies, labels resolved, as listed in the file
	next    []int32 // children
	allNext []int32 // children and dependents
	level   int32   // longer than that of everything below
}

// New checks revisions, which are in load order, and links them.
func New(revisions []*Revision) (*Graph, error) {
	g := &Graph{
		revisions: revisions,
		nodes:     make([]node, len(revisions)),
		byID:      make(map[string]int32, len(revisions)),
		byLabel:   make(map[string]int32),
		replaced:  make(map[string]int32),
	}
	g.spread = sync.OnceValue(g.spreadLabels)
	for _, step := range []func() error{g.index, g.link, g.checkCycles} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return g, nil
}

// index names every revision, and refuses ids and labels given twice.
func (g *Graph) index() error {
	for i, r := range g.revisions {
		if err := CheckID(r.ID); err != nil {
			return g.fault(r, "revision", err.Error()).hint("use letters, digits and underscores")
		}
		if first, twice := g.byID[r.ID]; twice {
			return g.fault(r, "revision", "Revision "+r.ID+" is present more than once").
				hint("the other file is %s; give one of them a new id (its children's down_revision too)", g.revisions[first].Path)
		}
		g.byID[r.ID] = int32(i)
	}
	for i, r := range g.revisions {
		for _, id := range r.Replaces {
			if other, there := g.byID[id]; there {
				return g.fault(r, "replaces", "Revision "+r.ID+" replaces "+id+", which is still there").hint("delete %s", g.revisions[other].Path)
			}
			g.replaced[id] = int32(i)
		}
		for _, label := range r.BranchLabels {
			other, taken := g.byLabel[label]
			if !taken {
				other, taken = g.byID[label]
			}
			if taken {
				return g.fault(r, "branch_labels", "Branch name '"+label+"' in revision "+r.ID+
					" already used by revision "+g.revisions[other].ID).hint("choose another label")
			}
			g.byLabel[label] = int32(i)
		}
	}
	return nil
}

// link resolves parents and dependencies and finds heads and bases.
func (g *Graph) link() error {
	for i, r := range g.revisions {
		n := &g.nodes[i]
		for _, id := range r.DownRevisions {
			parent, ok := g.byID[id]
			if !ok {
				return g.missing(r, "down_revision", id)
			}
			n.down = append(n.down, parent)
			below := &g.nodes[parent]
			below.next = append(below.next, int32(i))
			below.allNext = append(below.allNext, int32(i))
		}
		for _, name := range r.DependsOn {
			dependency, ok := g.lookup(name)
			if !ok {
				return g.missing(r, "depends_on", name)
			}
			if slices.Contains(n.deps, dependency) {
				continue // an id and its label
			}
			n.deps = append(n.deps, dependency)
			if below := &g.nodes[dependency]; !slices.Contains(below.allNext, int32(i)) {
				below.allNext = append(below.allNext, int32(i))
			}
		}
	}
	for i, n := range g.nodes {
		if len(n.next) == 0 {
			g.heads = append(g.heads, int32(i))
		}
		if len(n.allNext) == 0 {
			g.realHeads = append(g.realHeads, int32(i))
		}
		if len(n.down) == 0 {
			g.bases = append(g.bases, int32(i))
		}
	}
	return nil
}

// ReplacedBy is the revision that another one was squashed into, or nil.
func (g *Graph) ReplacedBy(id string) *Revision {
	if i, ok := g.replaced[id]; ok {
		return g.revisions[i]
	}
	return nil
}

// lookup finds a revision by its id or by a label that its file declares.
func (g *Graph) lookup(name string) (int32, bool) {
	if i, ok := g.byID[name]; ok {
		return i, true
	}
	i, ok := g.byLabel[name]
	return i, ok
}

// below calls yield for each parent, then for each dependency that is not one.
func (n *node) below(yield func(int32) bool) {
	for _, p := range n.down {
		if !yield(p) {
			return
		}
	}
	for _, d := range n.deps {
		if !slices.Contains(n.down, d) && !yield(d) {
			return
		}
	}
}

// Len is the number of revisions.
func (g *Graph) Len() int { return len(g.revisions) }

// Revisions are all revisions in load order. The slice is the graph's own.
func (g *Graph) Revisions() []*Revision { return g.revisions }

// Get is the revision with exactly this id, or nil.
func (g *Graph) Get(id string) *Revision {
	if i, ok := g.byID[id]; ok {
		return g.revisions[i]
	}
	return nil
}

// Place is r's place in load order, from 0.
func (g *Graph) Place(r *Revision) int { return int(g.byID[r.ID]) }

// Heads are the revisions without children, in load order: Alembic's
// "versioned" heads, somebody's dependencies included.
func (g *Graph) Heads() []*Revision { return g.at(g.heads) }

// RealHeads are the revisions without children and without dependents, in
// load order: what "upgrade heads" leads to.
func (g *Graph) RealHeads() []*Revision { return g.at(g.realHeads) }

// Bases are the revisions without parents, in load order.
func (g *Graph) Bases() []*Revision { return g.at(g.bases) }

// Children are the revisions that name r as a parent, in load order.
func (g *Graph) Children(r *Revision) []*Revision { return g.at(g.nodes[g.byID[r.ID]].next) }

// Dependents are the revisions that name r as a parent or a dependency.
func (g *Graph) Dependents(r *Revision) []*Revision { return g.at(g.nodes[g.byID[r.ID]].allNext) }

// Labels are the branch labels that reach r, sorted: those of its file and
// those that spread to it along its branch.
func (g *Graph) Labels(r *Revision) []string { return g.spread()[g.byID[r.ID]] }

// Marks are what lists show beside a revision.
type Marks struct {
	Head        bool // no children
	Effective   bool // a head that somebody depends on
	BranchPoint bool // two children or more
	MergePoint  bool // two parents or more
}

// Marks are r's.
func (g *Graph) Marks(r *Revision) Marks {
	n := &g.nodes[g.byID[r.ID]]
	return Marks{
		Head:        len(n.next) == 0,
		Effective:   len(n.next) == 0 && len(n.allNext) > 0,
		BranchPoint: len(n.next) > 1,
		MergePoint:  len(n.down) > 1,
	}
}

func (g *Graph) at(places []int32) []*Revision {
	revisions := make([]*Revision, len(places))
	for i, p := range places {
		revisions[i] = g.revisions[p]
	}
	return revisions
}

// ids are the ids of places, in the same order.
func (g *Graph) ids(places []int32) []string {
	ids := make([]string, len(places))
	for i, p := range places {
		ids[i] = g.revisions[p].ID
	}
	return ids
}

// A set is a set of revisions, a flag for each place in load order.
type set []bool

func (s set) size() (n int) {
	for _, in := range s {
		if in {
			n++
		}
	}
	return n
}

// places are the members in load order.
func (s set) places() (places []int32) {
	for i, in := range s {
		if in {
			places = append(places, int32(i))
		}
	}
	return places
}

// ancestors are the starts and everything below them, dependencies included.
func (g *Graph) ancestors(starts ...int32) set {
	return g.reach(starts, func(n *node, yield func(int32) bool) { n.below(yield) })
}

// plainAncestors are the same through parents only.
func (g *Graph) plainAncestors(starts ...int32) set {
	return g.reach(starts, func(n *node, yield func(int32) bool) { each(n.down, yield) })
}

// descendants are the starts and everything above them, dependents included.
func (g *Graph) descendants(starts ...int32) set {
	return g.reach(starts, func(n *node, yield func(int32) bool) { each(n.allNext, yield) })
}

// plainDescendants are the same through children only.
func (g *Graph) plainDescendants(starts ...int32) set {
	return g.reach(starts, func(n *node, yield func(int32) bool) { each(n.next, yield) })
}

func each(places []int32, yield func(int32) bool) {
	for _, p := range places {
		if !yield(p) {
			return
		}
	}
}

// reach is everything that can be reached from starts by edges.
func (g *Graph) reach(starts []int32, edges func(*node, func(int32) bool)) set {
	seen := make(set, len(g.nodes))
	var todo []int32
	visit := func(i int32) bool {
		if !seen[i] {
			seen[i] = true
			todo = append(todo, i)
		}
		return true
	}
	each(starts, visit)
	for len(todo) > 0 {
		i := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		edges(&g.nodes[i], visit)
	}
	return seen
}

// lineage is everything below and above i through parents and children; with
// dependencies also through those.
func (g *Graph) lineage(i int32, dependencies bool) set {
	var down, up set
	if dependencies {
		down, up = g.ancestors(i), g.descendants(i)
	} else {
		down, up = g.plainAncestors(i), g.plainDescendants(i)
	}
	for i, in := range up {
		down[i] = down[i] || in
	}
	return down
}

// spreadLabels gives each revision the labels that reach it: from the
// declaring revision upwards through children, and from the last descendant
// visited downwards until a branch point (dependents count) or a merge point.
// In a straight chain a label so shows on all of it.
func (g *Graph) spreadLabels() [][]string {
	labels := make([][]string, len(g.nodes))
	add := func(i int32, from []string) {
		for _, label := range from {
			if !slices.Contains(labels[i], label) {
				labels[i] = append(labels[i], label)
			}
		}
	}
	for i, r := range g.revisions {
		if len(r.BranchLabels) == 0 {
			continue
		}
		last := g.eachDescendant(int32(i), func(d int32) { add(d, r.BranchLabels) })
		for {
			n := &g.nodes[last]
			if len(n.allNext) > 1 || len(n.down) > 1 {
				break
			}
			add(last, r.BranchLabels)
			if len(n.down) == 0 {
				break
			}
			last = n.down[0]
		}
	}
	for i := range labels {
		slices.SortFunc(labels[i], strings.Compare)
	}
	return labels
}

// eachDescendant visits start and all above it through children, depth first
// and the last child first, and answers the one visited last.
func (g *Graph) eachDescendant(start int32, visit func(int32)) (last int32) {
	seen := make(set, len(g.nodes))
	todo := []int32{start}
	for len(todo) > 0 {
		i := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if seen[i] {
			continue
		}
		seen[i] = true
		visit(i)
		last = i
		todo = append(todo, g.nodes[i].next...)
	}
	return last
}
