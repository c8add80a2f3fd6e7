package diff

import (
	"slices"

	"github.com/aludel-db/aludel/internal/catalog"
)

// SetAside puts a table where its name is free, with its rows, because no ALTER
// makes of it what it has to become: a partitioned table of a plain one, or one
// with another key. A [Refill] follows.
type SetAside struct {
	From, To *catalog.Table
	// Sequences are those of its columns that stay.
	Sequences []*catalog.Sequence
	Columns   [][2]*catalog.Column
}

// Refill moves the rows of a table that was set aside into the new one, and
// drops what was set aside.
type Refill SetAside

// Object is From.
func (c SetAside) Object() catalog.Object { return c.From }

// Object is To.
func (c Refill) Object() catalog.Object { return c.To }

// Reverse fills the table that was there before.
func (c SetAside) Reverse() Change { return Refill(c.swapped()) }

// Reverse sets the new table aside.
func (c Refill) Reverse() Change { return SetAside(c).swapped() }

func (c SetAside) swapped() SetAside {
	back := SetAside{From: c.To, To: c.From, Sequences: c.Sequences}
	for _, pair := range c.Columns {
		back.Columns = append(back.Columns, [2]*catalog.Column{pair[1], pair[0]})
	}
	return back
}

// rebuilds has tables that are dropped and created again keep their rows.
func (g *graph) rebuilds() {
	for id, drop := range g.drops {
		from, isTable := g.w.drops[id].(*catalog.Table)
		create := g.makes[id]
		if !isTable || create == nil || from.Server != "" {
			continue
		}
		to := g.w.to.Get(id).(*catalog.Table)
		if to.Server != "" {
			continue
		}
		aside := SetAside{From: from, To: to}
		refill := &node{rank: makeRank(to) + 3, id: id}
		g.edge(create, refill)
		for _, o := range append(g.w.allCarried(id), catalog.Object(from)) { // are there until then
			for _, needed := range o.Base().Needs {
				if gone := g.dropOf(needed); gone != nil && g.makes[gone.id] == nil {
					g.edge(refill, gone)
				}
			}
		}
		for other, n := range g.makes {
			o := n.change.Object()
			switch o := o.(type) {
			case *catalog.Column:
				if tableOf(other) == id {
					g.edge(n, refill)
				}
			case *catalog.Attachment:
				g.edge(n, refill)
			case *catalog.Trigger, *catalog.Rule:
				if tableOf(other) == id {
					g.edge(refill, n)
				}
			case *catalog.Constraint:
				if o.Type == catalog.ForeignKey {
					g.edge(refill, n)
				}
			}
		}
		for o := range g.w.from.Each {
			switch o := o.(type) {
			case *catalog.Column:
				after, stays := g.w.to.Get(o.ID).(*catalog.Column)
				if stays && tableOf(o.ID) == id && after.Generated == "" {
					aside.Columns = append(aside.Columns, [2]*catalog.Column{o, after})
				}
			case *catalog.Sequence:
				_, changes := g.w.alters[o.ID]
				if o.OwnedBy.Name() != "" && tableOf(o.OwnedBy) == id && g.w.to.Get(o.ID) != nil && !changes && g.w.drops[o.ID] == nil {
					aside.Sequences = append(aside.Sequences, o)
				}
			}
		}
		slices.SortFunc(aside.Columns, func(a, b [2]*catalog.Column) int { return a[1].Position - b[1].Position })
		slices.SortFunc(aside.Sequences, func(a, b *catalog.Sequence) int { return a.ID.Compare(b.ID) })
		drop.change, refill.change = aside, Refill(aside)
		g.refills = append(g.refills, refill)
	}
}
