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
	r := &renaming{from: from, names: names}
	pairs = slices.DeleteFunc(pairs, func(p [2]catalog.Object) bool {
		refused := !r.allowed(p[0])
		if refused {
			delete(names, p[0].Base().ID)
		}
		return refused
	})
	if len(pairs) == 0 {
		return from, nil
	}
	slices.SortFunc(pairs, func(a, b [2]catalog.Object) int { return a[0].Base().ID.Compare(b[0].Base().ID) })
	renamed := from.Renamed(names)
	var changes []Change
	for _, p := range pairs {
		if !r.goesAlong(p[0]) {
			changes = append(changes, Rename{From: p[0], To: renamed.Get(p[1].Base().ID)})
		}
	}
	return renamed, changes
}

// A renaming gives names to objects of a catalog. That of a check reaches the
// tables below, which can't have it renamed by themselves.
type renaming struct {
	from  *catalog.Catalog
	names map[catalog.ID]catalog.ID
	heirs map[catalog.ID][]catalog.ID // see reached
}

// allowed tells that PostgreSQL gives an object its new name, and no other one
// with it. Of a typed table it renames only what has an index.
func (r *renaming) allowed(o catalog.Object) bool {
	k, ok := o.(*catalog.Constraint)
	if !ok || k.Index != "" {
		return true
	}
	if t, isTable := r.from.Get(k.ID.As(catalog.KindTable)).(*catalog.Table); isTable && t.OfType != "" {
		return false
	}
	if !isPassedDown(k) {
		return true
	}
	isOwn := !k.Inherited && len(r.sources(k)) == 0
	return (isOwn || r.goesAlong(k)) && r.reached(k)
}

// isPassedDown tells of a check that tables below have under the same name.
func isPassedDown(k *catalog.Constraint) bool {
	return k.Type == catalog.Check && !k.Domain && !strings.HasSuffix(k.Definition, " NO INHERIT")
}

// goesAlong tells that a check gets its new name with that of a table above, from
// which it came, or with which it was merged.
func (r *renaming) goesAlong(o catalog.Object) bool {
	k, ok := o.(*catalog.Constraint)
	return ok && isPassedDown(k) && slices.ContainsFunc(r.sources(k), func(above *catalog.Constraint) bool {
		return r.names[above.ID].Sub() == r.names[k.ID].Sub() && r.allowed(above)
	})
}

// sources are the checks above that one came from, or was merged with.
func (r *renaming) sources(k *catalog.Constraint) []*catalog.Constraint {
	var list []*catalog.Constraint
	for _, parent := range r.from.Parents(k.ID) {
		if above, ok := r.from.Get(parent.With(catalog.KindConstraint, k.ID.Sub())).(*catalog.Constraint); ok && isPassedDown(above) {
			list = append(list, above)
		}
	}
	return list
}

// reached tells that all below that have the check are to have its new name, and
// have it from there alone: a table that leaves may keep the old one, and with two
// tables above PostgreSQL refuses.
func (r *renaming) reached(k *catalog.Constraint) bool {
	if r.heirs == nil {
		r.heirs = map[catalog.ID][]catalog.ID{}
		for o := range r.from.Each {
			if a, ok := o.(*catalog.Attachment); ok {
				for _, parent := range a.Parents {
					r.heirs[parent] = append(r.heirs[parent], a.ID)
				}
			}
		}
	}
	return !slices.ContainsFunc(r.heirs[k.ID.As(catalog.KindTable)], func(heir catalog.ID) bool {
		below, ok := r.from.Get(heir.With(catalog.KindConstraint, k.ID.Sub())).(*catalog.Constraint)
		return ok && isPassedDown(below) && (r.names[below.ID].Sub() != r.names[k.ID].Sub() || len(r.sources(below)) > 1 || !r.reached(below))
	})
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
