package revision

import "slices"

// order sorts the revisions of todo, newest first, from the tips starts: it
// stays on one branch for as long as it can, takes a merge point's first
// parent first, and never comes to a revision before all that stand on it.
// todo must hold whatever lies between two of its members.
//
// The rule is Alembic's: a list of tips and a cursor. The tip under the cursor
// is emitted and its first parent takes its place, the others go to the end;
// when something still stands on the tip, the cursor moves to the first tip of
// the list that does.
func (g *Graph) order(todo set, starts []int32) []int32 {
	o := newOrdering(g, todo, starts)
	result := make([]int32, 0, todo.size())
	for len(o.tips) > 0 {
		tip := o.tips[o.cursor]
		if o.waiting[tip] > 0 {
			o.cursor = o.firstAbove(tip)
			continue
		}
		result = append(result, tip)
		o.emit(tip)
	}
	return result
}

type ordering struct {
	g       *Graph
	todo    set
	tips    []int32
	inTips  set
	cursor  int
	waiting []int32 // members of todo that stand directly on it and are not emitted
	seen    []int32 // the number of the search that last saw it
	search  int32
}

func newOrdering(g *Graph, todo set, starts []int32) *ordering {
	o := &ordering{
		g: g, todo: todo, inTips: make(set, len(g.nodes)),
		waiting: make([]int32, len(g.nodes)), seen: make([]int32, len(g.nodes)),
	}
	for _, i := range slices.Sorted(slices.Values(starts)) { // load order
		if todo[i] && !o.inTips[i] {
			o.inTips[i] = true
			o.tips = append(o.tips, i)
		}
	}
	for i, in := range todo {
		if in {
			g.nodes[i].below(func(p int32) bool { o.waiting[p]++; return true })
		}
	}
	return o
}

// emit replaces the tip under the cursor by what it stands on.
func (o *ordering) emit(tip int32) {
	o.inTips[tip] = false
	placed := false
	o.g.nodes[tip].below(func(p int32) bool {
		o.waiting[p]--
		return true
	})
	for _, p := range o.g.standsOn(tip) {
		if !o.todo[p] || o.inTips[p] {
			continue
		}
		o.inTips[p] = true
		if placed {
			o.tips = append(o.tips, p)
		} else {
			o.tips[o.cursor], placed = p, true
		}
	}
	if !placed {
		o.tips = slices.Delete(o.tips, o.cursor, o.cursor+1)
		o.cursor = max(o.cursor-1, 0)
	}
}

// firstAbove is the place in the list of the first tip that stands on at. It
// searches downwards, tip by tip, and never sees a revision twice nor one that
// is too low to stand on at.
func (o *ordering) firstAbove(at int32) int {
	o.search++
	floor := o.g.nodes[at].level
	var todo []int32
	for place, tip := range o.tips {
		if tip == at {
			continue
		}
		todo = append(todo[:0], tip)
		for len(todo) > 0 {
			i := todo[len(todo)-1]
			todo = todo[:len(todo)-1]
			if i == at {
				return place
			}
			o.g.nodes[i].below(func(p int32) bool {
				if o.seen[p] != o.search && (o.g.nodes[p].level > floor || p == at) && o.todo[p] {
					todo = append(todo, p)
					if p != at {
						o.seen[p] = o.search
					}
				}
				return true
			})
		}
	}
	return o.cursor // not reached: whatever waits has a tip above it
}

// standsOn are i's parents in order and then its dependencies, less those that
// one of its plain ancestors has too.
func (g *Graph) standsOn(i int32) []int32 {
	n := &g.nodes[i]
	if len(n.deps) == 0 {
		return n.down
	}
	result := slices.Clone(n.down)
	var below set
	for _, d := range n.deps {
		if slices.Contains(result, d) {
			continue
		}
		inherited := false
		for _, above := range g.nodes[d].allNext {
			if above == i || !slices.Contains(g.nodes[above].deps, d) {
				continue
			}
			if below == nil {
				below = g.plainAncestors(i)
			}
			inherited = inherited || below[above]
		}
		if !inherited {
			result = append(result, d)
		}
	}
	return result
}
