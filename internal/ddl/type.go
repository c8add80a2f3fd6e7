package ddl

import (
	"cmp"
	"slices"
	"strings"

	"github.com/aludel-db/aludel/internal/catalog"
	"github.com/aludel-db/aludel/internal/diff"
)

func (w *writer) createType(t *catalog.Type) {
	head := "CREATE " + name(t) + " AS "
	switch t.Form {
	case catalog.Enum:
		var labels []string
		for _, l := range t.Labels {
			labels = append(labels, literal(l))
		}
		w.add(head + "ENUM (" + strings.Join(labels, ", ") + ")")
	case catalog.Composite:
		var lines []string
		for _, a := range t.Attributes {
			lines = append(lines, attributeClause(a))
		}
		w.add(head + "(" + strings.Join(lines, ", ") + ")")
		for _, a := range t.Attributes {
			w.attributeComment(t, catalog.Attribute{}, a)
		}
	case catalog.DomainType:
		sql := head + t.Domain.Base
		if t.Domain.Collation != "" {
			sql += " COLLATE " + t.Domain.Collation
		}
		if t.Domain.Default != "" {
			sql += " DEFAULT " + t.Domain.Default
		}
		if t.Domain.NotNull {
			if n := t.Domain.NotNullName; n != "" {
				sql += " CONSTRAINT " + ident(n)
			}
			sql += " NOT NULL"
		}
		checks := w.domainChecks(t)
		for _, k := range checks {
			sql += " CONSTRAINT " + ident(k.ID.Sub()) + " " + k.Definition
		}
		w.add(sql)
		for _, k := range checks {
			if k.Comment != "" {
				w.comment(k)
			}
		}
	case catalog.RangeType:
		w.add(head + "RANGE (" + strings.Join(rangeClauses(t.Range), ", ") + ")")
	case catalog.ShellOrBase:
	}
}

// domainChecks folds the checks in: what uses the domain may not let them be
// added later.
func (w *writer) domainChecks(t *catalog.Type) []*catalog.Constraint {
	var checks []*catalog.Constraint
	for _, i := range w.children[[2]string{t.ID.Schema(), t.ID.Name()}] {
		_, isCreate := w.changes[i].(diff.Create)
		k, isConstraint := w.changes[i].Object().(*catalog.Constraint)
		if i < w.at || !isCreate || !isConstraint || k.NotValid || slices.ContainsFunc(k.Needs, w.comesLater) {
			continue
		}
		w.folded[k.ID] = true
		checks = append(checks, k)
	}
	return checks
}

func rangeClauses(r catalog.Range) []string {
	list := []string{"SUBTYPE = " + r.Subtype}
	for _, o := range [][2]string{
		{"SUBTYPE_OPCLASS", r.OperatorClass}, {"COLLATION", r.Collation}, {"CANONICAL", r.Canonical}, {"SUBTYPE_DIFF", r.Difference},
	} {
		if o[1] != "" {
			list = append(list, o[0]+" = "+o[1])
		}
	}
	if r.Multirange != "" {
		list = append(list, "MULTIRANGE_TYPE_NAME = "+qualified(r.MultirangeSchema, r.Multirange))
	}
	return list
}

func attributeClause(a catalog.Attribute) string {
	sql := ident(a.Name) + " " + a.Type
	if a.Collation != "" {
		sql += " COLLATE " + a.Collation
	}
	return sql
}

func (w *writer) attributeComment(t *catalog.Type, from, to catalog.Attribute) {
	if from.Comment == to.Comment {
		return
	}
	text := "NULL"
	if to.Comment != "" {
		text = literal(to.Comment)
	}
	w.add("COMMENT ON COLUMN " + qualified(t.ID.Schema(), t.ID.Name()) + "." + ident(to.Name) + " IS " + text)
}

func (w *writer) alterType(from, to *catalog.Type) {
	switch to.Form {
	case catalog.Enum:
		w.addLabels(from, to)
	case catalog.Composite:
		w.alterComposite(from, to)
	case catalog.DomainType:
		w.alterDomain(from, to)
	case catalog.RangeType, catalog.ShellOrBase:
	}
}

// madeOf are a type and those that hold it: ranges, composites, domains and what
// is made of these.
func (w *writer) madeOf(typ catalog.ID) map[catalog.ID]bool {
	made := map[catalog.ID]bool{typ: true}
	for grown := true; grown; {
		grown = false
		for o := range w.from.Each {
			id := o.Base().ID
			if id.Kind() == catalog.KindType && !made[id] && slices.ContainsFunc(o.Base().Needs, func(needed catalog.ID) bool { return made[needed] }) {
				made[id], grown = true, true
			}
		}
	}
	return made
}

// addLabels adds values where they belong. Until the transaction is committed
// the server lets nobody use them.
func (w *writer) addLabels(from, to *catalog.Type) {
	have := slices.Clone(from.Labels)
	for i, label := range to.Labels {
		if slices.Contains(have, label) {
			continue
		}
		sql := "ALTER " + name(to) + " ADD VALUE " + literal(label)
		if i > 0 {
			sql += " AFTER " + literal(to.Labels[i-1])
		} else if len(have) > 0 {
			sql += " BEFORE " + literal(have[0])
		}
		w.add(sql)
		have = append(have, label)
	}
	made := w.madeOf(to.ID)
	for _, c := range w.changes[w.at+1:] {
		if slices.ContainsFunc(c.Object().Base().Needs, func(needed catalog.ID) bool { return made[needed] }) {
			w.statements[len(w.statements)-1].CommitAfter = true
			return
		}
	}
}

func (w *writer) alterComposite(from, to *catalog.Type) {
	alter, cascade := "ALTER "+name(to)+" ", ""
	var typed []catalog.ID // tables that change with it
	for o := range w.from.Each {
		if t, ok := o.(*catalog.Table); ok && t.OfType != "" && slices.Contains(t.Needs, to.ID) {
			cascade, typed = " CASCADE", append(typed, t.ID)
		}
	}
	slices.SortFunc(typed, catalog.ID.Compare)
	before := map[string]catalog.Attribute{}
	for _, a := range from.Attributes {
		before[a.Name] = a
		if !slices.ContainsFunc(to.Attributes, func(b catalog.Attribute) bool { return b.Name == a.Name }) {
			w.add(alter+"DROP ATTRIBUTE "+ident(a.Name)+cascade, DataLoss)
			w.lock(AccessExclusive, typed...)
		}
	}
	for _, a := range to.Attributes {
		old, had := before[a.Name]
		switch {
		case !had:
			w.add(alter + "ADD ATTRIBUTE " + attributeClause(a) + cascade)
			w.lock(AccessExclusive, typed...)
		case old.Type != a.Type || old.Collation != a.Collation:
			var hazards []Hazard
			if len(typed) > 0 && rewrites(old.Type, a.Type) {
				hazards = append(hazards, Rewrite)
			}
			w.add(alter+"ALTER ATTRIBUTE "+strings.Replace(attributeClause(a), ident(a.Name)+" ", ident(a.Name)+" TYPE ", 1)+cascade, hazards...)
			w.lock(AccessExclusive, typed...)
		}
		w.attributeComment(to, old, a)
	}
}

func (w *writer) alterDomain(from, to *catalog.Type) {
	alter := "ALTER " + name(to) + " "
	switch {
	case from.Domain.Default == to.Domain.Default:
	case to.Domain.Default == "":
		w.add(alter + "DROP DEFAULT")
	default:
		w.add(alter + "SET DEFAULT " + to.Domain.Default)
	}
	was, is := domainNotNullName(from), domainNotNullName(to)
	switch {
	case from.Domain.NotNull && !to.Domain.NotNull:
		w.add(alter + "DROP NOT NULL")
	case !from.Domain.NotNull && to.Domain.NotNull:
		if to.Domain.NotNullName == "" {
			w.add(alter + "SET NOT NULL")
		} else {
			w.add(alter + "ADD CONSTRAINT " + ident(is) + " NOT NULL")
		}
		// looks at the rows that are there
		w.lock(Share, w.columnsOf(to.ID)...)
		w.scansSome(w.columnsOf(to.ID))
	case to.Domain.NotNull && was != is:
		w.add(alter + "RENAME CONSTRAINT " + ident(was) + " TO " + ident(is))
	}
}

func domainNotNullName(t *catalog.Type) string {
	return cmp.Or(t.Domain.NotNullName, catalog.GeneratedName(t.ID.Name(), nil, "not_null"))
}

// swap has the old type step aside, makes the new one and rewrites the columns.
// The old ones are dropped at the end, last first: they may be made of each
// other.
func (w *writer) swap(s diff.Swap) {
	from, to := s.From.(*catalog.Type), s.To.(*catalog.Type)
	aside := to.ID.Name() + "__old"
	for w.from.Get(catalog.NewID(catalog.KindType, to.ID.Schema(), aside, "")) != nil {
		aside += "_"
	}
	w.add("ALTER " + name(from) + " RENAME TO " + ident(aside))
	if from.Form == catalog.RangeType {
		w.rangeAside(from, aside)
	}
	w.swapped[qualified(from.ID.Schema(), from.ID.Name())] = qualified(from.ID.Schema(), aside)
	w.createType(to)
	w.facets(to)
	for _, c := range s.Columns {
		w.add(alterTable(c.ID)+"ALTER COLUMN "+ident(c.ID.Sub())+" TYPE "+c.Type+" USING "+w.converted(c, from, to), Rewrite)
		w.lock(AccessExclusive, tableOf(c.ID))
		now := len(w.statements)
		w.columnStateOf(alterTable(c.ID), &catalog.Column{Statistics: c.Statistics, Options: c.Options}, c) // which the new type resets
		for i := range w.statements[now:] {
			w.addLock(&w.statements[now+i], AccessExclusive, tableOf(c.ID))
		}
	}
	old := *from
	old.ID = catalog.NewID(catalog.KindType, from.ID.Schema(), aside, "")
	w.oldTypes = append(w.oldTypes, oldType{from, &old})
}

// An oldType is a type, or a collation, as it was and where it stepped aside.
type oldType struct{ from, aside catalog.Object }

// dropOldTypes drops those that are made of others first.
func (w *writer) dropOldTypes() {
	for len(w.oldTypes) > 0 {
		at := len(w.oldTypes) - 1
		for i, t := range w.oldTypes {
			if !slices.ContainsFunc(w.oldTypes, func(o oldType) bool { return slices.Contains(o.from.Base().Needs, t.from.Base().ID) }) {
				at = i
			}
		}
		w.statements = append(w.statements, Statement{SQL: "DROP " + name(w.oldTypes[at].aside), known: true})
		w.oldTypes = slices.Delete(w.oldTypes, at, at+1)
	}
}

// isHeldAside tells that a type, or a function, can't go before the old types do
// that stepped aside: they, or their checks, are made with it.
func (w *writer) isHeldAside(id catalog.ID) bool {
	if _, again := w.made[id]; again || len(w.swapped) == 0 || id.Kind() != catalog.KindType && id.Kind() != catalog.KindFunction {
		return false
	}
	holds := func(o catalog.Object) bool { return slices.Contains(o.Base().Needs, id) }
	for o := range w.from.Each {
		k, isConstraint := o.(*catalog.Constraint)
		if _, isType := o.(*catalog.Type); !isType && (!isConstraint || !k.Domain) || !holds(o) {
			continue
		}
		if w.swapped[qualified(o.Base().ID.Schema(), o.Base().ID.Name())] != "" && !w.isGone(o.Base().ID) {
			return true
		}
	}
	return slices.ContainsFunc(w.held, holds)
}

// swapCollation is swap for a collation: no row changes, but indexes do.
func (w *writer) swapCollation(from, to *catalog.Collation, columns []*catalog.Column) {
	aside := to.ID.Name() + "__old"
	w.add("ALTER " + name(from) + " RENAME TO " + ident(aside))
	w.create(to)
	for _, c := range columns {
		if c.Collation == "" {
			continue // has that of its domain, which is swapped as well
		}
		w.add(alterTable(c.ID) + "ALTER COLUMN " + ident(c.ID.Sub()) + " TYPE " + c.Type + " COLLATE " + c.Collation)
		w.lock(AccessExclusive, tableOf(c.ID))
	}
	old := *from
	old.ID = catalog.NewID(catalog.KindCollation, from.ID.Schema(), aside, "")
	w.oldTypes = append(w.oldTypes, oldType{from, &old})
}

// rangeAside frees the names that a range type has besides its own: of its
// multirange type, and of the constructors, which keep theirs when the types are
// renamed.
func (w *writer) rangeAside(t *catalog.Type, aside string) {
	rename := func(kind, name, to string) { w.add("ALTER " + kind + " " + name + " RENAME TO " + ident(to)) }
	own := qualified(t.ID.Schema(), t.ID.Name())
	sub := cmp.Or(w.swapped[t.Range.Subtype], t.Range.Subtype)
	rename("FUNCTION", own+"("+sub+", "+sub+")", aside)
	rename("FUNCTION", own+"("+sub+", "+sub+", text)", aside)
	if m := t.Range.Multirange; m != "" {
		rename("TYPE", qualified(t.Range.MultirangeSchema, m), m+"__old")
		rename("FUNCTION", qualified(t.Range.MultirangeSchema, m)+"()", m+"__old")
	}
}

// converted turns a column's values into those of the type that is swapped in.
// One enum can't be cast to another, but every type is read from another's text.
func (w *writer) converted(c *catalog.Column, from, to *catalog.Type) string {
	column := ident(c.ID.Sub())
	isArray := arrayOf(c.Type) != ""
	was, _ := w.from.Get(c.ID).(*catalog.Column)
	switch {
	case was != nil && isArray && arrayOf(was.Type) == "": // the array of one
		one := *c
		one.Type = strings.TrimSuffix(c.Type, "[]")
		return "CASE WHEN " + column + " IS NOT NULL THEN ARRAY[" + w.converted(&one, from, to) + "] END"
	case was != nil && !isArray && arrayOf(was.Type) != "": // of one element, or there is no telling
		return "CASE WHEN pg_catalog.cardinality(" + column + ") = 1 THEN " + column + "[1]::text::" + c.Type + " ELSE " + column + "::text::" + c.Type + " END"
	case from.Form == catalog.DomainType && to.Form == catalog.DomainType && !w.hasSwapped(from):
		return column + through(from.Domain.Base+arrayOf(c.Type), to.Domain.Base+arrayOf(c.Type)) + "::" + c.Type
	case from.Form == catalog.Composite && to.Form == catalog.Composite && len(to.Attributes) > 0 && !isArray:
		return w.convertedRow(column, c.Type, from, to)
	}
	return column + "::text" + arrayOf(c.Type) + "::" + c.Type
}

// hasSwapped tells that a type is made of one that is swapped too.
func (w *writer) hasSwapped(t *catalog.Type) bool {
	return slices.ContainsFunc(w.changes, func(c diff.Change) bool {
		s, isSwap := c.(diff.Swap)
		return isSwap && slices.Contains(t.Needs, s.From.Base().ID)
	})
}

// convertedRow makes a row of the new attributes out of the old ones.
func (w *writer) convertedRow(column, typ string, from, to *catalog.Type) string {
	var values []string
	for _, a := range to.Attributes {
		value := "NULL"
		for _, b := range from.Attributes {
			if a.Name != b.Name {
				continue
			}
			value = "(" + column + ")." + ident(a.Name)
			if a.Type != b.Type {
				value += through(b.Type, a.Type) + "::" + a.Type
			} else if w.hasSwapped(from) {
				value += "::text" + arrayOf(a.Type) + "::" + a.Type
			}
		}
		values = append(values, value)
	}
	return "CASE WHEN " + column + " IS DISTINCT FROM NULL THEN ROW(" + strings.Join(values, ", ") + ")::" + typ + " END"
}

func arrayOf(typ string) string {
	if strings.HasSuffix(typ, "[]") {
		return "[]"
	}
	return ""
}
