package draw

import "strings"

// Lines are what stands beside the text of one node.
type Lines struct {
	// Node is for the first line of its text, Edges for those behind it, and
	// rows of their own where there is no more text.
	Node  string
	Edges []string
	// Below is for further lines of the text.
	Below string
}

// strokes are the characters of lanes.
type strokes struct {
	nodes                    map[State]string
	line, dependency         string // down
	across, acrossDependency string
	cross                    string
	branchLeft, branchRight  string // of a lane that goes on: ┤ ├
	openLeft, openRight      string // of a lane that begins: ╭ ╮
	closeLeft, closeRight    string // of the node's own that ends: ╰ ╯
}

func unicodeStrokes() *strokes {
	return &strokes{
		nodes: map[State]string{Unknown: "●", Pending: "○", Applied: "●", Current: "◉"},
		line:  "│", dependency: "┊", across: "─", acrossDependency: "┄", cross: "┼",
		branchLeft: "┤", branchRight: "├", openLeft: "╭", openRight: "╮", closeLeft: "╰", closeRight: "╯",
	}
}

func asciiStrokes() *strokes {
	return &strokes{
		nodes: map[State]string{Unknown: "*", Pending: "o", Applied: "*", Current: "@"},
		line:  "|", dependency: ":", across: "-", acrossDependency: ".", cross: "+",
		branchLeft: "|", branchRight: "|", openLeft: ".", openRight: ".", closeLeft: "'", closeRight: "'",
	}
}

// Lanes draws the list as "git log --graph" does, newest first, a row for each
// node and one for each edge that leaves its column.
func Lanes(nodes []Node, ascii bool) []Lines {
	s := unicodeStrokes()
	if ascii {
		s = asciiStrokes()
	}
	lines := make([]Lines, len(nodes))
	end := -1 // the column of a base in the row above
	walk(nodes, func(i int, p *place, above, below []lane) {
		if p.column == end {
			// Right below a base, another history would look like its parent.
			lines[i-1].Edges = append(lines[i-1].Edges, lines[i-1].Below)
		}
		if end = p.column; len(p.edges) > 0 {
			end = -1
		}
		lines[i] = s.node(p, nodes[i].State, above, below)
	})
	return lines
}

func (s *strokes) node(p *place, state State, above, below []lane) Lines {
	row := s.lanes(above, p.column)
	row[2*p.column] = s.nodes[state]
	lines := Lines{Node: text(row)}
	// Edges show one after the other: a lane that a later one opens is not
	// there yet, and the node's own column ends with the last.
	own := edgeIn(p.edges, p.column)
	shown := append([]lane(nil), above...)
	for len(shown) <= p.column {
		shown = append(shown, lane{target: -1})
	}
	shown[p.column] = lane{target: -1}
	if own != nil {
		shown[p.column] = below[p.column]
	}
	var across []edge
	for _, e := range p.edges {
		if e.column != p.column {
			across = append(across, e)
		}
	}
	for i, e := range across {
		last := own == nil && i == len(across)-1
		lines.Edges = append(lines.Edges, s.edge(p.column, e, shown, last))
		for len(shown) <= e.column {
			shown = append(shown, lane{target: -1})
		}
		shown[e.column] = lane{target: e.parent, dependency: e.dependency && (e.opens || shown[e.column].dependency)}
	}
	lines.Below = text(s.lanes(below, -1))
	return lines
}

func edgeIn(edges []edge, column int) *edge {
	for i := range edges {
		if edges[i].column == column {
			return &edges[i]
		}
	}
	return nil
}

// edge draws one edge across the lanes. ends tells that the node's own column
// goes no further.
func (s *strokes) edge(from int, e edge, lanes []lane, ends bool) string {
	row := s.lanes(lanes, max(from, e.column))
	across := s.across
	if e.dependency {
		across = s.acrossDependency
	}
	left, right := min(from, e.column), max(from, e.column)
	for at := 2*left + 1; at < 2*right; at++ {
		if row[at] == " " {
			row[at] = across
		} else {
			row[at] = s.cross
		}
	}
	toRight := e.column > from
	switch {
	case ends && toRight:
		row[2*from] = s.closeLeft
	case ends:
		row[2*from] = s.closeRight
	case toRight:
		row[2*from] = s.branchRight
	default:
		row[2*from] = s.branchLeft
	}
	switch {
	case e.opens && toRight:
		row[2*e.column] = s.openRight
	case e.opens:
		row[2*e.column] = s.openLeft
	case toRight:
		row[2*e.column] = s.branchLeft
	default:
		row[2*e.column] = s.branchRight
	}
	return text(row)
}

// lanes is a row of characters, two for each column, at least up to column.
func (s *strokes) lanes(lanes []lane, column int) []string {
	row := make([]string, 2*max(len(lanes), column+1))
	for i := range row {
		row[i] = " "
	}
	for i, l := range lanes {
		switch {
		case l.target < 0:
		case l.dependency:
			row[2*i] = s.dependency
		default:
			row[2*i] = s.line
		}
	}
	return row
}

func text(row []string) string { return strings.TrimRight(strings.Join(row, ""), " ") }
