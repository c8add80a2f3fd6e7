// Package diff compares two catalogs and answers the changes that lead from
// one to the other, in an order in which they can be made. It is pure: values
// in, values out. It may import catalog alone.
//
// What all kinds share is here: identity, what has to be taken down and built
// again, order. Each kind says in a file of its own which of its facts can be
// altered in place.
package diff

import (
	"reflect"
	"slices"

	"github.com/aludel-db/aludel/internal/catalog"
)

// A Change is a [Rename], [RenameLabel], [Create], [Drop], [Alter], [Swap], [SetAside] or
// [Refill], and nothing else: switches over it name them all.
//
//sumtype:decl
type Change interface {
	// Object is the object after the change, or before a drop.
	Object() catalog.Object
	// Reverse undoes it.
	Reverse() Change
	sealed()
}

func (Create) sealed()      {}
func (Drop) sealed()        {}
func (Alter) sealed()       {}
func (Swap) sealed()        {}
func (Rename) sealed()      {}
func (RenameLabel) sealed() {}
func (SetAside) sealed()    {}
func (Refill) sealed()      {}

// Create makes an object that isn't there.
type Create struct {
	To catalog.Object
	// Parts are what tables below get of it: the parts of a partitioned index, or of
	// a key, at all levels; of an attachment the parts that its table gets of those
	// above. They come by themselves, and may be there already.
	Parts []catalog.Object
}

// Drop removes one.
type Drop struct {
	From catalog.Object
	// Only tells of a column that those below keep, as one of their own.
	Only bool
}

// Alter changes one in place.
type Alter struct {
	From, To catalog.Object
	// Fields are the names of the facts that differ, of the Go types.
	Fields []string
}

// Swap puts a type, or a collation, in place of one of the same name that columns use: the old
// one steps aside, the columns are rewritten, and then it goes.
type Swap struct {
	From, To catalog.Object
	// Columns are those to rewrite, in the order of their IDs.
	Columns []*catalog.Column
}

// Object is To.
func (c Create) Object() catalog.Object { return c.To }

// Object is From.
func (c Drop) Object() catalog.Object { return c.From }

// Object is To.
func (c Alter) Object() catalog.Object { return c.To }

// Object is To.
func (c Swap) Object() catalog.Object { return c.To }

// Reverse is a drop.
func (c Create) Reverse() Change { return Drop{From: c.To} }

// Reverse is a creation.
func (c Drop) Reverse() Change { return Create{To: c.From} }

// Reverse alters back.
func (c Alter) Reverse() Change { return Alter{From: c.To, To: c.From, Fields: c.Fields} }

// Reverse swaps back.
func (c Swap) Reverse() Change { return Swap{From: c.To, To: c.From, Columns: c.Columns} }

// Options say what to look at.
type Options struct {
	// NoOwners and NoPrivileges leave these out of account.
	NoOwners, NoPrivileges bool
	// ColumnOrder has a different order of columns noticed.
	ColumnOrder bool
}

// Compare answers the changes that lead from one catalog to the other. Empty
// means that they are equal.
func Compare(from, to *catalog.Catalog, options Options) ([]Change, error) {
	w := newWork(from, to, options)
	w.match()
	renamed, renames := w.adopt()
	if len(renames) > 0 {
		w = newWork(renamed, to, options)
		w.match()
	}
	w.close()
	w.markAgain()
	w.moveGrants()
	w.subsume()
	changes, err := w.order()
	return append(renames, changes...), err
}

func newWork(from, to *catalog.Catalog, options Options) *work {
	return &work{
		from: from, to: to, options: options, drops: set{}, creates: set{}, alters: map[catalog.ID]Alter{}, swaps: map[catalog.ID]*Swap{},
		carried: map[catalog.ID][]catalog.Object{}, wentWith: map[catalog.ID]catalog.ID{}, cameDown: map[catalog.ID]bool{}, leftBehind: map[catalog.ID]bool{}, undressed: map[catalog.ID]bool{}, factsOf: map[reflect.Type][]fact{},
	}
}

type set map[catalog.ID]catalog.Object

// work is one comparison.
type work struct {
	from, to       *catalog.Catalog
	options        Options
	drops, creates set // what is in both is made anew
	alters         map[catalog.ID]Alter
	swaps          map[catalog.ID]*Swap
	// carried are the objects that go with another, and wentWith is that other.
	carried  map[catalog.ID][]catalog.Object
	wentWith map[catalog.ID]catalog.ID
	factsOf  map[reflect.Type][]fact
	keys     map[catalog.ID][]*catalog.Constraint // see keysTo
	children map[catalog.ID][]catalog.ID          // see below
	arrivals map[catalog.ID][]*catalog.Attachment // see attached
	// altered are the alterations as they were before those that come from above
	// were taken out.
	altered map[catalog.ID]Alter
	// undressed are the domains that lose their default for a while.
	undressed map[catalog.ID]bool
	// cameDown are alterations of what a change above makes.
	cameDown map[catalog.ID]bool
	// leftBehind are the columns that go from a table and stay below it.
	leftBehind map[catalog.ID]bool
}

// match compares objects of one name.
func (w *work) match() {
	other, found := w.to.Following(), 0
	for f := range w.from.Each {
		id := f.Base().ID
		t := other(id)
		if t == nil {
			w.drops[id] = f
			continue
		}
		found++
		fields := w.differing(f, t)
		if len(fields) == 0 {
			continue
		}
		switch w.inPlace(f, t, fields) {
		case alterable:
			w.alters[id] = Alter{From: f, To: t, Fields: fields}
		case replaceable:
			w.renew(id)
		case swappable:
			w.swaps[id] = &Swap{From: f, To: t}
		}
	}
	w.matchKeys()
	w.matchShared()
	w.matchExpressions()
	w.matchParts()
	w.matchFormerParts()
	if found == w.to.Len() {
		return
	}
	for t := range w.to.Each {
		if id := t.Base().ID; w.from.Get(id) == nil {
			w.creates[id] = t
		}
	}
}

// renew has an object dropped and created again.
func (w *work) renew(id catalog.ID) {
	delete(w.alters, id)
	w.drops[id], w.creates[id] = w.from.Get(id), w.to.Get(id)
}

// How an object gets from one state to another.
type way int

const (
	alterable way = iota
	replaceable
	swappable
)

// inPlace asks the kind.
func (w *work) inPlace(from, to catalog.Object, fields []string) way {
	switch f := from.(type) {
	case *catalog.Extension:
		return extension(fields)
	case *catalog.Type:
		return typ(f, to.(*catalog.Type), fields)
	case *catalog.Table:
		return table(f, to.(*catalog.Table), fields)
	case *catalog.Attachment:
		return attachment(f, to.(*catalog.Attachment))
	case *catalog.Column:
		return column(f, to.(*catalog.Column), fields, w.to.Major)
	case *catalog.Constraint:
		return constraint(f, to.(*catalog.Constraint), fields)
	case *catalog.Index:
		return index(fields)
	case *catalog.View:
		return view(f, to.(*catalog.View), fields)
	case *catalog.Function:
		return function(f, to.(*catalog.Function), fields)
	case *catalog.Trigger:
		if (f.EnabledAbove == "") != (to.(*catalog.Trigger).EnabledAbove == "") {
			return replaceable
		}
		return only(fields, "Enabled", "EnabledAbove", "Comment")
	case *catalog.Rule:
		return only(fields, "Enabled", "Comment")
	case *catalog.Policy:
		return policy(f, to.(*catalog.Policy), fields)
	case *catalog.EventTrigger:
		return only(fields, "Enabled", "Comment", "Owner")
	case *catalog.Publication:
		return publication(fields)
	case *catalog.Subscription:
		return alterable
	case *catalog.Statistics:
		return only(fields, "Target", "Comment", "Owner")
	case *catalog.ForeignServer:
		return foreignServer(f, to.(*catalog.ForeignServer))
	case *catalog.TextSearch:
		return only(fields, "Mappings", "Comment", "Owner")
	case *catalog.Collation:
		if only(fields, "Comment", "Owner", "Grants") == replaceable {
			return swappable
		}
		return alterable
	case *catalog.Operator, *catalog.OperatorClass, *catalog.Cast, *catalog.Conversion, *catalog.Transform, *catalog.AccessMethod, *catalog.Language:
		return only(fields, "Comment", "Owner", "Grants")
	}
	return alterable
}

// only is alterable where nothing but the named facts differs.
func only(fields []string, names ...string) way {
	for _, f := range fields {
		if f != "Labels" && !slices.Contains(names, f) {
			return replaceable
		}
	}
	return alterable
}

// differing lists the facts that differ. What an object needs follows from
// them.
func (w *work) differing(from, to catalog.Object) []string {
	var fields []string
	if a, b := from.Base(), to.Base(); !a.Equal(b) {
		fields = w.differingFields(reflect.ValueOf(a).Elem(), reflect.ValueOf(b).Elem())
	}
	return append(fields, w.differingFields(reflect.ValueOf(from).Elem(), reflect.ValueOf(to).Elem())...)
}

func (w *work) differingFields(a, b reflect.Value) []string {
	var fields []string
	if a.Type() != b.Type() {
		return []string{"Form"}
	}
	for _, f := range w.facts(a.Type()) {
		if !w.same(a.Field(f.index), b.Field(f.index)) {
			fields = append(fields, f.name)
		}
	}
	return fields
}

// A fact is a field that is compared.
type fact struct {
	index int
	name  string
}

// facts are those of a type, looked up once: asking reflection for each of a
// hundred thousand columns would take longer than all else.
func (w *work) facts(t reflect.Type) []fact {
	if facts, known := w.factsOf[t]; known {
		return facts
	}
	ignored := map[string]bool{
		"Common": true, "ID": true, "Needs": true, "Position": !w.options.ColumnOrder,
		"Owner": w.options.NoOwners, "Grants": w.options.NoPrivileges,
		// A column that a parent has gained in the same change is the same.
		"Inherited": true, "Above": true, "NameGiven": true, "NotNullLocal": true,
		"DefaultVersion": true, // is the server's
		// What the type brings is not the column's own.
		"TypeStorage": true,
	}
	facts := []fact{}
	for i := range t.NumField() {
		if name := t.Field(i).Name; !ignored[name] {
			facts = append(facts, fact{i, name})
		}
	}
	w.factsOf[t] = facts
	return facts
}

// same compares deeply; an empty list and none are the same.
func (w *work) same(a, b reflect.Value) bool {
	switch a.Kind() {
	case reflect.Pointer: // to the sequence of an identity
		if a.IsNil() || b.IsNil() {
			return a.IsNil() == b.IsNil()
		}
		x, y := a.Interface().(catalog.Object), b.Interface().(catalog.Object)
		return x.Base().ID == y.Base().ID && len(w.differing(x, y)) == 0
	case reflect.String:
		return a.String() == b.String()
	case reflect.Bool:
		return a.Bool() == b.Bool()
	case reflect.Int, reflect.Int64:
		return a.Int() == b.Int()
	case reflect.Slice:
		if a.Type() == reflect.TypeFor[catalog.Parameters]() {
			return a.Interface().(catalog.Parameters).Equal(b.Interface().(catalog.Parameters))
		}
		if a.Len() != b.Len() {
			return false
		}
		for i := range a.Len() {
			if !w.same(a.Index(i), b.Index(i)) {
				return false
			}
		}
		return true
	case reflect.Struct:
		for i := range a.NumField() {
			if !w.same(a.Field(i), b.Field(i)) {
				return false
			}
		}
		return true
	}
	return reflect.DeepEqual(a.Interface(), b.Interface())
}
