package diff

import (
	"slices"

	"github.com/aludel-db/aludel/internal/catalog"
)

// columnsIfAlike allows for what columns were given besides the query.
func columnsIfAlike(from, to *catalog.View) string {
	if slices.EqualFunc(from.Columns, to.Columns, func(a, b catalog.ViewColumn) bool {
		return a.Name == b.Name && a.Type == b.Type && a.Collation == b.Collation
	}) {
		return "Columns"
	}
	return ""
}

func view(from, to *catalog.View, fields []string) way {
	if slices.Contains(fields, "Materialized") {
		return replaceable
	}
	if to.Materialized {
		return only(fields, "Options", "AccessMethod", "Tablespace", "ClusterOn", "Owner", "Grants", "Comment", "Populated", "ReplicaIdentity", columnsIfAlike(from, to))
	}
	if slices.Contains(fields, "Query") || slices.Contains(fields, "Columns") {
		// CREATE OR REPLACE only adds columns at the end.
		if len(from.Columns) > len(to.Columns) {
			return replaceable
		}
		for i, c := range from.Columns {
			if c.Name != to.Columns[i].Name || c.Type != to.Columns[i].Type || c.Collation != to.Columns[i].Collation {
				return replaceable
			}
		}
	}
	return alterable
}
