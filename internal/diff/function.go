package diff

import (
	"slices"
	"strings"

	"github.com/aludel-db/aludel/internal/catalog"
)

func function(from, to *catalog.Function, fields []string) way {
	changed := func(name string) bool { return slices.Contains(fields, name) }
	switch {
	case changed("Form"), changed("Result"), changed("Outputs"), to.Form == catalog.Aggregate && (changed("Definition") || changed("Arguments")):
		return replaceable
	case changed("Arguments") && strings.Contains(from.Arguments, " any"): // the type of a default may be another
		return replaceable
	case from.Defaults > to.Defaults:
		return replaceable
	case changed("Names"):
		// An argument's name may be given, but not changed or taken away.
		if len(from.Names) != len(to.Names) && len(from.Names) > 0 {
			return replaceable
		}
		for i, name := range from.Names {
			if name != "" && name != to.Names[i] {
				return replaceable
			}
		}
	}
	return alterable
}
