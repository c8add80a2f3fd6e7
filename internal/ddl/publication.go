package ddl

import (
	"slices"
	"strings"

	"github.com/aludel-db/aludel/internal/catalog"
)

func (w *writer) createPublication(p *catalog.Publication) {
	sql := "CREATE " + name(p)
	switch {
	case p.AllTables:
		sql += " FOR ALL TABLES"
	case len(p.Tables)+len(p.Schemas) > 0:
		sql += " FOR " + published(p)
	}
	w.add(sql + " WITH (" + publishOptions(p) + ")")
}

func publishOptions(p *catalog.Publication) string {
	options := "publish = " + literal(p.Publish)
	if p.ViaRoot {
		options += ", publish_via_partition_root = true"
	}
	return options
}

func published(p *catalog.Publication) string {
	var list []string
	if len(p.Tables) > 0 {
		list = append(list, "TABLE "+strings.Join(p.Tables, ", "))
	}
	if len(p.Schemas) > 0 {
		var schemas []string
		for _, s := range p.Schemas {
			schemas = append(schemas, ident(s))
		}
		list = append(list, "TABLES IN SCHEMA "+strings.Join(schemas, ", "))
	}
	return strings.Join(list, ", ")
}

func (w *writer) alterPublication(from, to *catalog.Publication) {
	if from.Publish != to.Publish || from.ViaRoot != to.ViaRoot {
		via := map[bool]string{true: "true", false: "false"}[to.ViaRoot]
		w.add("ALTER " + name(to) + " SET (publish = " + literal(to.Publish) + ", publish_via_partition_root = " + via + ")")
		w.lock(AccessShare)
	}
	left := *from
	left.Tables = slices.DeleteFunc(slices.Clone(from.Tables), func(table string) bool {
		for t := range w.unpublished {
			if isOf(table, t) {
				return true
			}
		}
		return false
	})
	from = &left
	if slices.Equal(from.Tables, to.Tables) && slices.Equal(from.Schemas, to.Schemas) {
		return
	}
	if len(to.Tables)+len(to.Schemas) > 0 {
		w.add("ALTER " + name(to) + " SET " + published(to))
		return
	}
	bare := *from
	bare.Tables = slices.Clone(from.Tables)
	for i, t := range bare.Tables { // DROP takes no columns and no conditions
		bare.Tables[i] = relationOf(t)
	}
	w.add("ALTER " + name(to) + " DROP " + published(&bare))
}

// unpublish takes a table out of the publications that name it: it becomes unlogged,
// which PostgreSQL refuses for one that is published.
func (w *writer) unpublish(t *catalog.Table) {
	for o := range w.from.Each {
		p, ok := o.(*catalog.Publication)
		if !ok || w.gone[p.ID] > 0 {
			continue
		}
		for _, table := range p.Tables {
			if isOf(table, t.ID) {
				w.add("ALTER " + name(p) + " DROP TABLE " + relationOf(table))
				w.lock(ShareUpdateExclusive, t.ID)
				w.unpublished[t.ID] = true
			}
		}
	}
}

// isOf tells that what is published is of a table.
func isOf(published string, table catalog.ID) bool {
	return strings.TrimPrefix(relationOf(published), "ONLY ") == qualified(table.Schema(), table.Name())
}

// relationOf is the name in front of what is published of a table.
func relationOf(table string) string {
	only := strings.HasPrefix(table, "ONLY ")
	table = strings.TrimPrefix(table, "ONLY ")
	quoted := false
	for i := range len(table) {
		if table[i] == '"' {
			quoted = !quoted
		}
		if table[i] == ' ' && !quoted {
			table = table[:i]
			break
		}
	}
	if only {
		return "ONLY " + table
	}
	return table
}
