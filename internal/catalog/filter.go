package catalog

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// A Pattern picks objects by name: [KIND:]GLOB, with * and ? as in file names.
// The glob is of the name; with a dot in it, of the name with its schema, and
// for what belongs to a table, of the table's name in front.
type Pattern struct {
	kind Kind // empty: any
	glob string
}

// kinds are those that a pattern may name.
var kinds = []Kind{
	KindSchema, KindExtension, KindType, KindSequence, KindTable, KindColumn, KindDefault, KindAttachment, KindConstraint, KindIndex, KindView,
	KindFunction, KindTrigger, KindRule, KindPolicy, KindEventTrigger, KindPublication, KindSubscription, KindStatistics, KindForeignDataWrapper,
	KindForeignServer, KindUserMapping, KindCollation, KindOperator, KindOperatorFamily, KindOperatorClass, KindCast, KindConversion,
	KindTextSearch, KindLanguage, KindTransform, KindAccessMethod, KindDefaultPrivileges,
}

// ParsePattern reads one.
func ParsePattern(text string) (Pattern, error) {
	kind, glob, hasKind := strings.Cut(text, ":")
	if !hasKind {
		kind, glob = "", text
	}
	if hasKind && !slices.Contains(kinds, Kind(kind)) {
		var names []string
		for _, k := range kinds {
			names = append(names, string(k))
		}
		return Pattern{}, fmt.Errorf("pattern %q: %q is no kind of object; there are: %s", text, kind, strings.Join(names, ", "))
	}
	if _, err := path.Match(glob, ""); err != nil || glob == "" {
		return Pattern{}, fmt.Errorf("pattern %q can't be read: write [KIND:]GLOB, such as table:tmp_* or audit.*", text)
	}
	return Pattern{kind: Kind(kind), glob: glob}, nil
}

// Matches tells that the pattern picks an object.
func (p Pattern) Matches(id ID) bool {
	if p.kind != "" && p.kind != id.Kind() {
		return false
	}
	names := []string{id.Name()}
	if id.Schema() != "" {
		names = append(names, id.Schema()+"."+id.Name())
	}
	if _, _, isPart := id.Parent(); isPart {
		if p.kind == "" && !strings.Contains(p.glob, ".") {
			return false // a bare name is that of a table, not of its columns
		}
		names = []string{id.Sub(), id.Name() + "." + id.Sub(), id.Schema() + "." + id.Name() + "." + id.Sub()}
	}
	return slices.ContainsFunc(names, func(name string) bool {
		matched, _ := path.Match(p.glob, name) // was tried in ParsePattern
		return matched
	})
}

// filtered tells that an object is left out by the patterns.
func (o Options) filtered(c *Catalog, id ID) bool {
	if slices.ContainsFunc(o.ExcludePatterns, func(p Pattern) bool { return p.Matches(id) }) {
		return true
	}
	// What is in something goes with it.
	if schema, name, isPart := id.Parent(); isPart {
		for _, kind := range []Kind{KindTable, KindView, KindType} {
			if above := NewID(kind, schema, name, ""); c.Get(above) != nil {
				return o.filtered(c, above)
			}
		}
		return false
	}
	if i, ok := c.Get(id).(*Index); ok {
		return o.filtered(c, i.Table)
	}
	if s, ok := c.Get(id).(*Sequence); ok && s.OwnedBy.Name() != "" {
		return o.filtered(c, s.OwnedBy.As(KindTable))
	}
	return len(o.IncludePatterns) > 0 && id.Kind() != KindSchema && !slices.ContainsFunc(o.IncludePatterns, func(p Pattern) bool { return p.Matches(id) })
}
