package ddl

import (
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
			sql += " NOT NULL"
		}
		w.add(sql + w.domainChecks(t))
	case catalog.RangeType:
		w.add(head + "RANGE (" + strings.Join(rangeClauses(t.Range), ", ") + ")")
	case catalog.ShellOrBase:
	}
}

// domainChecks folds the checks in: what uses the domain may not let them be
// added later.
func (w *writer) domainChecks(t *catalog.Type) string {
	sql := ""
	for _, i := range w.children[[2]string{t.ID.Schema(), t.ID.Name()}] {
		_, isCreate := w.changes[i].(diff.Create)
		k, isConstraint := w.changes[i].Object().(*catalog.Constraint)
		if i < w.at || !isCreate || !isConstraint || k.NotValid || k.Comment != "" || slices.ContainsFunc(k.Needs, w.comesLater) {
			continue
		}
		w.folded[k.ID] = true
		sql += " CONSTRAINT " + ident(k.ID.Sub()) + " " + k.Definition
	}
	return sql
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
		list = append(list, "MULTIRANGE_TYPE_NAME = "+ident(r.Multirange))
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
	for _, c := range w.changes[w.at+1:] {
		if slices.Contains(c.Object().Base().Needs, to.ID) {
			w.statements[len(w.statements)-1].CommitAfter = true
			return
		}
	}
}

func (w *writer) alterComposite(from, to *catalog.Type) {
	alter := "ALTER " + name(to) + " "
	before := map[string]catalog.Attribute{}
	for _, a := range from.Attributes {
		before[a.Name] = a
		if !slices.ContainsFunc(to.Attributes, func(b catalog.Attribute) bool { return b.Name == a.Name }) {
			w.add(alter+"DROP ATTRIBUTE "+ident(a.Name), DataLoss)
		}
	}
	for _, a := range to.Attributes {
		old, had := before[a.Name]
		switch {
		case !had:
			w.add(alter + "ADD ATTRIBUTE " + attributeClause(a))
		case old.Type != a.Type || old.Collation != a.Collation:
			w.add(alter + "ALTER ATTRIBUTE " + strings.Replace(attributeClause(a), ident(a.Name)+" ", ident(a.Name)+" TYPE ", 1))
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
	if from.Domain.NotNull != to.Domain.NotNull {
		w.add(alter + map[bool]string{true: "SET", false: "DROP"}[to.Domain.NotNull] + " NOT NULL")
		if to.Domain.NotNull { // looks at the rows that are there
			w.lock(Share, w.columnsOf(to.ID)...)
			w.scansSome(w.columnsOf(to.ID))
		}
	}
}

// swap has the old type step aside, makes the new one, rewrites the columns,
// and drops the old one.
func (w *writer) swap(s diff.Swap) {
	from, to := s.From.(*catalog.Type), s.To.(*catalog.Type)
	aside := to.ID.Name() + "__old"
	for w.from.Get(catalog.NewID(catalog.KindType, to.ID.Schema(), aside, "")) != nil {
		aside += "_"
	}
	w.add("ALTER " + name(from) + " RENAME TO " + ident(aside))
	w.createType(to)
	w.facets(to)
	for _, c := range s.Columns {
		using := ident(c.ID.Sub())
		if to.Form == catalog.Enum { // one enum can't be cast to another
			using += "::text" + arrayOf(c.Type)
		}
		w.add(alterTable(c.ID)+"ALTER COLUMN "+ident(c.ID.Sub())+" TYPE "+c.Type+" USING "+using+"::"+c.Type, Rewrite)
		w.lock(AccessExclusive, tableOf(c.ID))
	}
	old := *from
	old.ID = catalog.NewID(catalog.KindType, from.ID.Schema(), aside, "")
	w.add("DROP " + name(&old))
}

func arrayOf(typ string) string {
	if strings.HasSuffix(typ, "[]") {
		return "[]"
	}
	return ""
}
