package ddl

import (
	"cmp"
	"slices"

	"github.com/aludel-db/aludel/internal/catalog"
	"github.com/aludel-db/aludel/internal/diff"
)

// A partitioned table has its rows in its partitions, and what reads them does so
// in one of these at a time. What is above is only put together: an index takes
// its parts over by ATTACH, a foreign key those that are alike and valid.

// A part is what one partition gets of an index or a constraint.
type part struct {
	object catalog.Object
	table  catalog.ID
	name   string // its index
	above  string // the index that takes it over
	depth  int    // how far below
	there  bool
	split  bool // its table has partitions itself
}

// partsByNow are the parts of what is being created, on the tables that are
// attached by now, the lowest ones first: what is attached later brings its own.
// ok is false where one can't be made by itself.
func (w *writer) partsByNow(top catalog.ID) (list []part, ok bool) {
	create, isCreate := w.changes[w.at].(diff.Create)
	if !isCreate || w.hasForeignPart(top) {
		return nil, false // PostgreSQL waits in vain for the foreign table's index
	}
	indexes := map[catalog.ID]string{create.To.Base().ID: indexName(create.To)}
	for _, o := range create.Parts {
		indexes[o.Base().ID] = indexName(o)
	}
	for _, o := range create.Parts {
		p := part{object: o, table: tableOfObject(o), name: indexName(o), split: w.isSplit(tableOfObject(o))}
		if p.depth = w.depthBelow(p.table, top); p.depth == 0 {
			continue
		}
		above := aboveOf(o)
		p.above, p.there = indexes[above], w.isThere(o.Base().ID)
		if was := w.from.Get(o.Base().ID); p.there && was != nil && aboveOf(was) != above && aboveOf(was) != (catalog.ID{}) {
			return nil, false // it is still a part of another
		}
		if !p.there && w.isTaken(p.table.Schema(), p.name) {
			return nil, false
		}
		list = append(list, p)
	}
	slices.SortStableFunc(list, func(a, b part) int { return cmp.Compare(b.depth, a.depth) })
	return list, true
}

// missing are the parts that are to be made, on tables with partitions of their
// own or on those with rows.
func missing(parts []part, split bool) []part {
	return slices.DeleteFunc(slices.Clone(parts), func(p part) bool { return p.there || p.split != split })
}

// indexName is the name of an index, or of that of a constraint.
func indexName(o catalog.Object) string {
	switch o := o.(type) {
	case *catalog.Index:
		return o.ID.Name()
	case *catalog.Constraint:
		return o.Index
	}
	return ""
}

// aboveOf is what an index or a constraint is a part of, or the zero ID.
func aboveOf(o catalog.Object) catalog.ID {
	switch o := o.(type) {
	case *catalog.Index:
		return o.Above
	case *catalog.Constraint:
		return o.Above
	}
	return catalog.ID{}
}

// isSplit tells that a table has its rows in partitions.
func (w *writer) isSplit(table catalog.ID) bool {
	t, ok := w.now(tableOf(table)).(*catalog.Table)
	return ok && t.PartitionKey != ""
}

// isThere tells that an object has been made by now, or was there and still is.
func (w *writer) isThere(id catalog.ID) bool {
	if at, changes := w.made[id]; changes && at < w.at {
		return true
	}
	o := w.from.Get(id)
	return o != nil && !w.isGone(id) && !w.isGone(tableOfObject(o)) && !w.isGone(aboveOf(o))
}

// isTaken tells that a relation has this name.
func (w *writer) isTaken(schema, name string) bool {
	if name == "" {
		return false
	}
	for _, kind := range []catalog.Kind{catalog.KindTable, catalog.KindView, catalog.KindSequence, catalog.KindIndex} {
		if id := catalog.NewID(kind, schema, name, ""); w.from.Get(id) != nil && w.isThere(id) {
			return true
		}
	}
	for o := range w.from.Each {
		if k, ok := o.(*catalog.Constraint); ok && k.Index == name && k.ID.Schema() == schema && w.isThere(k.ID) {
			return true
		}
	}
	return false
}

// attachedNow is what a table hangs on by now, or nil.
func (w *writer) attachedNow(table catalog.ID) *catalog.Attachment {
	id := table.As(catalog.KindAttachment)
	at, made := w.made[id]
	if !made || at > w.at && !w.folded[id] {
		if w.isGone(id) || w.isGone(tableOf(table)) {
			return nil
		}
	}
	a, _ := w.now(id).(*catalog.Attachment)
	return a
}

// depthBelow is how far below another a table hangs by now; 0 where it doesn't.
func (w *writer) depthBelow(table, top catalog.ID) int {
	for depth := 1; ; depth++ {
		a := w.attachedNow(table)
		if a == nil || !a.IsPartition() {
			return 0
		}
		if table = a.Parents[0]; table == tableOf(top) {
			return depth
		}
	}
}

func (w *writer) hasForeignPart(table catalog.ID) bool {
	for child := range w.keysAndAttachments() {
		if t, ok := w.from.Get(child).(*catalog.Table); ok && t.Server != "" && w.depthBelow(child, table) > 0 {
			return true
		}
	}
	return false
}

// createIndexOnParts makes an index that has no parts, those by themselves, and
// puts them together. With the last one it is valid.
func (w *writer) createIndexOnParts(i *catalog.Index) bool {
	parts, ok := w.partsByNow(i.Table)
	if !ok || slices.ContainsFunc(parts, func(p part) bool {
		x, isIndex := p.object.(*catalog.Index)
		return !p.there && !isIndex || isIndex && x.Invalid
	}) {
		return false
	}
	lacking := w.lackParts(i.Table, parts)
	if lacking && (i.Unique || len(parts) == 0) {
		return false // a foreign key may be about to lead to it; or nothing would make it valid
	}
	w.add(indexSQL(i))
	w.lock(Share, i.Table)
	for _, p := range missing(parts, true) {
		w.add(indexSQL(p.object.(*catalog.Index)))
		w.lock(Share, p.table)
	}
	for _, p := range missing(parts, false) {
		w.buildIndex(indexSQL(p.object.(*catalog.Index)), p.table)
	}
	now := len(w.statements)
	w.attachParts(parts)
	if lacking { // it gets valid with a part, once it has them all
		w.late = append(w.late, w.statements[now:]...)
		w.statements = w.statements[:now]
	}
	return true
}

// lackParts tells of a table with partitions that are to go and have no part.
func (w *writer) lackParts(table catalog.ID, parts []part) bool {
	for child := range w.keysAndAttachments() {
		if w.depthBelow(child, table) > 0 && !slices.ContainsFunc(parts, func(p part) bool { return p.table == child }) {
			return true
		}
	}
	return false
}

// buildIndex builds an index on a table with rows, others at work unless it is
// new.
func (w *writer) buildIndex(sql string, table catalog.ID) {
	mode := Share
	if w.isBusy(table) {
		sql, mode = concurrently(sql), ShareUpdateExclusive
	}
	w.add(sql)
	w.lock(mode, table)
}

// attachParts locks the indexes alone, but each of them against all: nobody plans
// a query on its partition until the end of the transaction.
func (w *writer) attachParts(parts []part) {
	for _, p := range parts {
		w.add("ALTER INDEX " + qualified(p.table.Schema(), p.above) + " ATTACH PARTITION " + qualified(p.table.Schema(), p.name))
		w.lock(AccessShare)
	}
}

// addKeyOnParts has each partition get its key by way of an index, and the table
// above take them over.
func (w *writer) addKeyOnParts(k *catalog.Constraint) bool {
	parts, ok := w.partsByNow(k.ID)
	if !ok || w.lackParts(k.ID, parts) {
		return false
	}
	for _, p := range missing(parts, false) {
		if key, isKey := p.object.(*catalog.Constraint); !isKey || keyIndex(key) == "" {
			return false
		}
	}
	leaves := missing(parts, false)
	for _, p := range leaves {
		w.buildIndex(keyIndex(p.object.(*catalog.Constraint)), p.table)
	}
	for _, p := range leaves {
		w.addKeyUsingIndex(p.object.(*catalog.Constraint))
	}
	if len(leaves) > 0 {
		w.commit()
	}
	only := func(k *catalog.Constraint) {
		w.add("ALTER TABLE ONLY " + qualified(k.ID.Schema(), k.ID.Name()) + " ADD CONSTRAINT " + ident(k.ID.Sub()) + " " + k.Definition)
		w.lock(AccessExclusive, tableOf(k.ID))
	}
	only(k)
	for _, p := range missing(parts, true) {
		only(p.object.(*catalog.Constraint))
	}
	w.attachParts(parts)
	return true
}

// addForeignKeyOnParts is for before PostgreSQL 18, which alone adds foreign keys
// NOT VALID to partitioned tables. A key that a partition has already is made a
// part of the new one if it is alike and valid.
func (w *writer) addForeignKeyOnParts(k *catalog.Constraint) bool {
	parts, ok := w.partsByNow(k.ID)
	if !ok {
		return false
	}
	leaves := missing(parts, false)
	for _, p := range leaves {
		w.addNotValid(p.object.(*catalog.Constraint))
	}
	if len(leaves) > 0 {
		w.commit()
	}
	for _, p := range leaves {
		w.validate(p.object.Base().ID)
	}
	if len(leaves) > 0 {
		w.commit()
	}
	w.add("ALTER " + parentOf(k) + " ADD CONSTRAINT " + ident(k.ID.Sub()) + " " + k.Definition)
	if len(parts) > 0 { // the triggers that a part has there go
		w.lock(AccessExclusive, referenced(k))
	}
	w.lock(ShareRowExclusive, tableOf(k.ID), referenced(k))
	if w.lackParts(k.ID, parts) {
		w.scans(k.ID)
	}
	return true
}

// dropNotNullBelow is for partitions that had a primary key by themselves before
// the one above took it over: since PostgreSQL 18 their NOT NULL is their own from
// then on, and stays when that above goes. Where there is none it does nothing.
func (w *writer) dropNotNullBelow(c *catalog.Column) {
	if !w.options.UndoOnline || w.from.Major < 18 || !w.isSplit(c.ID) {
		return
	}
	var below []catalog.ID
	for child := range w.keysAndAttachments() {
		if w.depthBelow(child, c.ID) > 0 {
			below = append(below, child)
		}
	}
	slices.SortFunc(below, catalog.ID.Compare)
	for _, table := range below {
		w.add(alterTable(table) + "ALTER COLUMN " + ident(c.ID.Sub()) + " DROP NOT NULL")
		w.lock(AccessExclusive, table)
	}
}
