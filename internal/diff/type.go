package diff

import (
	"slices"

	"github.com/aludel-db/aludel/internal/catalog"
)

func typ(from, to *catalog.Type, fields []string) way {
	if slices.Contains(fields, "Form") {
		return swappable
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
			return swappable
		}
	case catalog.Composite:
		if slices.Contains(fields, "Attributes") && (!appended(from, to) || retyped(from, to)) {
			return swappable
		}
	case catalog.ShellOrBase:
	}
	return alterable
}

// appended tells that new attributes follow those that stay, which is where ADD
// ATTRIBUTE puts them. Their order is what ROW(…) goes by.
func appended(from, to *catalog.Type) bool {
	if from.Form != catalog.Composite || to.Form != catalog.Composite {
		return false
	}
	in := func(list []catalog.Attribute, name string) bool {
		return slices.ContainsFunc(list, func(a catalog.Attribute) bool { return a.Name == name })
	}
	var names []string
	for _, a := range from.Attributes {
		if in(to.Attributes, a.Name) {
			names = append(names, a.Name)
		}
	}
	for _, a := range to.Attributes {
		if !in(from.Attributes, a.Name) {
			names = append(names, a.Name)
		}
	}
	return slices.EqualFunc(names, to.Attributes, func(name string, a catalog.Attribute) bool { return name == a.Name })
}

// retyped tells that an attribute has another type, which no column may use
// then.
func retyped(from, to *catalog.Type) bool {
	return slices.ContainsFunc(from.Attributes, func(a catalog.Attribute) bool {
		return slices.ContainsFunc(to.Attributes, func(b catalog.Attribute) bool {
			return a.Name == b.Name && (a.Type != b.Type || a.Collation != b.Collation)
		})
	})
}

// loses tells that an attribute goes.
func loses(from, to *catalog.Type) bool {
	return slices.ContainsFunc(from.Attributes, func(a catalog.Attribute) bool {
		return !slices.ContainsFunc(to.Attributes, func(b catalog.Attribute) bool { return a.Name == b.Name })
	})
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
