package ddl

import (
	"slices"
	"strings"

	"github.com/aludel-db/aludel/internal/catalog"
	"github.com/aludel-db/aludel/internal/diff"
)

// An expansion changes a column's type without writing its table anew under a
// lock: a column of the new type is added, a trigger fills it from the old one for
// what is written, batches for what is there, its indexes are built; and in one
// short transaction it takes the place of the old one.
type expansion struct {
	from, to *catalog.Column
	fresh    catalog.ID // the column that is added
	function string
	batch    *Batch

	value     *catalog.Default // nil: none
	indexes   []*catalog.Index
	keys      []*catalog.Constraint
	rows      []*catalog.Constraint // checks and foreign keys
	sequences []*catalog.Sequence   // that belong to it
}

// planExpansions finds the columns that are changed so, before the first statement
// is written: what stands on them is then not taken down for it.
func (w *writer) planExpansions() {
	w.expansions, w.notExpanded, w.comesAlong = map[catalog.ID]*expansion{}, map[catalog.ID]string{}, map[catalog.ID]bool{}
	if !w.options.Online {
		return
	}
	for i, c := range w.changes {
		a, isAlter := c.(diff.Alter)
		from, isColumn := c.Object().(*catalog.Column)
		if isAlter && isColumn {
			from = a.From.(*catalog.Column)
		}
		w.at = i
		if !isAlter || !isColumn || !w.isBusy(from.ID) || !rewrites(from.Type, a.To.(*catalog.Column).Type) {
			continue
		}
		if e, why := w.expansionOf(from, a.To.(*catalog.Column)); why != "" {
			w.notExpanded[from.ID] = why
		} else {
			w.expansions[from.ID] = e
			for _, k := range e.rows {
				w.comesAlong[k.ID] = true
			}
			w.comesAlong[from.ID.With(catalog.KindDefault, from.ID.Sub())] = true
		}
	}
	w.at = 0
}

// expansionOf collects what belongs to a column, or says why it has to be changed
// in the plain way.
func (w *writer) expansionOf(from, to *catalog.Column) (*expansion, string) {
	id := from.ID
	e := &expansion{from: from, to: to, fresh: id.With(catalog.KindColumn, id.Sub()+"__new")}
	e.function = catalog.GeneratedName(id.Name(), []string{id.Sub()}, "sync")
	table := w.from.Get(tableOf(id)).(*catalog.Table)
	switch {
	case w.isSplit(id) || len(w.from.Parents(id)) > 0 || table.OfType != "":
		return nil, "the table is partitioned, inherits, or is of a type"
	case from.Identity != "" || to.Identity != "" || from.Generated != "" || to.Generated != "":
		return nil, "the column is an identity or generated"
	case !w.isSteady(from, to):
		return nil, "the conversion may hang on the settings of a session"
	case to.NotNullName != "" || to.NotNullNoInherit || to.NotNullNotValid || to.NotNullComment != "":
		return nil, "its NOT NULL has a name or a form of its own"
	case w.isPublished(table):
		return nil, "the table is published, and its subscribers don't know the column that would be added"
	case len(from.Grants)+len(to.Grants)+len(from.Labels) > 0:
		return nil, "the column has privileges or labels of its own"
	case len(id.Sub())+len("__new") > 63 || w.from.Get(e.fresh) != nil || w.from.Get(catalog.NewID(catalog.KindFunction, id.Schema(), e.function, "")) != nil:
		return nil, "the names that it would take are not free"
	}
	why := ""
	if e.batch, why = w.batchOver(id); e.batch == nil {
		return nil, why
	}
	for o := range w.from.Each {
		if why := e.take(w, table, o); why != "" {
			return nil, why
		}
	}
	if at, made := w.made[id.With(catalog.KindDefault, id.Sub())]; made {
		e.value = w.changes[at].Object().(*catalog.Default)
		if !w.isReady(e.value, id) {
			return nil, "its default needs something that comes later"
		}
	} else if d, ok := w.from.Get(id.With(catalog.KindDefault, id.Sub())).(*catalog.Default); ok && w.gone[d.ID] == 0 {
		e.value = d
	}
	return e, ""
}

// isReady tells that what an object needs is there when the column changes.
func (w *writer) isReady(o catalog.Object, column catalog.ID) bool {
	return !slices.ContainsFunc(o.Base().Needs, func(needed catalog.ID) bool { return needed != column && w.comesLater(needed) })
}

// take looks at an object that may stand on the column, and says why it can't be
// carried over.
func (e *expansion) take(w *writer, table *catalog.Table, o catalog.Object) (why string) {
	id := o.Base().ID
	if s, ok := o.(*catalog.Sequence); ok && s.OwnedBy == e.from.ID {
		if w.gone[id] == 0 {
			e.sequences = append(e.sequences, s)
		}
		return ""
	}
	if !slices.Contains(o.Base().Needs, e.from.ID) {
		return ""
	}
	at, again := w.made[id]
	goes := w.gone[id] > 0
	if goes && !again {
		return ""
	}
	switch o := o.(type) {
	case *catalog.Default, *catalog.Statistics:
		return ""
	case *catalog.Index:
		if !goes && !again && e.takeIndex(table, o) {
			return ""
		}
	case *catalog.Constraint:
		switch {
		case tableOf(o.ID) != table.ID:
			return "foreign key " + o.ID.Sub() + " of another table leads to it"
		case (o.Type == catalog.ForeignKey || o.Type == catalog.Check) && goes:
			k := w.changes[at].Object().(*catalog.Constraint)
			if k.Type == o.Type && !k.NotValid && w.isReady(k, e.from.ID) && !w.leadsToRetyped(o) {
				e.rows = append(e.rows, k)
				return ""
			}
		case o.Type == catalog.Check && !goes && !again && !o.NotValid:
			e.rows = append(e.rows, o)
			return ""
		case !goes && !again && e.takeKey(table, o):
			return ""
		}
	}
	_, name, _ := strings.Cut(id.String(), " ")
	return string(id.Kind()) + " " + name + " stands on it, and can't be carried over"
}

// leadsToRetyped tells of a foreign key whose other side changes as well, or is
// its own table.
func (w *writer) leadsToRetyped(k *catalog.Constraint) bool {
	return k.Type == catalog.ForeignKey && (referenced(k) == tableOf(k.ID) || slices.ContainsFunc(k.Needs, func(needed catalog.ID) bool {
		_, changes := w.made[needed]
		return changes && needed.Kind() == catalog.KindColumn && tableOf(needed) != tableOf(k.ID)
	}))
}

func (e *expansion) takeIndex(table *catalog.Table, i *catalog.Index) bool {
	_, plain := e.onFresh(i.Definition)
	e.indexes = append(e.indexes, i)
	return plain && !i.Invalid && i.Tablespace == "" && len(i.Statistics) == 0 && table.ClusterOn != i.ID.Name() && table.ReplicaIdentity != i.ID.Name()
}

func (e *expansion) takeKey(table *catalog.Table, k *catalog.Constraint) bool {
	sql := keyIndex(k)
	_, plain := e.onFresh(sql)
	e.keys = append(e.keys, k)
	return (k.Type == catalog.PrimaryKey || k.Type == catalog.Unique) && sql != "" && plain &&
		table.ClusterOn != k.Index && table.ReplicaIdentity != k.Index
}

// freshName is what an index on the new column is called until the swap.
func freshName(index string) string {
	const suffix = "__new"
	return index[:min(len(index), 63-len(suffix))] + suffix
}

// onFresh is CREATE INDEX with the new column in place of the old one, and under
// another name. plain is false where the column may stand within an expression.
func (e *expansion) onFresh(sql string) (fresh string, plain bool) {
	if strings.Contains(sql, " WHERE ") {
		return "", false
	}
	sql, parameters, stored := strings.Cut(sql, " WITH (") // storage parameters stand behind the columns
	if stored {
		parameters = " WITH (" + parameters
	}
	head, list, found := strings.Cut(sql, "(")
	if !found || strings.Contains(list, "(") && !strings.Contains(list, " INCLUDE (") {
		return "", false
	}
	old, now := ident(e.from.ID.Sub()), ident(e.fresh.Sub())
	lists := strings.SplitAfter(list, "(") // of the key and of what is included
	for n, part := range lists {
		columns, rest, _ := strings.Cut(part, ")")
		items := splitNames(columns)
		for i, item := range items {
			if item == old || strings.HasPrefix(item, old+" ") {
				items[i] = now + strings.TrimPrefix(item, old)
			}
		}
		lists[n] = strings.Join(items, ", ") + ")" + rest
	}
	return head + "(" + strings.Join(lists, "") + parameters, strings.Count(head, `"`)%2 == 0
}

// renamedIndex gives the index that CREATE INDEX makes another name.
func renamedIndex(sql, from, to string) string {
	return strings.Replace(sql, " INDEX "+ident(from)+" ON ", " INDEX "+ident(to)+" ON ", 1)
}

// expand writes an expansion.
func (w *writer) expand(e *expansion) {
	if len(w.statements) > 0 {
		w.commit()
	}
	start := len(w.statements)
	w.addFresh(e)
	fresh := ident(e.fresh.Sub())
	w.inBatches(e.batch, "UPDATE "+e.batch.Table+" SET "+fresh+" = "+converted(ident(e.from.ID.Sub()), e.from.Type, e.to.Type),
		fresh+" IS NULL AND "+ident(e.from.ID.Sub())+" IS NOT NULL", e.from.ID)
	if e.to.NotNull {
		bare := catalog.At(e.to, e.fresh).(*catalog.Column)
		w.setNotNullOnline(bare)
		w.commit()
	}
	for _, i := range e.indexes {
		sql, _ := e.onFresh(indexSQL(i))
		w.buildIndex(renamedIndex(sql, i.ID.Name(), freshName(i.ID.Name())), i.Table)
	}
	for _, k := range e.keys {
		sql, _ := e.onFresh(keyIndex(k))
		w.buildIndex(renamedIndex(sql, k.Index, freshName(k.Index)), k.ID)
	}
	w.swapIn(e)
	w.commit()
	steps := &Steps{Undo: []string{
		"DROP TRIGGER IF EXISTS " + e.trigger() + " ON " + e.batch.Table,
		"DROP FUNCTION IF EXISTS " + e.call(),
		"ALTER TABLE " + e.batch.Table + " DROP COLUMN IF EXISTS " + fresh,
	}}
	for i := start; i < len(w.statements); i++ {
		w.statements[i].Steps = steps
	}
	for _, k := range e.rows {
		w.validate(k.ID)
	}
}

// trigger is the name of the one that fills the new column. It is the last one, so
// that it sees what others have done to the row.
func (e *expansion) trigger() string { return ident("~" + e.function) }

// call is the trigger's function.
func (e *expansion) call() string { return qualified(e.from.ID.Schema(), e.function) + "()" }

// addFresh adds the column and the trigger that fills it.
func (w *writer) addFresh(e *expansion) {
	bare := catalog.At(e.to, e.fresh).(*catalog.Column)
	bare.NotNull = false
	w.add(alterTable(e.from.ID) + "ADD COLUMN " + columnClause(bare))
	w.columnState(&catalog.Column{Statistics: -1, Type: bare.Type}, bare)
	w.add("CREATE FUNCTION " + e.call() + " RETURNS trigger LANGUAGE plpgsql AS $sync$BEGIN NEW." + ident(e.fresh.Sub()) + " := " +
		converted("NEW."+ident(e.from.ID.Sub()), e.from.Type, e.to.Type) + "; RETURN NEW; END$sync$")
	w.lock(AccessShare)
	w.add("CREATE TRIGGER " + e.trigger() + " BEFORE INSERT OR UPDATE ON " + e.batch.Table + " FOR EACH ROW EXECUTE FUNCTION " + e.call())
	w.lock(ShareRowExclusive, e.from.ID)
	// Else rows that a subscription brings would be passed over.
	w.add(alterTable(e.from.ID) + "ENABLE ALWAYS TRIGGER " + e.trigger())
	w.lock(ShareRowExclusive, e.from.ID)
	w.commit()
}

// isPublished tells that a table's changes go to subscribers.
func (w *writer) isPublished(t *catalog.Table) bool {
	for o := range w.from.Each {
		p, ok := o.(*catalog.Publication)
		if ok && (p.AllTables || slices.Contains(p.Schemas, t.ID.Schema()) || slices.ContainsFunc(p.Tables, func(published string) bool {
			return isOf(published, t.ID)
		})) {
			return true
		}
	}
	return false
}

// swapIn puts the new column in the place of the old one, with all that it had.
func (w *writer) swapIn(e *expansion) {
	id := e.from.ID
	alter, schema := alterTable(id), id.Schema()
	for _, s := range e.sequences {
		w.add("ALTER " + name(s) + " OWNED BY " + e.batch.Table + "." + ident(e.fresh.Sub()))
		w.lock(AccessShare)
	}
	w.add("DROP TRIGGER " + e.trigger() + " ON " + e.batch.Table)
	w.add("DROP FUNCTION " + e.call())
	w.lock(AccessShare)
	w.add(alter + "DROP COLUMN " + ident(id.Sub()))
	w.lock(AccessExclusive, id)
	for _, k := range e.rows {
		if k.Type == catalog.ForeignKey { // its triggers there go with it
			w.lock(AccessExclusive, referenced(k))
		}
	}
	w.add(alter + "RENAME COLUMN " + ident(e.fresh.Sub()) + " TO " + ident(id.Sub()))
	if e.to.NotNull && w.from.Major >= 18 {
		w.add(alter + "RENAME CONSTRAINT " + ident(catalog.GeneratedName(id.Name(), []string{e.fresh.Sub()}, "not_null")) + " TO " + ident(notNullName(e.to)))
	}
	if e.value != nil {
		w.add(alter + "ALTER COLUMN " + ident(id.Sub()) + " SET DEFAULT " + e.value.Expression)
	}
	for _, i := range e.indexes {
		w.add("ALTER INDEX " + qualified(schema, freshName(i.ID.Name())) + " RENAME TO " + ident(i.ID.Name()))
		w.lock(AccessShare)
		if i.Comment != "" {
			w.comment(i)
		}
	}
	for _, k := range e.keys {
		w.addKeyUsing(k, freshName(k.Index))
		w.indexComment(k)
	}
	for _, k := range e.rows {
		w.addNotValid(k)
	}
	for _, k := range slices.Concat(e.keys, e.rows) {
		if k.Comment != "" {
			w.comment(k)
		}
	}
	if e.to.Comment != "" {
		w.comment(e.to)
	}
}

// isSteady tells that a value becomes the same one of another type in every
// session: the trigger runs in those of others, whose time zone, style of dates or
// number of digits may be any.
func (w *writer) isSteady(from, to *catalog.Column) bool {
	was, isArray := strings.CutSuffix(from.Type, "[]")
	is, becomesArray := strings.CutSuffix(to.Type, "[]")
	a, b := w.steadyKind(was, from), w.steadyKind(is, to)
	switch {
	case isArray != becomesArray || a == "" || b == "":
		return false
	case a == b:
		return true
	case a == "float":
		return b == "exact"
	case a == "text":
		return b == "exact" || b == "float" || b == "json" || b == "enum"
	}
	return a == "exact" && (b == "text" || b == "float") || a == "json" && b == "text" || a == "enum" && b == "text"
}

// steadyKind groups types among which conversions hang on no setting; empty for
// others.
func (w *writer) steadyKind(typ string, c *catalog.Column) string {
	base, _ := modified(typ)
	switch base {
	case "smallint", "integer", "bigint", "numeric", "boolean", "uuid":
		return "exact"
	case "real", "double precision":
		return "float"
	case "text", "character varying", "character":
		return "text"
	case "json", "jsonb":
		return "json"
	case "date", "timestamp without time zone":
		return "time"
	case "timestamp with time zone", "time without time zone", "bit", "bit varying":
		return base // of another precision or length
	}
	for _, needed := range c.Needs {
		if t, ok := w.now(needed).(*catalog.Type); ok && t.Form == catalog.Enum && base == qualified(t.ID.Schema(), t.ID.Name()) {
			return "enum"
		}
	}
	return ""
}
