package reuse

import (
	"strings"

	"github.com/aludel-db/aludel/internal/catalog"
	"github.com/aludel-db/aludel/internal/diff"
)

// maxName is how many bytes of a name PostgreSQL keeps.
const maxName = 63

// holds tells that the edit has done what making all statements from the ground up
// does: nothing else is another than it was, and nothing of what is new would have made
// a difference to it. putBack tells that there are foreign keys that were put back.
func (e *Edit) holds(after *catalog.Catalog, putBack bool) (bool, error) {
	before := e.before.Catalog
	changes, err := diff.Compare(e.rest(before), e.rest(after), diff.Options{})
	if err != nil || len(changes) > 0 || putBack && !e.samePrimaryKeys(before, after) {
		return false, err
	}
	for table, names := range namesByTable(after) {
		for _, name := range names {
			if e.edit.Makes(table) && !e.edit.Makes(name) && !e.edit.Leaves(name) {
				return false, nil
			}
		}
	}
	return e.ownNames(before) && e.ownNames(after), nil
}

// rest is what is not made anew.
func (e *Edit) rest(c *catalog.Catalog) *catalog.Catalog {
	return c.Without(func(object catalog.Object) bool { return e.edit.Makes(holder(object)) })
}

// holder is the name of the relation that an object is or belongs to, or its own.
func holder(o catalog.Object) string {
	if index, isIndex := o.(*catalog.Index); isIndex {
		return index.Table.Name()
	}
	return o.Base().ID.Name()
}

// samePrimaryKeys: a foreign key that names no columns leads to these.
func (e *Edit) samePrimaryKeys(before, after *catalog.Catalog) bool {
	for object := range before.Each {
		key, isConstraint := object.(*catalog.Constraint)
		if !isConstraint || key.Type != catalog.PrimaryKey || !e.edit.Makes(holder(key)) {
			continue
		}
		now, _ := after.Get(key.ID).(*catalog.Constraint)
		if now == nil || now.Definition != key.Definition {
			return false
		}
	}
	return true
}

// namesByTable are the names of the indexes and sequences of each table, whose name is
// in lower case.
func namesByTable(c *catalog.Catalog) map[string][]string {
	names := map[string][]string{}
	for o := range c.Each {
		table, name := strings.ToLower(holder(o)), o.Base().ID.Name()
		switch o := o.(type) {
		case *catalog.Index:
		case *catalog.Sequence:
			if o.OwnedBy == (catalog.ID{}) {
				continue
			}
			table = strings.ToLower(o.OwnedBy.Name())
		case *catalog.Constraint:
			if name = o.Index; name == "" {
				continue
			}
		default:
			continue
		}
		names[table] = append(names[table], name)
	}
	return names
}

// ownNames tells that no name that PostgreSQL gave depends on what was there by then.
// It puts a number behind one that is taken in the schema, and cuts those that are too
// long.
func (e *Edit) ownNames(c *catalog.Catalog) bool {
	const anew, stays = 1, 2
	sides := map[string]int{}
	take := func(name, table string) {
		if e.edit.Makes(table) {
			sides[name] |= anew
		} else {
			sides[name] |= stays
		}
	}
	for object := range c.Each {
		switch object := object.(type) {
		case *catalog.Table, *catalog.View, *catalog.Sequence, *catalog.Index:
			take(object.Base().ID.Name(), holder(object))
		case *catalog.Constraint:
			take(object.ID.Sub(), holder(object))
		}
	}
	for name, side := range sides {
		base := strings.TrimRight(name, "0123456789")
		numbered := base != name && sides[base] != 0 && sides[base]|side == anew|stays
		cut := len(name) >= maxName && side&anew != 0
		if (numbered || cut) && !e.edit.Names(name) {
			return false
		}
	}
	return true
}
