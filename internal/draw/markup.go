package draw

import (
	"fmt"
	"io"
	"strings"
)

// class is the word for a state in documents.
func (n *Node) class() string {
	return map[State]string{Pending: "pending", Applied: "applied", Current: "current"}[n.State]
}

// caption is what stands at a node: its id and labels, and the first line of
// its message.
func (n *Node) caption() (name, message string) {
	name = n.ID
	if len(n.Labels) > 0 {
		name += " (" + strings.Join(n.Labels, ", ") + ")"
	}
	if n.Head {
		name += " (head)"
	}
	message, _, _ = strings.Cut(n.Message, "\n")
	return name, message
}

// Mermaid writes the list as a flow chart, parents above their children.
func Mermaid(w io.Writer, nodes []Node) error {
	p := &writer{w: w}
	p.line("flowchart TD")
	// Mermaid reads #quot; and the like; everything else in quotes is text.
	escape := strings.NewReplacer("#", "#35;", `"`, "#quot;", "<", "#lt;", ">", "#gt;", "`", "#96;", "\\", "#92;")
	places, _ := layout(nodes)
	for i := len(nodes) - 1; i >= 0; i-- {
		name, message := nodes[i].caption()
		text := escape.Replace(printable(name))
		if message != "" {
			text += "<br/>" + escape.Replace(printable(message))
		}
		class := ""
		if c := nodes[i].class(); c != "" {
			class = ":::" + c
		}
		p.line("    n%d[\"%s\"]%s", i, text, class)
	}
	for i := len(nodes) - 1; i >= 0; i-- {
		for _, e := range places[i].edges {
			arrow := "-->"
			if e.dependency {
				arrow = "-.->"
			}
			p.line("    n%d %s n%d", e.parent, arrow, i)
		}
	}
	p.line("    classDef applied fill:#d8f0dd,stroke:#2b7a3d,color:#102a16")
	p.line("    classDef current fill:#2b7a3d,stroke:#17502a,color:#ffffff")
	p.line("    classDef pending fill:#ffffff,stroke:#8a8a8a,color:#333333,stroke-dasharray:4 3")
	return p.err
}

// DOT writes the list for Graphviz, newest on top.
func DOT(w io.Writer, nodes []Node) error {
	p := &writer{w: w}
	p.line("digraph revisions {")
	p.line("    rankdir=BT")
	p.line("    node [shape=box, style=\"rounded,filled\", fillcolor=white, fontname=\"Helvetica\", fontsize=10]")
	styles := map[State]string{
		Pending: ", style=\"rounded,dashed\"", Applied: ", fillcolor=\"#d8f0dd\"",
		Current: ", fillcolor=\"#2b7a3d\", fontcolor=white",
	}
	for i := range nodes {
		name, message := nodes[i].caption()
		if message != "" {
			name += "\n" + message
		}
		p.line("    %s [label=%s%s]", quoteDOT(nodes[i].ID), quoteDOT(name), styles[nodes[i].State])
	}
	places, _ := layout(nodes)
	for i, place := range places {
		for _, e := range place.edges {
			style := ""
			if e.dependency {
				style = " [style=dashed]"
			}
			p.line("    %s -> %s%s", quoteDOT(nodes[e.parent].ID), quoteDOT(nodes[i].ID), style)
		}
	}
	p.line("}")
	return p.err
}

// quoteDOT quotes an identifier of the DOT language. A backslash starts one of
// its escapes, and a line break is one.
func quoteDOT(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(printable(lines[i]))
	}
	return `"` + strings.Join(lines, `\n`) + `"`
}

// printable leaves out what no document may hold.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '\ufffe' || r == '\uffff' {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\ufffd"))
}

// A writer remembers its first error.
type writer struct {
	w   io.Writer
	err error
}

func (p *writer) line(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format+"\n", args...)
	}
}
