package ddl

import (
	"slices"
	"strings"

	"github.com/aludel-db/aludel/internal/catalog"
)

// operatorName is qualified; the operator itself takes no quotes.
func operatorName(id catalog.ID) string { return ident(id.Schema()) + "." + id.Name() }

func (w *writer) createConversion(c *catalog.Conversion) {
	sql := "CREATE "
	if c.Default {
		sql += "DEFAULT "
	}
	w.add(sql + name(c) + " " + c.Definition)
}

// familyMembers adds and drops what belongs to a family and to no class of it.
func (w *writer) familyMembers(from []catalog.FamilyMember, to *catalog.OperatorFamily) {
	var drops, adds []string
	for _, m := range from {
		if !slices.Contains(to.Members, m) {
			drops = append(drops, m.Slot)
		}
	}
	for _, m := range to.Members {
		if !slices.Contains(from, m) {
			adds = append(adds, addedMember(m))
		}
	}
	if len(drops) > 0 {
		w.add("ALTER " + name(to) + " DROP " + strings.Join(drops, ", "))
	}
	if len(adds) > 0 {
		w.add("ALTER " + name(to) + " ADD " + strings.Join(adds, ", "))
	}
}

// addedMember is the member in ADD: there an operator's types stand behind it,
// a function's before.
func addedMember(m catalog.FamilyMember) string {
	if !strings.HasPrefix(m.Slot, "OPERATOR ") {
		return m.Slot + " " + m.Is
	}
	head, types, _ := strings.Cut(m.Slot, " (")
	operator, purpose, ordered := strings.Cut(m.Is, " FOR ORDER BY ")
	sql := head + " " + operator + " (" + types
	if ordered {
		sql += " FOR ORDER BY " + purpose
	}
	return sql
}
