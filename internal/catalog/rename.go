package catalog

import (
	"reflect"
	"slices"
	"strings"

	"github.com/aludel-db/aludel/internal/sqltext"
)

// Renamed is the catalog with indexes, constraints and sequences of other
// names, as it would be read after ALTER … RENAME. Objects that don't change
// are shared.
func (c *Catalog) Renamed(names map[ID]ID) *Catalog {
	r := renaming{names: names}
	for from, to := range names {
		if from.Kind() == KindSequence {
			r.sequences = append(r.sequences, nextval(from), nextval(to))
		}
	}
	r.nextvals = strings.NewReplacer(r.sequences...)
	renamed := *c
	renamed.objects, renamed.places = make([]Object, 0, len(c.objects)), make(map[ID]int32, len(c.objects))
	for _, o := range c.objects {
		if n, changed := names[o.Base().ID]; changed {
			o = withName(o, n)
		}
		renamed.put(r.references(o))
	}
	return &renamed
}

type renaming struct {
	names     map[ID]ID
	sequences []string // pairs of what to replace in defaults
	nextvals  *strings.Replacer
}

// clone copies an object, but not what its fields point to.
func clone(o Object) Object {
	v := reflect.New(reflect.TypeOf(o).Elem())
	v.Elem().Set(reflect.ValueOf(o).Elem())
	return v.Interface().(Object)
}

func withName(o Object, id ID) Object {
	o = clone(o)
	switch o := o.(type) {
	case *Index:
		o.Definition = strings.Replace(o.Definition, " INDEX "+sqltext.QuoteIdent(o.ID.Name())+" ON ", " INDEX "+sqltext.QuoteIdent(id.Name())+" ON ", 1)
	case *Constraint:
		if o.Index != "" {
			o.Index = id.Sub()
		}
	}
	o.Base().ID = id
	return o
}

// references has an object speak of others by their new names.
func (r *renaming) references(o Object) Object {
	needsOne := slices.ContainsFunc(o.Base().Needs, func(id ID) bool { _, ok := r.names[id]; return ok })
	switch was := o.(type) {
	case *Index:
		needsOne = needsOne || r.name(was.Above) != was.Above
	case *Constraint:
		needsOne = needsOne || r.name(was.Above) != was.Above
	case *Table:
		needsOne = needsOne || was.ClusterOn != "" || was.ReplicaIdentity != ""
	case *View:
		needsOne = needsOne || was.ClusterOn != ""
	}
	if !needsOne {
		return o
	}
	o = clone(o)
	b := o.Base()
	b.Needs = slices.Clone(b.Needs)
	for i := range b.Needs {
		b.Needs[i] = r.name(b.Needs[i])
	}
	slices.SortFunc(b.Needs, ID.Compare)
	switch o := o.(type) {
	case *Index:
		o.Above = r.name(o.Above)
	case *Constraint:
		o.Above = r.name(o.Above)
	case *Table:
		o.ClusterOn, o.ReplicaIdentity = r.index(b.ID, o.ClusterOn), r.index(b.ID, o.ReplicaIdentity)
	case *View:
		o.ClusterOn = r.index(b.ID, o.ClusterOn)
	case *Default:
		o.Expression = r.nextvals.Replace(o.Expression)
	}
	return o
}

func (r *renaming) name(id ID) ID {
	if n, ok := r.names[id]; ok {
		return n
	}
	return id
}

// index is the new name of a table's index, which may be a constraint's.
func (r *renaming) index(table ID, name string) string {
	if n, ok := r.names[NewID(KindIndex, table.Schema(), name, "")]; ok {
		return n.Name()
	}
	return r.name(table.With(KindConstraint, name)).Sub()
}

// nextval is how a default names the sequence that it draws from.
func nextval(id ID) string {
	return "nextval(" + sqltext.QuoteLiteral(sqltext.QuoteIdent(id.Schema())+"."+sqltext.QuoteIdent(id.Name())) + "::regclass)"
}

// At is a copy of an object under another ID.
func At(o Object, id ID) Object {
	o = clone(o)
	o.Base().ID = id
	return o
}
