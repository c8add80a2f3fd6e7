package aludel

import (
	"fmt"
	"io"

	"github.com/aludel-db/aludel/internal/draw"
)

// A PictureFormat is a format of [WritePicture].
type PictureFormat string

// The formats.
const (
	Mermaid PictureFormat = "mermaid" // a flow chart
	DOT     PictureFormat = "dot"     // for Graphviz
	SVG     PictureFormat = "svg"     // complete, with a layout of our own
)

// PictureFormats lists them.
func PictureFormats() []PictureFormat { return []PictureFormat{Mermaid, DOT, SVG} }

// WritePicture draws revisions, in the order of [Migrator.History]: newest
// first. Parents that are not among them are left out.
func WritePicture(w io.Writer, revisions []Revision, format PictureFormat) error {
	write, ok := map[PictureFormat]func(io.Writer, []draw.Node) error{
		Mermaid: draw.Mermaid, DOT: draw.DOT, SVG: draw.SVG,
	}[format]
	if !ok {
		return &RequestError{Message: fmt.Sprintf("there is no picture format %q", format)}
	}
	return write(w, nodes(revisions))
}

// Lanes are the part of a drawing that belongs to one revision.
type Lanes struct {
	// Node stands in front of the revision's text. Edges are rows below it,
	// and Below goes on with the lanes beside further lines of text.
	Node  string
	Edges []string
	Below string
}

// DrawLanes draws revisions, in the order of [Migrator.History], as
// "git log --graph" does: one element for each of them.
func DrawLanes(revisions []Revision, ascii bool) []Lanes {
	drawn := draw.Lanes(nodes(revisions), ascii)
	lanes := make([]Lanes, len(drawn))
	for i, d := range drawn {
		lanes[i] = Lanes(d)
	}
	return lanes
}

func nodes(revisions []Revision) []draw.Node {
	list := make([]draw.Node, len(revisions))
	for i := range revisions {
		r := &revisions[i]
		list[i] = draw.Node{ID: r.ID, Message: r.Message, Labels: r.Labels, Parents: r.DownRevisions, DependsOn: r.DependsOn, Head: r.Head}
		switch {
		case r.Applied == nil:
		case *r.Current:
			list[i].State = draw.Current
		case *r.Applied:
			list[i].State = draw.Applied
		default:
			list[i].State = draw.Pending
		}
	}
	return list
}
