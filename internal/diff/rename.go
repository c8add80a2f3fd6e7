package diff

import (
	"slices"
	"strings"

	"github.com/aludel-db/aludel/internal/catalog"
)

// Rename gives an object another name; nothing else about it changes.
type Rename struct{ From, To catalog.Object }

// Object is To.
func (c Rename) Object() catalog.Object { return c.To }

// Reverse gives it the old name.
func (c Rename) Reverse() Change { return Rename{From: c.To, To: c.From} }

// adopt finds what is the same in both catalogs but for its name, and holds no
// data that could be another's: indexes and constraints of one table that are
// defined alike, and the sequences of one column. These are renamed, not built
// again. It answers the old catalog with the new names.
func (w *work) adopt() (*catalog.Catalog, []Change) {
	gone, added := alike(w.drops, w.creates), alike(w.creates, w.drops)
	if len(gone) == 0 || len(added) == 0 {
		return w.from, nil
	}
	from := w.from
	held := map[string]bool{}
	for o := range from.Each {
		for _, name := range taken(o) {
			held[name] = true
		}
	}
	names := map[catalog.ID]catalog.ID{}
	var pairs [][2]catalog.Object
	for key, olds := range gone {
		news := added[key]
		sortObjects(olds)
		sortObjects(news)
		for i := range min(len(olds), len(news)) {
			if slices.ContainsFunc(taken(news[i]), func(name string) bool { return held[name] }) {
				continue // by something that goes only later
			}
			names[olds[i].Base().ID] = news[i].Base().ID
			pairs = append(pairs, [2]catalog.Object{olds[i], news[i]})
		}
	}
	if len(pairs) == 0 {
		return from, nil
	}
	slices.SortFunc(pairs, func(a, b [2]catalog.Object) int { return a[0].Base().ID.Compare(b[0].Base().ID) })
	renamed := from.Renamed(names)
	var changes []Change
	for _, p := range pairs {
		if k, ok := p[0].(*catalog.Constraint); ok && k.Inherited && k.Type == catalog.Check {
			continue // is renamed with that above
		}
		changes = append(changes, Rename{From: p[0], To: renamed.Get(p[1].Base().ID)})
	}
	return renamed, changes
}

// alike groups the objects of one set that are not in the other.
func alike(objects, other set) map[string][]catalog.Object {
	groups := map[string][]catalog.Object{}
	for id, o := range objects {
		if _, inBoth := other[id]; inBoth {
			continue
		}
		if key := sameness(o); key != "" {
			groups[key] = append(groups[key], o)
		}
	}
	return groups
}

func sortObjects(list []catalog.Object) {
	slices.SortFunc(list, func(a, b catalog.Object) int { return a.Base().ID.Compare(b.Base().ID) })
}

// sameness is equal for two objects of which one may be the other renamed;
// empty for those of other kinds.
func sameness(o catalog.Object) string {
	switch o := o.(type) {
	case *catalog.Constraint:
		if o.Domain {
			return ""
		}
		return strings.Join([]string{"constraint", o.ID.Schema(), o.ID.Name(), string(o.Type), o.Definition}, "\x00")
	case *catalog.Index:
		_, definition, _ := strings.Cut(o.Definition, " ON ")
		if o.Unique {
			definition = "unique " + definition
		}
		return strings.Join([]string{"index", o.ID.Schema(), o.Table.Name(), definition}, "\x00")
	case *catalog.Sequence:
		if o.OwnedBy.Name() == "" {
			return ""
		}
		return strings.Join([]string{"sequence", o.ID.Schema(), o.OwnedBy.Name(), o.OwnedBy.Sub()}, "\x00")
	}
	return ""
}
