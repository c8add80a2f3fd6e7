package ddl

import (
	"slices"
	"strings"

	"github.com/aludel-db/aludel/internal/catalog"
	"github.com/aludel-db/aludel/internal/diff"
)

// A Batch says that a statement runs over a table bit by bit: the placeholders
// :from and :to in it are the first and the last key of a stretch.
type Batch struct {
	// Table is its name as SQL has it.
	Table string
	// Key are the columns of its primary key, quoted.
	Key []string
}

// Row writes expressions for the columns of the key as one, to compare with a
// placeholder.
func (b *Batch) Row(expressions []string) string {
	if len(expressions) == 1 {
		return expressions[0]
	}
	return "(" + strings.Join(expressions, ", ") + ")"
}

// fillInBatches adds a column whose default is another for each row without
// writing the table anew: the rows that are there get theirs afterwards. Where there
// is no such way, it says why.
func (w *writer) fillInBatches(c *catalog.Column, d *catalog.Default) (done bool, why string) {
	if !w.isBusy(c.ID) {
		return false, ""
	}
	switch {
	case c.Generated == "STORED":
		return false, "PostgreSQL computes a stored column only while it writes the table anew"
	case c.Identity != "":
		return false, "PostgreSQL numbers the rows that are there only while it writes the table anew"
	case d == nil || w.fills(c, ""):
		return false, "PostgreSQL asks a domain that has constraints only while it writes the table anew"
	case c.NotNullName != "" || c.NotNullNoInherit || c.NotNullNotValid:
		return false, "its NOT NULL has a name or a form of its own"
	}
	batch, why := w.batchOver(c.ID)
	if batch == nil {
		return false, why
	}
	bare := *c
	bare.NotNull = false
	w.add(alterTable(c.ID) + "ADD COLUMN " + columnClause(&bare))
	w.add(alterTable(c.ID) + "ALTER COLUMN " + ident(c.ID.Sub()) + " SET DEFAULT " + d.Expression)
	w.commit()
	w.inBatches(batch, "UPDATE "+batch.Table+" SET "+ident(c.ID.Sub())+" = DEFAULT", ident(c.ID.Sub())+" IS NULL", c.ID)
	if c.NotNull && !w.setNotNullOnline(c) {
		w.setNotNull(c)
	}
	return true, ""
}

// inBatches adds a statement that runs over a table in batches, for the rows that
// meet a condition.
func (w *writer) inBatches(batch *Batch, statement, condition string, table catalog.ID) {
	w.add(statement + " WHERE " + batch.Row(batch.Key) + " BETWEEN :from AND :to AND " + condition)
	w.statements[len(w.statements)-1].Batch = batch
	w.lock(RowExclusive, table)
}

// batchOver is the way over a table by its primary key. There is none where an
// UPDATE would do more than write the rows, or not reach them.
func (w *writer) batchOver(table catalog.ID) (batch *Batch, why string) {
	t, isTable := w.from.Get(tableOf(table)).(*catalog.Table)
	key := w.primaryKey(table)
	switch {
	case !isTable || key == nil:
		return nil, "the table has no primary key for batches to follow"
	case t.ForceRowSecurity:
		return nil, "row security keeps rows from the table's owner"
	case t.ReplicaIdentity != "DEFAULT" && t.ReplicaIdentity != "FULL":
		return nil, "the table's rows have not the usual replica identity, without which a publication lets none be updated"
	case w.isInheritedFrom(table):
		return nil, "other tables inherit from it, and may have rows without a key"
	case w.hearsOfUpdates(table):
		return nil, "the table has triggers or rules that an UPDATE of its rows would set off"
	}
	return &Batch{Table: qualified(t.ID.Schema(), t.ID.Name()), Key: key}, ""
}

// primaryKey are the columns of a table's primary key as it is by now; nil where
// it has none.
func (w *writer) primaryKey(table catalog.ID) []string {
	for o := range w.from.Each {
		k, ok := o.(*catalog.Constraint)
		if !ok || k.Type != catalog.PrimaryKey || k.Domain || tableOf(k.ID) != tableOf(table) || !w.isThere(k.ID) {
			continue
		}
		_, columns, _ := strings.Cut(k.Definition, "(")
		columns, _, _ = strings.Cut(columns, ")")
		if strings.Count(columns, `"`)%2 != 0 {
			return nil // a name with a parenthesis
		}
		return splitNames(columns)
	}
	return nil
}

// splitNames takes a list of names apart, quoted or not.
func splitNames(list string) []string {
	var names []string
	for part := range strings.SplitSeq(list, ", ") {
		if n := len(names); n > 0 && strings.Count(names[n-1], `"`)%2 != 0 {
			names[n-1] += ", " + part
			continue
		}
		names = append(names, part)
	}
	return names
}

// isInheritedFrom tells of a table that others inherit from, partitions aside.
func (w *writer) isInheritedFrom(table catalog.ID) bool {
	for o := range w.from.Each {
		if a, ok := o.(*catalog.Attachment); ok && !a.IsPartition() && slices.Contains(a.Parents, tableOf(table)) {
			return true
		}
	}
	return false
}

// hearsOfUpdates tells of a table that has triggers or rules for UPDATE, itself or
// in a partition.
func (w *writer) hearsOfUpdates(table catalog.ID) bool {
	hears := func(o catalog.Object, definition string) bool {
		of := tableOf(o.Base().ID)
		event, _, _ := strings.Cut(definition, " EXECUTE ")
		return strings.Contains(event, " UPDATE ") && w.isThere(o.Base().ID) && (of == tableOf(table) || w.depthBelow(of, table) > 0)
	}
	is := func(o catalog.Object) bool {
		switch o := o.(type) {
		case *catalog.Trigger:
			return hears(o, o.Definition)
		case *catalog.Rule:
			return hears(o, o.Definition)
		}
		return false
	}
	for o := range w.from.Each {
		if is(o) {
			return true
		}
	}
	return slices.ContainsFunc(w.changes[:w.at], func(c diff.Change) bool { return is(c.Object()) })
}
