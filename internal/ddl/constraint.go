package ddl

import (
	"slices"
	"strings"

	"github.com/aludel-db/aludel/internal/catalog"
	"github.com/aludel-db/aludel/internal/diff"
)

// parentOf is the table or domain of a constraint, with its kind.
func parentOf(k *catalog.Constraint) string {
	if k.Domain {
		return "DOMAIN " + qualified(k.ID.Schema(), k.ID.Name())
	}
	return "TABLE " + qualified(k.ID.Schema(), k.ID.Name())
}

func (w *writer) createConstraint(k *catalog.Constraint) {
	if w.addOnline(k) {
		w.indexComment(k)
		return
	}
	sql := "ALTER " + parentOf(k) + " ADD CONSTRAINT " + ident(k.ID.Sub()) + " " + k.Definition
	if k.NotValid {
		sql += " NOT VALID"
	}
	w.add(sql)
	switch {
	case k.Type == catalog.ForeignKey:
		w.lock(ShareRowExclusive, tableOf(k.ID), referenced(k))
	case k.Domain && k.NotValid:
		w.lock(AccessShare)
	case k.Domain:
		w.lock(Share, w.columnsOf(k.ID)...)
		w.scansSome(w.columnsOf(k.ID))
	}
	if !k.NotValid && !k.Domain {
		w.scans(k.ID)
	}
	w.storage(AccessShare, k.ID, "ALTER INDEX "+qualified(k.ID.Schema(), k.Index), nil, k.IndexOptions)
	w.indexComment(k)
}

func (w *writer) indexComment(k *catalog.Constraint) {
	if k.IndexComment != "" {
		w.add("COMMENT ON INDEX " + qualified(k.ID.Schema(), k.Index) + " IS " + literal(k.IndexComment))
		w.lock(AccessShare)
	}
}

func (w *writer) alterConstraint(from, to *catalog.Constraint) {
	if from.Definition != to.Definition {
		w.add("ALTER " + parentOf(to) + " ALTER CONSTRAINT " + ident(to.ID.Sub()) + deferrable(to.Definition))
		w.lock(AccessExclusive, tableOf(to.ID))
	}
	if from.NotValid && !to.NotValid {
		w.add("ALTER " + parentOf(to) + " VALIDATE CONSTRAINT " + ident(to.ID.Sub()))
		if to.Domain {
			w.lock(Share, w.columnsOf(to.ID)...)
			w.scansSome(w.columnsOf(to.ID))
		} else {
			w.lock(ShareUpdateExclusive, tableOf(to.ID))
			w.scans(to.ID)
		}
	}
	w.storage(AccessShare, to.ID, "ALTER INDEX "+qualified(to.ID.Schema(), to.Index), from.IndexOptions, to.IndexOptions)
	if from.IndexComment != to.IndexComment {
		if to.IndexComment == "" {
			w.add("COMMENT ON INDEX " + qualified(to.ID.Schema(), to.Index) + " IS NULL")
			w.lock(AccessShare)
		}
		w.indexComment(to)
	}
}

func deferrable(definition string) string {
	switch {
	case strings.HasSuffix(definition, " INITIALLY DEFERRED"):
		return " DEFERRABLE INITIALLY DEFERRED"
	case strings.HasSuffix(definition, " DEFERRABLE"):
		return " DEFERRABLE INITIALLY IMMEDIATE"
	}
	return " NOT DEFERRABLE"
}

// columnsOf are the tables that have columns of a type by now, and rows in them:
// PostgreSQL looks at no others, and so locks none.
func (w *writer) columnsOf(typ catalog.ID) []catalog.ID {
	id := typ.As(catalog.KindType)
	var tables []catalog.ID
	add := func(o catalog.Object) {
		switch o := o.(type) {
		case *catalog.Column:
			t, isTable := w.now(tableOf(o.ID)).(*catalog.Table)
			if slices.Contains(o.Needs, id) && isTable && t.PartitionKey == "" && t.Server == "" {
				tables = append(tables, t.ID)
			}
		case *catalog.View:
			if o.Materialized && slices.ContainsFunc(o.Columns, func(c catalog.ViewColumn) bool { return c.Type == qualified(id.Schema(), id.Name()) }) {
				tables = append(tables, tableOf(o.ID))
			}
		}
	}
	for o := range w.from.Each {
		if columnID := o.Base().ID; (columnID.Kind() == catalog.KindColumn || columnID.Kind() == catalog.KindView) && !w.isGone(columnID) && !w.isGone(tableOf(columnID)) {
			add(w.now(columnID))
		}
	}
	for _, c := range w.changes[:w.at] {
		if create, ok := c.(diff.Create); ok {
			add(create.To)
		}
	}
	slices.SortFunc(tables, catalog.ID.Compare)
	return slices.Compact(tables)
}
