package diff

import (
	"slices"
	"strings"

	"github.com/aludel-db/aludel/internal/catalog"
)

func constraint(from, to *catalog.Constraint, fields []string) way {
	if slices.Contains(fields, "NotValid") && to.NotValid {
		return replaceable
	}
	if from.Type == catalog.ForeignKey && deferral(from.Definition) != deferral(to.Definition) && bare(from.Definition) == bare(to.Definition) {
		return only(fields, "Definition", "NotValid", "Comment") // ALTER CONSTRAINT
	}
	return only(fields, "NotValid", "Comment", "IndexComment", "IndexOptions")
}

// deferral is the part of a foreign key that ALTER CONSTRAINT can change.
func deferral(definition string) string { return strings.TrimPrefix(definition, bare(definition)) }

func bare(definition string) string {
	definition = strings.TrimSuffix(definition, " INITIALLY DEFERRED")
	return strings.TrimSuffix(definition, " DEFERRABLE")
}
