package ddl

import (
	"slices"

	"github.com/aludel-db/aludel/internal/catalog"
	"github.com/aludel-db/aludel/internal/diff"
)

// foldedAttachment is that of a new table if it can be written with it: all
// above is there, and nothing has to be there before that CREATE TABLE would
// bring in another form.
func (w *writer) foldedAttachment(t *catalog.Table) *catalog.Attachment {
	id := t.ID.As(catalog.KindAttachment)
	at, ok := w.made[id]
	if !ok {
		return nil
	}
	create, ok := w.changes[at].(diff.Create)
	if !ok {
		return nil
	}
	a := create.To.(*catalog.Attachment)
	if a.IsPartition() && w.isBusy(a.Parents[0]) {
		return nil // made as a partition, it would keep everybody from the others
	}
	for _, needed := range a.Needs {
		if w.comesLater(needed) && !w.folded[needed] && (needed.Schema() != t.ID.Schema() || needed.Name() != t.ID.Name()) {
			return nil
		}
	}
	for _, i := range w.children[[2]string{t.ID.Schema(), t.ID.Name()}] {
		create, isCreate := w.changes[i].(diff.Create)
		if !isCreate {
			continue
		}
		c, isColumn := create.To.(*catalog.Column)
		computesOther := func(above *catalog.Column) bool { return above.Expression != c.Expression }
		if ownForm(create.To) || isColumn && c.Generated != "" && w.aboveHas(a, c, computesOther) {
			return nil
		}
	}
	w.folded[id] = true
	return a
}

// ownForm tells that an object has to be made before its table is attached. A
// column that computes its own value may be none above, or before PostgreSQL 16
// only there.
func ownForm(o catalog.Object) bool {
	switch o := o.(type) {
	case *catalog.Column:
		return !o.Inherited && o.Generated != ""
	case *catalog.Constraint:
		return o.NameGiven || !o.Inherited && o.Above != catalog.ID{}
	case *catalog.Index:
		return o.NameGiven
	}
	return false
}

// aboveHas tells that a column of the same name in a table above has something,
// as that is by now.
func (w *writer) aboveHas(a *catalog.Attachment, c *catalog.Column, has func(*catalog.Column) bool) bool {
	return slices.ContainsFunc(a.Parents, func(p catalog.ID) bool {
		column, ok := w.now(p.With(catalog.KindColumn, c.ID.Sub())).(*catalog.Column)
		return ok && has(column)
	})
}

// lacksDefault tells that an inherited column has none, and one above has.
func (w *writer) lacksDefault(a *catalog.Attachment, c *catalog.Column) bool {
	if _, has := w.made[c.ID.With(catalog.KindDefault, c.ID.Sub())]; has {
		return false
	}
	return w.aboveHas(a, c, func(above *catalog.Column) bool {
		id := above.ID.With(catalog.KindDefault, above.ID.Sub())
		if w.now(id) == nil {
			return false
		}
		_, made := w.made[id]
		return made || !w.isGone(id) && !w.isGone(tableOf(id)) // that of a table which was set aside went with it
	})
}

// defaultAbove tells that a column above has this default.
func (w *writer) defaultAbove(a *catalog.Attachment, d *catalog.Default) bool {
	return slices.ContainsFunc(a.Parents, func(p catalog.ID) bool {
		above, ok := w.now(p.With(catalog.KindDefault, d.ID.Sub())).(*catalog.Default)
		return ok && above.Expression == d.Expression
	})
}

// now is an object as the statements so far have made it, nil where there is
// none.
func (w *writer) now(id catalog.ID) catalog.Object {
	at, changes := w.made[id]
	if !changes || at > w.at && !w.folded[id] {
		return w.from.Get(id) // one that was dropped meanwhile included
	}
	return w.changes[at].Object()
}

func (w *writer) createAttachment(a *catalog.Attachment) {
	child := qualified(a.ID.Schema(), a.ID.Name())
	if a.IsPartition() {
		ready, hasKeys := w.readyToAttach(a)
		isReady := func(table catalog.ID) bool {
			return slices.ContainsFunc(ready, func(c boundCheck) bool { return c.table == tableOf(table) })
		}
		w.add(alterTable(a.Parents[0]) + "ATTACH PARTITION " + child + " " + a.Bound)
		w.lock(ShareUpdateExclusive, a.Parents[0])
		w.lock(AccessExclusive, a.ID)
		w.searchDefault(a.Parents[0], isReady)
		mode := ShareRowExclusive // to make its foreign keys those of the table above
		if hasKeys {
			mode = AccessExclusive
		}
		w.lock(mode, w.keysOf(a.Parents[0])...)
		w.lock(ShareRowExclusive, w.referringToAll(a.Parents[0])...)
		if !isReady(a.ID) {
			w.scans(a.ID)
		}
		w.dropBoundChecks(ready)
		return
	}
	w.alterAttachment(&catalog.Attachment{}, a)
}

func (w *writer) dropAttachment(a *catalog.Attachment) {
	if a.IsPartition() {
		if w.detachOnline(a) {
			return
		}
		w.add(alterTable(a.Parents[0]) + "DETACH PARTITION " + qualified(a.ID.Schema(), a.ID.Name()))
		w.lock(AccessExclusive, a.Parents[0], a.ID)
		w.lock(AccessExclusive, w.defaultPartition(a.Parents[0])...)
		w.lock(ShareRowExclusive, w.keysOf(a.Parents[0])...)
		w.lock(AccessExclusive, w.referringToAll(a.Parents[0])...)
		return
	}
	w.alterAttachment(a, &catalog.Attachment{Common: catalog.Common{ID: a.ID}})
}

// attachedTo are the tables that have been attached to a new one by now.
func (w *writer) attachedTo(table catalog.ID) []catalog.ID {
	var tables []catalog.ID
	if t, ok := w.now(table).(*catalog.Table); !ok || t.PartitionKey == "" || w.from.Get(table) != nil {
		return nil // or they are locked with it
	}
	for _, c := range w.changes[:w.at] {
		create, ok := c.(diff.Create)
		if !ok {
			continue
		}
		if a, isAttachment := create.To.(*catalog.Attachment); isAttachment && slices.Contains(a.Parents, table) {
			tables = append(tables, tableOf(a.ID))
			tables = append(tables, w.attachedTo(tableOf(a.ID))...)
		}
	}
	return tables
}

// searchDefault is said of a new partition: rows of the default one may belong
// to it, unless it says that they don't.
func (w *writer) searchDefault(parent catalog.ID, saysNot func(catalog.ID) bool) {
	for _, other := range w.defaultPartition(parent) {
		w.lock(AccessExclusive, other)
		if !saysNot(other) {
			w.scans(other)
		}
	}
}

// defaultPartition is the one that takes what no other does, if there is one.
func (w *writer) defaultPartition(parent catalog.ID) []catalog.ID {
	for _, list := range w.keysAndAttachments() {
		for _, o := range list {
			if a, ok := o.(*catalog.Attachment); ok && a.Bound == "DEFAULT" && a.Parents[0] == parent && !w.isGone(a.ID) && !w.isGone(tableOf(a.ID)) {
				return []catalog.ID{tableOf(a.ID)}
			}
		}
	}
	return nil
}

func (w *writer) alterAttachment(from, to *catalog.Attachment) {
	for _, p := range from.Parents {
		if !slices.Contains(to.Parents, p) {
			w.add(alterTable(to.ID) + "NO INHERIT " + qualified(p.Schema(), p.Name()))
			w.lock(AccessExclusive, to.ID)
		}
	}
	for _, p := range to.Parents {
		if !slices.Contains(from.Parents, p) {
			w.add(alterTable(to.ID) + "INHERIT " + qualified(p.Schema(), p.Name()))
			w.lock(AccessExclusive, to.ID)
			w.lock(ShareUpdateExclusive, p)
		}
	}
}

// only is the word that keeps a change from reaching the tables below: what
// they have is a change of their own.
func (w *writer) only(table catalog.ID) string {
	if w.hasChildren == nil {
		w.hasChildren = map[catalog.ID]bool{}
		note := func(o catalog.Object) {
			if a, ok := o.(*catalog.Attachment); ok {
				for _, p := range a.Parents {
					w.hasChildren[p] = true
				}
			}
		}
		for o := range w.from.Each {
			note(o)
		}
		for _, c := range w.changes {
			note(c.Object())
		}
	}
	if w.hasChildren[table.As(catalog.KindTable)] {
		return "ALTER TABLE ONLY " + qualified(table.Schema(), table.Name()) + " "
	}
	return alterTable(table)
}
