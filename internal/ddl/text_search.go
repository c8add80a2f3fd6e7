package ddl

import (
	"slices"
	"strings"

	"github.com/aludel-db/aludel/internal/catalog"
)

func (w *writer) createTextSearch(t *catalog.TextSearch) {
	w.add("CREATE " + name(t) + " (" + t.Definition + ")")
	w.mappings(nil, t)
}

func (w *writer) mappings(from []string, to *catalog.TextSearch) {
	token := func(mapping string) string {
		name, _, _ := strings.Cut(mapping, " WITH ")
		return name
	}
	for _, m := range from {
		if !slices.ContainsFunc(to.Mappings, func(o string) bool { return token(o) == token(m) }) {
			w.add("ALTER " + name(to) + " DROP MAPPING FOR " + token(m))
		}
	}
	for _, m := range to.Mappings {
		switch {
		case slices.Contains(from, m):
		case slices.ContainsFunc(from, func(o string) bool { return token(o) == token(m) }):
			w.add("ALTER " + name(to) + " ALTER MAPPING FOR " + m)
		default:
			w.add("ALTER " + name(to) + " ADD MAPPING FOR " + m)
		}
	}
}
