// Package catalog is a typed model of what a PostgreSQL database holds, and
// reads it: [Read] takes one consistent snapshot in one round trip.
//
// There is a file for each kind of object, with its facts as plain fields, its
// query, and nothing else. Objects are known by their names, never by OIDs, so
// that two databases can be compared. What PostgreSQL makes by itself (array
// types, indexes of constraints, what partitions inherit, members of
// extensions) is not an object here. It may import pgx and sqltext.
package catalog

import (
	"slices"
	"strings"
)

// A Kind is a kind of object.
type Kind string

// The kinds.
const (
	KindSchema     Kind = "schema"
	KindExtension  Kind = "extension"
	KindType       Kind = "type" // enum, composite, domain, range
	KindSequence   Kind = "sequence"
	KindTable      Kind = "table" // partitioned and foreign ones too
	KindColumn     Kind = "column"
	KindDefault    Kind = "default"    // of a column
	KindAttachment Kind = "attachment" // of a partition, of a table that inherits
	KindConstraint Kind = "constraint" // of a table or domain
	KindIndex      Kind = "index"
	KindView       Kind = "view" // materialized ones too
	KindFunction   Kind = "function"
	KindTrigger    Kind = "trigger"
	KindRule       Kind = "rule"
	KindPolicy     Kind = "policy"

	KindEventTrigger       Kind = "event trigger"
	KindPublication        Kind = "publication"
	KindSubscription       Kind = "subscription"
	KindStatistics         Kind = "statistics"
	KindForeignDataWrapper Kind = "foreign data wrapper"
	KindForeignServer      Kind = "server"
	KindUserMapping        Kind = "user mapping"
	KindCollation          Kind = "collation"
	KindOperator           Kind = "operator"
	KindOperatorFamily     Kind = "operator family"
	KindOperatorClass      Kind = "operator class"
	KindCast               Kind = "cast"
	KindConversion         Kind = "conversion"
	KindTextSearch         Kind = "text search"
	KindLanguage           Kind = "language"
	KindTransform          Kind = "transform"
	KindAccessMethod       Kind = "access method"
	KindDefaultPrivileges  Kind = "default privileges"
)

// An ID names an object. It is a key of maps that hold hundreds of thousands,
// and so one string: its parts, with a NUL between them, which no name has.
type ID struct{ path string }

// NewID names an object by its kind, its schema (empty for what is in none),
// its name or that of the relation or domain that it belongs to, and the name
// within that relation; of a function that is the types of its arguments.
func NewID(kind Kind, schema, name, sub string) ID {
	return ID{string(kind) + "\x00" + schema + "\x00" + name + "\x00" + sub}
}

// part is the n-th of an ID's parts.
func (id ID) part(n int) string {
	rest := id.path
	for range n {
		_, rest, _ = strings.Cut(rest, "\x00")
	}
	first, _, _ := strings.Cut(rest, "\x00")
	return first
}

// Kind is the kind of the object; empty of the zero ID.
func (id ID) Kind() Kind { return Kind(id.part(0)) }

// Schema is empty for what is in none.
func (id ID) Schema() string { return id.part(1) }

// Name is that of the object, or of the relation or domain that it belongs to.
func (id ID) Name() string { return id.part(2) }

// Sub is the name within that relation; of a function the types of its
// arguments.
func (id ID) Sub() string { return id.part(3) }

// As names what has the same schema and name and is of another kind: the table
// of a column.
func (id ID) As(kind Kind) ID { return NewID(kind, id.Schema(), id.Name(), "") }

// With names another part of the same relation: a column's default.
func (id ID) With(kind Kind, sub string) ID { return NewID(kind, id.Schema(), id.Name(), sub) }

// Parent is the relation or domain that a column, a constraint and the like
// belong to, without its kind; ok is false for what stands alone.
func (id ID) Parent() (schema, name string, ok bool) {
	switch id.Kind() {
	case KindColumn, KindDefault, KindAttachment, KindConstraint, KindTrigger, KindRule, KindPolicy:
		return id.Schema(), id.Name(), true
	}
	return "", "", false
}

// Compare orders by kind, schema, name and sub.
func (id ID) Compare(other ID) int { return strings.Compare(id.path, other.path) }

// String is how messages name the object: table public.users.
func (id ID) String() string {
	name := id.Name()
	if id.Schema() != "" {
		name = id.Schema() + "." + name
	}
	switch {
	case id.Kind() == KindFunction:
		name += "(" + id.Sub() + ")"
	case id.Sub() != "":
		name += "." + id.Sub()
	}
	return string(id.Kind()) + " " + name
}

// Common are the facts that objects of all kinds have, each where its kind has
// such a thing.
type Common struct {
	ID ID
	// Owner is empty where it is the role that reads: what that role makes is
	// its own anyway.
	Owner   string
	Comment string
	// Grants are the privileges on it, in a fixed order, PostgreSQL's defaults
	// for its kind included.
	Grants []Grant
	Labels []SecurityLabel // by provider
	// Needs are the objects that it can't be without, sorted.
	Needs []ID
}

// Base makes Common's fields reachable through [Object].
func (c *Common) Base() *Common { return c }

// Equal tells that all facts are the same; an empty list and none are.
func (c *Common) Equal(other *Common) bool {
	return c.ID == other.ID && c.Owner == other.Owner && c.Comment == other.Comment && slices.Equal(c.Grants, other.Grants) &&
		slices.Equal(c.Labels, other.Labels) && slices.Equal(c.Needs, other.Needs)
}

// An Object is one of the types of this package: [*Schema], [*Table] and so on.
type Object interface{ Base() *Common }

// OwnerRole stands for the owner of an object in its grants, which move with
// it.
const OwnerRole = "\x00"

// A Grant is one privilege of one role.
type Grant struct {
	Role      string // empty for PUBLIC; may be OwnerRole
	Privilege string // SELECT, USAGE, …
	Grantable bool
}

// A Catalog is the content of a database.
type Catalog struct {
	objects []Object // in the order in which they were read
	places  map[ID]int32
	// User read it; Major is the server's version, 15 for example.
	User  string
	Major int
	// bootstrap is the role that the server was initialised with.
	bootstrap string
	// Unsupported names what was found and is not modelled, sorted.
	Unsupported []string
}

// New makes a catalog of objects.
func New(objects ...Object) *Catalog {
	c := &Catalog{places: make(map[ID]int32, len(objects))}
	for _, o := range objects {
		c.put(o)
	}
	return c
}

// Empty is what a new database holds, on the server that like was read from:
// the schema public.
func Empty(like *Catalog) *Catalog {
	public := &Schema{Common{ID: NewID(KindSchema, "", "public", ""), Comment: "standard public schema", Owner: "pg_database_owner"}}
	public.Grants = []Grant{{"", "USAGE", false}, {OwnerRole, "CREATE", false}, {OwnerRole, "USAGE", false}}
	if like.Major < 15 {
		public.Owner = like.bootstrap
		public.Grants = append([]Grant{{"", "CREATE", false}}, public.Grants...)
	}
	c := New(public)
	c.Major, c.User, c.bootstrap = like.Major, like.User, like.bootstrap
	c.normalOwner(public)
	return c
}

// ReadAs makes it what the role and the server of another catalog would have
// read.
func (c *Catalog) ReadAs(other *Catalog) {
	c.User, c.Major, c.bootstrap, c.Unsupported = other.User, other.Major, other.bootstrap, other.Unsupported
}

// normalOwner writes owners in the way of Common.
func (c *Catalog) normalOwner(o Object) {
	b := o.Base()
	for i := range b.Grants {
		if b.Owner != "" && b.Grants[i].Role == b.Owner {
			b.Grants[i].Role = OwnerRole
		}
	}
	sortGrants(b.Grants)
	if b.Owner == c.User {
		b.Owner = ""
	}
}

// Len is the number of objects.
func (c *Catalog) Len() int { return len(c.objects) }

// Get answers an object, or nil.
func (c *Catalog) Get(id ID) Object {
	if at, ok := c.places[id]; ok {
		return c.objects[at]
	}
	return nil
}

// Following is [Catalog.Get] for who asks for most objects in the order in
// which they were read: it looks first at what follows the last one.
func (c *Catalog) Following() func(ID) Object {
	next := 0
	return func(id ID) Object {
		if next >= len(c.objects) || c.objects[next].Base().ID != id {
			at, ok := c.places[id]
			if !ok {
				return nil
			}
			next = int(at)
		}
		next++
		return c.objects[next-1]
	}
}

// put takes an object in.
func (c *Catalog) put(o Object) {
	id := o.Base().ID
	if at, has := c.places[id]; has {
		c.objects[at] = o
		return
	}
	c.places[id] = int32(len(c.objects)) //nolint:gosec // OIDs have 32 bits
	c.objects = append(c.objects, o)
}

// Without is the catalog without what gone picks, which nothing needs any more
// there. Objects that don't change are shared.
func (c *Catalog) Without(gone func(Object) bool) *Catalog {
	kept := *c
	kept.objects, kept.places = make([]Object, 0, len(c.objects)), make(map[ID]int32, len(c.objects))
	for _, o := range c.objects {
		if !gone(o) {
			kept.put(o)
		}
	}
	lacks := func(id ID) bool { return kept.Get(id) == nil }
	for at, o := range kept.objects {
		if slices.ContainsFunc(o.Base().Needs, lacks) {
			o = clone(o)
			o.Base().Needs = slices.DeleteFunc(slices.Clone(o.Base().Needs), lacks)
			kept.objects[at] = o
		}
	}
	return &kept
}

// With is the catalog with some objects as another one has them, where both do.
func (c *Catalog) With(other *Catalog, ids []ID) *Catalog {
	with := *c
	with.objects = slices.Clone(c.objects)
	for _, id := range ids {
		if at, ok := c.places[id]; ok && other.Get(id) != nil {
			with.objects[at] = other.Get(id)
		}
	}
	return &with
}

// Each calls yield with every object, in the order in which they were read.
func (c *Catalog) Each(yield func(Object) bool) {
	for _, o := range c.objects {
		if !yield(o) {
			return
		}
	}
}

// All lists the objects in the order of their IDs.
func (c *Catalog) All() []Object {
	all := slices.Clone(c.objects)
	slices.SortFunc(all, func(a, b Object) int { return a.Base().ID.Compare(b.Base().ID) })
	return all
}

// Dependents answers for each object those that need it, sorted.
func (c *Catalog) Dependents() map[ID][]ID {
	dependents := make(map[ID][]ID)
	for _, o := range c.objects {
		for _, needed := range o.Base().Needs {
			dependents[needed] = append(dependents[needed], o.Base().ID)
		}
	}
	for _, list := range dependents {
		slices.SortFunc(list, ID.Compare)
	}
	return dependents
}
