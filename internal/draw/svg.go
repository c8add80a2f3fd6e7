package draw

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// Sizes of the SVG, in its units.
const (
	columnWidth = 18
	rowHeight   = 26
	margin      = 16
	radius      = 5
	charWidth   = 7.3 // of the monospaced font at 12 units
)

// colors are those of the columns, apart for people with any kind of sight.
func colors() []string {
	return []string{"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#a67c00", "#56b4e9", "#7b4fa3", "#5f6b6d"}
}

// SVG writes the list as a picture that needs nothing else: newest on top, the
// text of each node beside it.
func SVG(w io.Writer, nodes []Node) error {
	places, columns := layout(nodes)
	widest := 0
	for i := range nodes {
		widest = max(widest, utf8.RuneCountInString(label(&nodes[i])))
	}
	textAt := 2*margin + columns*columnWidth
	width, height := textAt+int(float64(widest)*charWidth)+margin, 2*margin+len(nodes)*rowHeight
	p := &writer{w: w}
	p.line(`<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %[1]d %[2]d" role="img" aria-label="Revision graph">`, width, height)
	p.line(`<style>text{font:12px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;fill:#1f2328}.node{stroke-width:2}` +
		`@media (prefers-color-scheme:dark){text{fill:#f0f6fc}}</style>`)
	for i := range nodes {
		for _, e := range places[i].edges {
			p.edge(i, places[i].column, &e)
		}
	}
	for i := range nodes {
		p.node(i, &nodes[i], places[i].column, textAt)
	}
	p.line("</svg>")
	return p.err
}

// label is the text beside a node.
func label(n *Node) string {
	name, message := n.caption()
	if c := n.class(); c == "applied" || c == "current" {
		name += " (" + c + ")"
	}
	return printable(strings.TrimSuffix(name+", "+message, ", "))
}

func x(column int) int { return margin + column*columnWidth + columnWidth/2 }
func y(row int) int    { return margin + row*rowHeight + rowHeight/2 }

// edge curves from its node into the column of the parent, and runs down.
func (p *writer) edge(row, column int, e *edge) {
	dash := ""
	if e.dependency {
		dash = ` stroke-dasharray="3 4"`
	}
	palette := colors()
	path := fmt.Sprintf("M%d %d", x(column), y(row))
	if e.column != column {
		path += fmt.Sprintf("C%d %d %d %d %d %d", x(column), y(row)+rowHeight/2, x(e.column), y(row)+rowHeight/2, x(e.column), y(row+1))
	}
	p.line(`<path d="%sV%d" fill="none" stroke="%s" stroke-width="2"%s/>`, path, y(e.parent), palette[e.column%len(palette)], dash)
}

func (p *writer) node(row int, n *Node, column, textAt int) {
	palette := colors()
	color := palette[column%len(palette)]
	fill := color
	if n.State == Pending {
		fill = "#ffffff"
	}
	p.line(`<g><title>%s</title><circle class="node" cx="%d" cy="%d" r="%d" fill="%s" stroke="%s"/>`, escapeXML(n.ID), x(column), y(row), radius, fill, color)
	if n.State == Current {
		p.line(`<circle cx="%d" cy="%d" r="%d" fill="none" stroke="%s" stroke-width="1.5"/>`, x(column), y(row), radius+3, color)
	}
	p.line(`<text x="%d" y="%d">%s</text></g>`, textAt, y(row)+4, escapeXML(label(n)))
}

func escapeXML(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a strings.Builder doesn't fail
	return b.String()
}
