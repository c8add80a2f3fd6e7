package diff

import (
	"slices"

	"github.com/aludel-db/aludel/internal/catalog"
)

func column(from, to *catalog.Column, fields []string, major int) way {
	switch {
	case from.Generated != to.Generated && to.Generated != "":
		return replaceable // nothing makes a plain column a generated one
	case slices.Contains(fields, "Expression") && to.Generated != "" && major < 17:
		return replaceable // SET EXPRESSION came with PostgreSQL 17
	case slices.Contains(fields, "Type") && to.Generated == "VIRTUAL":
		return replaceable
	case from.Generated == "VIRTUAL" && to.Generated == "":
		return replaceable
	}
	return alterable
}
