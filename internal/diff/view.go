package diff

import (
	"slices"

	"github.com/aludel-db/aludel/internal/catalog"
)

func view(from, to *catalog.View, fields []string) way {
	if slices.Contains(fields, "Materialized") {
		return replaceable
	}
	if to.Materialized {
		return only(fields, "Options", "AccessMethod", "Tablespace", "ClusterOn", "Owner", "Grants", "Comment", "Populated")
	}
	if slices.Contains(fields, "Query") || slices.Contains(fields, "Columns") {
		// CREATE OR REPLACE only adds columns at the end.
		if len(from.Columns) > len(to.Columns) {
			return replaceable
		}
		for i, c := range from.Columns {
			if c.Name != to.Columns[i].Name || c.Type != to.Columns[i].Type {
				return replaceable
			}
		}
	}
	return alterable
}
