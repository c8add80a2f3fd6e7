package ddl

import (
	"slices"
	"strings"

	"github.com/aludel-db/aludel/internal/catalog"
	"github.com/aludel-db/aludel/internal/diff"
)

// A check says of a table's rows what ATTACH PARTITION would look for, and goes
// when that is done.
type boundCheck struct {
	table catalog.ID
	name  string
}

// readyToAttach sees to it that ATTACH PARTITION, which keeps everybody from the
// new partition and from the default one, has nothing to read there: both have
// checks that say what it wants to know, and the new one has its indexes and keys.
// It answers the checks, and whether the new one has foreign keys of its own.
func (w *writer) readyToAttach(a *catalog.Attachment) (checks []boundCheck, hasKeys bool) {
	hasKeys = len(w.keysOf(a.ID)) > 0
	if !w.options.Online {
		return nil, hasKeys
	}
	parent := a.Parents[0]
	if condition, ok := w.boundCondition(parent, a.Bound); ok {
		for _, other := range w.defaultPartition(parent) {
			if w.isBusy(other) {
				checks = append(checks, w.addBoundCheck(other, "NOT ("+condition+")"))
			}
		}
	}
	if !w.isBusy(a.ID) {
		return checks, hasKeys
	}
	if condition, ok := w.conditionOf(a); ok {
		checks = append(checks, w.addBoundCheck(tableOf(a.ID), condition))
	}
	if !w.isSplit(a.ID) {
		hasKeys = w.buildParts() || hasKeys
	}
	return checks, hasKeys
}

// buildParts gives a table of its own what it would get of the indexes, keys and
// foreign keys that are above by now: those that are alike are made their parts. It answers whether
// foreign keys are among them.
func (w *writer) buildParts() (keys bool) {
	create, _ := w.changes[w.at].(diff.Create)
	for _, o := range create.Parts {
		if w.isThere(o.Base().ID) || !w.isThere(aboveOf(o)) || w.isTaken(o.Base().ID.Schema(), indexName(o)) {
			continue
		}
		switch o := o.(type) {
		case *catalog.Index:
			w.createIndexOnline(o)
		case *catalog.Constraint:
			switch o.Type {
			case catalog.PrimaryKey, catalog.Unique:
				w.addKeyOnline(o)
			case catalog.ForeignKey:
				w.addNotValid(o)
				w.commit()
				w.validate(o.ID)
				w.commit()
				keys = true
			}
		}
	}
	return keys
}

// addBoundCheck adds a check by which PostgreSQL knows what rows a table has.
func (w *writer) addBoundCheck(table catalog.ID, condition string) boundCheck {
	name := catalog.GeneratedName(table.Name(), nil, "bound")
	w.add(alterTable(table) + "ADD CONSTRAINT " + ident(name) + " CHECK (" + condition + ") NOT VALID")
	w.lock(AccessExclusive, table)
	w.commit()
	w.validate(table.With(catalog.KindConstraint, name))
	w.commit()
	return boundCheck{tableOf(table), name}
}

func (w *writer) dropBoundChecks(checks []boundCheck) {
	for _, c := range checks {
		w.add(alterTable(c.table) + "DROP CONSTRAINT " + ident(c.name))
		w.lock(AccessExclusive, c.table)
	}
}

// conditionOf is what the rows of a new partition have to meet, those above it
// included.
func (w *writer) conditionOf(a *catalog.Attachment) (string, bool) {
	var conditions []string
	for ; a != nil && a.IsPartition(); a = w.attachedNow(a.Parents[0]) {
		condition, ok := w.boundCondition(a.Parents[0], a.Bound)
		if !ok {
			return "", false
		}
		conditions = append(conditions, condition)
	}
	return strings.Join(conditions, " AND "), true
}

// boundCondition is a bound in the form in which PostgreSQL compares it with
// checks, where its key is a column. That of the default partition says what the
// others are not for, and that of a hash names the table by its number.
func (w *writer) boundCondition(table catalog.ID, bound string) (string, bool) {
	t, ok := w.now(tableOf(table)).(*catalog.Table)
	if !ok || len(t.KeyColumns) != 1 {
		return "", false
	}
	column := ident(t.KeyColumns[0])
	values, isList := strings.CutPrefix(bound, "FOR VALUES IN (")
	if isList && t.PartitionKey == "LIST ("+column+")" {
		return column + " IS NOT NULL AND " + column + " IN (" + values, !strings.Contains(values, "NULL")
	}
	limits, isRange := strings.CutPrefix(bound, "FOR VALUES FROM (")
	from, to, once := strings.Cut(strings.TrimSuffix(limits, ")"), ") TO (")
	if !isRange || t.PartitionKey != "RANGE ("+column+")" || !once || strings.Contains(to, ") TO (") {
		return "", false
	}
	conditions := []string{column + " IS NOT NULL"}
	if from != "MINVALUE" {
		conditions = append(conditions, column+" >= "+from)
	}
	if to != "MAXVALUE" {
		conditions = append(conditions, column+" < "+to)
	}
	return strings.Join(conditions, " AND "), true
}

// detachOnline takes a partition from a table that others use meanwhile, and tells
// whether there is a way: not before PostgreSQL 14, nor beside a default partition.
func (w *writer) detachOnline(a *catalog.Attachment) bool {
	parent := a.Parents[0]
	t, ok := w.now(tableOf(parent)).(*catalog.Table)
	if !ok || !w.isBusy(parent) || !w.isBusy(a.ID) || w.from.Major < 14 || len(w.defaultPartition(parent)) > 0 || len(w.from.Parents(parent)) > 0 {
		return false
	}
	name := catalog.GeneratedName(a.ID.Name(), nil, "check")
	if len(t.KeyColumns) == 1 {
		name = catalog.GeneratedName(a.ID.Name(), t.KeyColumns, "check")
	}
	if w.hasConstraint(a.ID.Schema(), name) {
		return false // there would be no telling which one is PostgreSQL's
	}
	w.add(alterTable(parent) + "DETACH PARTITION " + qualified(a.ID.Schema(), a.ID.Name()) + " CONCURRENTLY")
	w.lock(ShareUpdateExclusive, parent)
	w.lock(AccessExclusive, a.ID)
	if w.goesAltogether(a.ID) {
		return true
	}
	// It leaves the bound behind as a check, unless the table has one that says it.
	w.add(alterTable(a.ID) + "DROP CONSTRAINT IF EXISTS " + ident(name))
	w.lock(AccessExclusive, a.ID)
	return true
}

// dropTable takes a partition from the table above first where that stays: DROP
// keeps everybody from that.
func (w *writer) dropTable(t *catalog.Table) {
	a, ok := w.from.Get(t.ID.As(catalog.KindAttachment)).(*catalog.Attachment)
	isDetached := ok && a.IsPartition() && !w.isGone(a.ID) && !w.goesAltogether(a.Parents[0]) && w.detachOnline(a)
	w.add("DROP "+name(t), DataLoss)
	if isDetached {
		w.lock(AccessExclusive, t.ID)
	}
}

// goesAltogether tells that a table is dropped, now or later.
func (w *writer) goesAltogether(table catalog.ID) bool { return w.gone[tableOf(table)] > 0 }

// hasConstraint tells that a schema has a constraint of a name, before or after:
// PostgreSQL chooses one that no other has there (ChooseConstraintName).
func (w *writer) hasConstraint(schema, name string) bool {
	is := func(o catalog.Object) bool {
		_, isConstraint := o.(*catalog.Constraint)
		return isConstraint && o.Base().ID.Schema() == schema && o.Base().ID.Sub() == name
	}
	for o := range w.from.Each {
		if is(o) {
			return true
		}
	}
	return slices.ContainsFunc(w.changes, func(c diff.Change) bool { return is(c.Object()) })
}
