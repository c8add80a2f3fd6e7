package ddl

import (
	"strings"

	"github.com/aludel-db/aludel/internal/catalog"
)

// parentOf is the table or domain of a constraint, with its kind.
func parentOf(k *catalog.Constraint) string {
	if k.Domain {
		return "DOMAIN " + qualified(k.ID.Schema, k.ID.Name)
	}
	return "TABLE " + qualified(k.ID.Schema, k.ID.Name)
}

func (w *writer) createConstraint(k *catalog.Constraint) {
	sql := "ALTER " + parentOf(k) + " ADD CONSTRAINT " + ident(k.ID.Sub) + " " + k.Definition
	if k.NotValid {
		sql += " NOT VALID"
	}
	w.add(sql)
	w.storage("ALTER INDEX "+qualified(k.ID.Schema, k.Index), nil, k.IndexOptions)
	w.indexComment(k)
}

func (w *writer) indexComment(k *catalog.Constraint) {
	if k.IndexComment != "" {
		w.add("COMMENT ON INDEX " + qualified(k.ID.Schema, k.Index) + " IS " + literal(k.IndexComment))
	}
}

func (w *writer) alterConstraint(from, to *catalog.Constraint) {
	if from.Definition != to.Definition {
		w.add("ALTER " + parentOf(to) + " ALTER CONSTRAINT " + ident(to.ID.Sub) + deferrable(to.Definition))
	}
	if from.NotValid && !to.NotValid {
		w.add("ALTER " + parentOf(to) + " VALIDATE CONSTRAINT " + ident(to.ID.Sub))
	}
	w.storage("ALTER INDEX "+qualified(to.ID.Schema, to.Index), from.IndexOptions, to.IndexOptions)
	if from.IndexComment != to.IndexComment {
		if to.IndexComment == "" {
			w.add("COMMENT ON INDEX " + qualified(to.ID.Schema, to.Index) + " IS NULL")
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
