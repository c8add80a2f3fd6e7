package draw

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

// TestLayout draws graphs at random: every edge runs in the column of the node
// that it leads to, no two lanes share a column, and no lane runs through a
// node that it isn't for.
func TestLayout(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 30).Draw(t, "nodes")
		nodes := make([]Node, n)
		for i := range nodes {
			nodes[i].ID = fmt.Sprint(i)
			for _, p := range rapid.SliceOfN(rapid.IntRange(0, n), 0, 3).Draw(t, "below") {
				if p <= i {
					p = n // not in the list
				}
				if rapid.IntRange(0, 3).Draw(t, "kind") == 0 {
					nodes[i].DependsOn = append(nodes[i].DependsOn, fmt.Sprint(p))
				} else {
					nodes[i].Parents = append(nodes[i].Parents, fmt.Sprint(p))
				}
			}
		}
		places, _ := layout(nodes)
		walk(nodes, func(i int, p *place, _, below []lane) {
			for _, e := range p.edges {
				if e.column != places[e.parent].column {
					t.Fatalf("the edge from %d to %d runs in column %d, and the node is in %d", i, e.parent, e.column, places[e.parent].column)
				}
				if below[e.column].target != e.parent {
					t.Fatalf("the lane of the edge from %d to %d leads to %d", i, e.parent, below[e.column].target)
				}
			}
			targets := map[int]bool{}
			for column, l := range below {
				if l.target < 0 {
					continue
				}
				if targets[l.target] || l.target <= i || places[l.target].column != column {
					t.Fatalf("below %d the lanes are %v", i, below)
				}
				targets[l.target] = true
			}
		})
		Lanes(nodes, false) // must not panic
	})
}
