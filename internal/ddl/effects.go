package ddl

import (
	"slices"
	"strings"

	"github.com/aludel-db/aludel/internal/catalog"
	"github.com/aludel-db/aludel/internal/diff"
	"github.com/aludel-db/aludel/internal/sqltext"
)

// A Hazard is what a statement may do to data or to others.
type Hazard string

// The hazards.
const (
	DataLoss Hazard = "data loss" // rows or values are gone
	Rewrite  Hazard = "rewrite"   // the table is written anew, and so are its indexes
	Scan     Hazard = "scan"      // all its rows are read
)

// A LockMode is one of PostgreSQL's table locks.
type LockMode = sqltext.LockMode

// The modes that statements of this package take.
const (
	AccessShare          = sqltext.AccessShare
	RowShare             = sqltext.RowShare
	RowExclusive         = sqltext.RowExclusive
	ShareUpdateExclusive = sqltext.ShareUpdateExclusive
	Share                = sqltext.Share
	ShareRowExclusive    = sqltext.ShareRowExclusive
	Exclusive            = sqltext.Exclusive
	AccessExclusive      = sqltext.AccessExclusive
)

// A Lock is held on a table or a view until the end of the transaction. The
// partitions of a table are locked with it.
type Lock struct {
	Table catalog.ID
	Mode  LockMode
}

// lock says which locks the last statement takes, where that isn't what most
// for such an object do. Only what was there before counts: nobody else can
// know of a table that is new.
func (w *writer) lock(mode LockMode, tables ...catalog.ID) {
	last := &w.statements[len(w.statements)-1]
	last.known = true
	if mode < ShareUpdateExclusive {
		return // stands in nobody's way
	}
	for _, t := range tables {
		w.addLock(last, mode, t)
	}
}

func (w *writer) addLock(s *Statement, mode LockMode, relation catalog.ID) {
	for _, kind := range []catalog.Kind{catalog.KindTable, catalog.KindView} {
		id := relation.As(kind)
		if w.from.Get(id) != nil && !w.isGone(id) && !slices.ContainsFunc(s.Locks, func(l Lock) bool { return l.Table == id }) {
			s.Locks = append(s.Locks, Lock{Table: id, Mode: mode})
		}
	}
}

// isGone tells that an object has been dropped by now.
func (w *writer) isGone(id catalog.ID) bool { return w.gone[id] > 0 && w.gone[id] <= w.at }

// later puts a statement behind all others.
func (w *writer) later(sql string, mode LockMode, table catalog.ID) {
	s := Statement{SQL: sql, known: true}
	if mode >= ShareUpdateExclusive {
		w.addLock(&s, mode, table)
	}
	w.late = append(w.late, s)
}

// scans marks the last statement, where the table was there before and so may
// have rows.
func (w *writer) scans(table catalog.ID) {
	if w.from.Get(tableOf(table)) != nil || w.from.Get(table.As(catalog.KindView)) != nil {
		last := &w.statements[len(w.statements)-1]
		last.Hazards = append(last.Hazards, Scan)
	}
}

// scansSome marks it for the tables with columns of a domain.
func (w *writer) scansSome(tables []catalog.ID) {
	if len(tables) > 0 {
		w.scans(tables[0])
	}
}

// usualLocks are those of a change's statements that don't say.
func (w *writer) usualLocks(c diff.Change, statements []Statement) {
	o := c.Object()
	tables := []catalog.ID{tableOfObject(o)}
	if _, isRename := c.(diff.Rename); isRename {
		if _, isIndex := o.(*catalog.Index); isIndex {
			return
		}
	}
	switch o := o.(type) {
	case *catalog.Constraint:
		if _, isDrop := c.(diff.Drop); isDrop && o.Type == catalog.ForeignKey {
			tables = append(tables, referenced(o))
		}
	case *catalog.Statistics:
		w.lockNeeded(statements, o.Needs)
	case *catalog.Publication:
		needs := o.Needs
		if a, isAlter := c.(diff.Alter); isAlter {
			needs = slices.Concat(needs, a.From.Base().Needs)
			needs = slices.DeleteFunc(needs, func(needed catalog.ID) bool { return w.unpublished[tableOf(needed)] })
		}
		if _, isDrop := c.(diff.Drop); !isDrop {
			w.lockNeeded(statements, needs)
		}
	case *catalog.Table:
		if _, isDrop := c.(diff.Drop); isDrop {
			tables = append(tables, w.droppedWith(o)...)
		}
	}
	for i := range statements {
		if statements[i].known {
			continue
		}
		for _, t := range tables {
			if t.Name() != "" {
				w.addLock(&statements[i], AccessExclusive, t)
			}
		}
	}
}

// lockNeeded has all statements lock the tables that an object speaks of.
func (w *writer) lockNeeded(statements []Statement, needs []catalog.ID) {
	for i := range statements {
		for _, needed := range needs {
			if statements[i].known {
				continue
			}
			if k := needed.Kind(); k == catalog.KindTable || k == catalog.KindColumn || k == catalog.KindView {
				w.addLock(&statements[i], ShareUpdateExclusive, needed)
			}
		}
	}
}

// tableOfObject is the table or view that an object is or belongs to; the zero
// ID for others.
func tableOfObject(o catalog.Object) catalog.ID {
	id := o.Base().ID
	switch o := o.(type) {
	case *catalog.Index:
		return o.Table
	case *catalog.Constraint:
		if o.Domain {
			return catalog.ID{}
		}
	case *catalog.Table, *catalog.View, *catalog.Column, *catalog.Default, *catalog.Attachment, *catalog.Trigger, *catalog.Rule, *catalog.Policy:
	default:
		return catalog.ID{}
	}
	return tableOf(id)
}

// referenced is the table that a foreign key leads to.
func referenced(k *catalog.Constraint) catalog.ID {
	for _, needed := range k.Needs {
		if (needed.Kind() == catalog.KindColumn || needed.Kind() == catalog.KindTable) && tableOf(needed) != tableOf(k.ID) {
			return tableOf(needed)
		}
	}
	return tableOf(k.ID)
}

// keysOf are the tables that foreign keys of a table lead to.
func (w *writer) keysOf(table catalog.ID) []catalog.ID {
	var tables []catalog.ID
	for _, o := range w.keysAndAttachments()[tableOf(table)] {
		if k, ok := o.(*catalog.Constraint); ok && !w.keyIsGone(k) && !w.isGone(tableOf(table)) {
			tables = append(tables, referenced(k))
		}
	}
	return tables
}

// keyIsGone tells that a foreign key has been dropped by now, or the one above
// that it came from.
func (w *writer) keyIsGone(k *catalog.Constraint) bool {
	above, ok := w.from.Get(k.Above).(*catalog.Constraint)
	return w.isGone(k.ID) || ok && w.keyIsGone(above)
}

// referringTo are the tables whose foreign keys lead to one.
func (w *writer) referringTo(table catalog.ID) []catalog.ID {
	var tables []catalog.ID
	for from, list := range w.keysAndAttachments() {
		for _, o := range list {
			if k, ok := o.(*catalog.Constraint); ok && referenced(k) == tableOf(table) && !w.keyIsGone(k) && !w.isGone(from) {
				tables = append(tables, from)
			}
		}
	}
	slices.SortFunc(tables, catalog.ID.Compare)
	return tables
}

// referringToAll are referringTo for a table and those that it hangs on.
func (w *writer) referringToAll(table catalog.ID) []catalog.ID {
	tables := w.referringTo(table)
	if a, ok := w.now(table.As(catalog.KindAttachment)).(*catalog.Attachment); ok && a.IsPartition() && !w.isGone(a.ID) {
		tables = append(tables, w.referringToAll(a.Parents[0])...)
	}
	return tables
}

// fills tells that a new column's default or type makes PostgreSQL write a value
// into each row: where the value isn't the same for all, or a domain has to be
// asked whether it takes it.
func (w *writer) fills(c *catalog.Column, expression string) bool {
	if c.Generated == "STORED" || c.Identity != "" {
		return true
	}
	for call := range strings.SplitSeq(expression, "(") {
		if name := call[strings.LastIndexAny(call, " ,(|+-*/=<>:[")+1:]; name != "" && strings.Contains(expression, name+"(") && !steady[name] {
			return true
		}
	}
	for _, needed := range c.Needs {
		if t, ok := w.now(needed).(*catalog.Type); ok && t.Form == catalog.DomainType && (t.Domain.NotNull || w.hasChecks(t.ID)) {
			return true
		}
	}
	return false
}

// steady are functions that give all rows of a statement the same, as far as
// defaults use them. Others may.
var steady = map[string]bool{
	"now": true, "transaction_timestamp": true, "statement_timestamp": true, "timezone": true, "date_trunc": true, "upper": true, "lower": true, "concat": true,
	"COALESCE": true, "jsonb_build_object": true, "jsonb_build_array": true, "json_build_object": true, "json_build_array": true, "current_setting": true,
	"numeric": true, "varying": true, "character": true, "bit": true, "timestamp": true, "time": true,
}

func (w *writer) hasChecks(domain catalog.ID) bool {
	for _, i := range w.children[[2]string{domain.Schema(), domain.Name()}] {
		if k, ok := w.changes[i].Object().(*catalog.Constraint); ok && k.Domain {
			return true
		}
	}
	for o := range w.from.Each {
		if k, ok := o.(*catalog.Constraint); ok && k.Domain && k.ID.Schema() == domain.Schema() && k.ID.Name() == domain.Name() {
			return true
		}
	}
	return false
}

// droppedWith are the tables that dropping one reaches: those that it leads to
// by foreign keys, and that above.
func (w *writer) droppedWith(t *catalog.Table) []catalog.ID {
	var tables []catalog.ID
	for _, o := range w.keysAndAttachments()[t.ID] {
		switch o := o.(type) {
		case *catalog.Constraint:
			// The triggers there are those of the key above, unless the partition has
			// been detached from it.
			if above := o.Inherited && !w.isGone(o.ID.As(catalog.KindAttachment)); !above && !w.isGone(o.ID) {
				tables = append(tables, referenced(o))
			}
		case *catalog.Attachment:
			if !w.isGone(o.ID) {
				tables = append(tables, o.Parents...)
				tables = append(tables, w.defaultPartition(o.Parents[0])...)
			}
		}
	}
	return tables
}

// keysAndAttachments are the foreign keys of each table, and what makes it a
// partition.
func (w *writer) keysAndAttachments() map[catalog.ID][]catalog.Object {
	if w.keys != nil {
		return w.keys
	}
	w.keys = map[catalog.ID][]catalog.Object{}
	for o := range w.from.Each {
		table := tableOf(o.Base().ID)
		switch o := o.(type) {
		case *catalog.Constraint:
			if o.Type == catalog.ForeignKey {
				w.keys[table] = append(w.keys[table], o)
			}
		case *catalog.Attachment:
			if o.IsPartition() {
				w.keys[table] = append(w.keys[table], o)
			}
		}
	}
	for _, list := range w.keys {
		slices.SortFunc(list, func(a, b catalog.Object) int { return a.Base().ID.Compare(b.Base().ID) })
	}
	return w.keys
}

// rewrites tells that a column's new type makes PostgreSQL write the table
// anew. It doesn't where every old value is a new one, bit by bit
// (ATColumnChangeRequiresRewrite).
func rewrites(from, to string) bool {
	if from == to {
		return false // of another collation
	}
	base, limit := modified(from)
	newBase, newLimit := modified(to)
	switch {
	case newBase == "text" && base == "character varying", base == "text" && newBase == "character varying" && newLimit == nil:
		return false
	case base == "cidr" && newBase == "inet":
		return false
	case base != newBase || strings.HasSuffix(from, "[]"):
		return true
	case newLimit == nil:
		return base == "character" || base == "bit"
	case limit == nil:
		return true
	case base == "numeric":
		return len(limit) != len(newLimit) || newLimit[0] < limit[0] || len(limit) == 2 && limit[1] != newLimit[1]
	case base == "character" || base == "bit":
		return true
	}
	return newLimit[0] < limit[0]
}

// modified takes the modifiers off a type: numeric(10,2).
func modified(typ string) (base string, limits []int) {
	open := strings.IndexByte(typ, '(')
	if open < 0 {
		return typ, nil
	}
	end := open + strings.IndexByte(typ[open:], ')')
	for part := range strings.SplitSeq(typ[open+1:end], ",") {
		n := 0
		for _, c := range strings.TrimSpace(part) {
			if c < '0' || c > '9' {
				return typ, nil
			}
			n = n*10 + int(c-'0')
		}
		limits = append(limits, n)
	}
	return strings.TrimSpace(typ[:open]) + typ[end+1:], limits
}
