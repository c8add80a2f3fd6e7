package diff

import (
	"slices"

	"github.com/aludel-db/aludel/internal/catalog"
)

func typ(from, to *catalog.Type, fields []string) way {
	if slices.Contains(fields, "Form") {
		return replaceable
	}
	switch from.Form {
	case catalog.Enum:
		if slices.Contains(fields, "Labels") && !isSubsequence(from.Labels, to.Labels) {
			return swappable
		}
	case catalog.DomainType:
		if from.Domain.Base != to.Domain.Base || from.Domain.Collation != to.Domain.Collation {
			return swappable
		}
	case catalog.RangeType:
		if slices.Contains(fields, "Range") {
			return replaceable
		}
	case catalog.Composite, catalog.ShellOrBase:
	}
	return alterable
}

// isSubsequence tells that all of a stands in b, in the same order: values can
// be added to an enum anywhere, but none taken away or moved.
func isSubsequence(a, b []string) bool {
	for _, x := range b {
		if len(a) > 0 && a[0] == x {
			a = a[1:]
		}
	}
	return len(a) == 0
}
