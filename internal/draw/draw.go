// Package draw makes pictures of a revision graph: lanes for a terminal, and
// Mermaid, DOT and SVG for documents. It is given a list in which children
// stand in front of their parents, and decides nothing about it. It imports the
// standard library alone.
package draw

import "slices"

// A Node is a revision.
type Node struct {
	ID      string
	Message string
	Labels  []string
	// Parents and DependsOn are ids. Those that the list doesn't have are left
	// out of the picture.
	Parents   []string
	DependsOn []string
	Head      bool
	State     State
}

// A State says whether a revision is applied.
type State int

// The states.
const (
	Unknown State = iota // nobody asked the database
	Pending
	Applied
	Current // a row of the version table
)

// An edge leads from a node down to one that it stands on.
type edge struct {
	parent     int // its place in the list
	column     int // that it runs down in: the parent's
	opens      bool
	dependency bool
}

// A place is where a node stands, and what begins there.
type place struct {
	column int
	edges  []edge
}

// A lane is a column on its way down to a node; free where target is -1.
type lane struct {
	target     int
	dependency bool // only dependencies run in it so far
}

// layout gives every node a row, its place in the list, and a column.
func layout(nodes []Node) (places []place, columns int) {
	places, columns = make([]place, len(nodes)), 1
	walk(nodes, func(i int, p *place, _, below []lane) {
		places[i], columns = *p, max(columns, p.column+1, len(below))
	})
	return places, columns
}

// walk visits the nodes from top to bottom. There is one lane for each node
// that is still to come, which all edges to it join right below where they
// begin; so the picture is as narrow as can be without a look ahead. visit gets
// the lanes above the node and below it, which are its own only until it
// returns.
func walk(nodes []Node, visit func(i int, p *place, above, below []lane)) {
	index := make(map[string]int, len(nodes))
	for i := range nodes {
		index[nodes[i].ID] = i
	}
	var lanes, above []lane
	columnOf := make(map[int]int) // of the lane to a node
	for i := range nodes {
		p := &place{}
		above = append(above[:0], lanes...)
		column, expected := columnOf[i]
		if expected {
			delete(columnOf, i)
		} else {
			column, lanes = freeColumn(lanes)
		}
		p.column = column
		lanes[column] = lane{target: -1}
		for _, e := range below(&nodes[i], index) {
			taken, exists := columnOf[e.parent]
			switch {
			case exists:
				e.column = taken
				lanes[taken].dependency = lanes[taken].dependency && e.dependency
			case lanes[column].target < 0: // the first that has no lane yet goes straight down
				e.column, e.opens = column, true
			default:
				e.column, lanes = freeColumn(lanes)
				e.opens = true
			}
			if e.opens {
				lanes[e.column] = lane{target: e.parent, dependency: e.dependency}
				columnOf[e.parent] = e.column
			}
			p.edges = append(p.edges, e)
		}
		for len(lanes) > 0 && lanes[len(lanes)-1].target < 0 {
			lanes = lanes[:len(lanes)-1]
		}
		visit(i, p, above, lanes)
	}
}

// below are the edges of a node: parents, then dependencies that are none.
func below(n *Node, index map[string]int) []edge {
	var edges []edge
	for kind, ids := range [][]string{n.Parents, n.DependsOn} {
		for _, id := range ids {
			parent, ok := index[id]
			if ok && !slices.ContainsFunc(edges, func(e edge) bool { return e.parent == parent }) {
				edges = append(edges, edge{parent: parent, dependency: kind == 1})
			}
		}
	}
	return edges
}

func freeColumn(lanes []lane) (int, []lane) {
	for i := range lanes {
		if lanes[i].target < 0 {
			return i, lanes
		}
	}
	return len(lanes), append(lanes, lane{target: -1})
}
