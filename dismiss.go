package aludel

import (
	"fmt"

	"github.com/aludel-db/aludel/internal/catalog"
)

// dismissal is what [AutogenerateOptions].Keep has left out: it is the same in
// all states that are compared.
type dismissal struct {
	// gone are objects that no state has, by kind and name: those that would be
	// made or dropped.
	gone map[string]bool
	// asBefore are objects that would be altered, and are what they were.
	asBefore []catalog.ID
	before   *catalog.Catalog
}

// none tells that nothing was left out.
func (d *dismissal) none() bool { return len(d.gone)+len(d.asBefore) == 0 }

// apply makes a state one in which the changes have not been asked for.
func (d *dismissal) apply(s *Snapshot) {
	if len(d.gone) > 0 {
		s.catalog = s.catalog.Without(func(o catalog.Object) bool { return d.gone[o.Base().ID.String()] })
	}
	s.catalog = s.catalog.With(d.before, d.asBefore)
}

// dismiss leaves out the changes that are not to be written, and what can't be
// without them.
func (g *autogeneration) dismiss() error {
	if g.options.Keep == nil || len(g.result.Difference.Changes) == 0 {
		return nil
	}
	kept, err := g.options.Keep(g.result.Difference)
	if err != nil {
		return err
	}
	keep := map[string]bool{}
	for _, c := range kept {
		keep[c.Kind+" "+c.Object] = true
	}
	d := &dismissal{gone: map[string]bool{}, before: g.renamed.catalog}
	altered := map[string]bool{}
	for i, c := range g.result.Difference.Changes {
		name := c.Kind + " " + c.Object
		if keep[name] {
			continue
		}
		g.result.Dismissed = append(g.result.Dismissed, name)
		switch {
		case i < len(g.renamed.renames):
			return fmt.Errorf("the rename of %s to %s was asked for, and then left out", c.Was, c.Object)
		case c.Action == "alter" || c.Action == "replace":
			altered[name] = true
		default:
			d.gone[name] = true
			if c.Was != "" {
				d.gone[c.Kind+" "+c.Was] = true
			}
		}
	}
	for o := range g.renamed.catalog.Each {
		if id := o.Base().ID; altered[id.String()] {
			d.asBefore = append(d.asBefore, id)
		}
	}
	g.spread(d, g.renamed.catalog, g.want.catalog, keep)
	g.spread(d, g.want.catalog, g.renamed.catalog, nil)
	if d.none() {
		return nil
	}
	g.dismissal = d
	for _, s := range []*Snapshot{g.base, g.copy, g.renamed, g.want} {
		if s != nil {
			d.apply(s)
		}
	}
	g.result.Difference, err = Diff(g.renamed, g.want, g.diff)
	return err
}

// spread leaves out what one state alone has and what needs something that is
// left out: what a table that stays has in it, what a table that isn't made would
// have. Those to keep are dropped though their table stays.
func (g *autogeneration) spread(d *dismissal, in, other *catalog.Catalog, keep map[string]bool) {
	for found := true; found; {
		found = false
		for o := range in.Each {
			name := o.Base().ID.String()
			if d.gone[name] || keep[name] || other.Get(o.Base().ID) != nil {
				continue
			}
			for _, needed := range o.Base().Needs {
				if d.gone[needed.String()] {
					d.gone[name], found = true, true
					if keep == nil {
						g.result.Dismissed = append(g.result.Dismissed, name)
					}
					break
				}
			}
		}
	}
}
