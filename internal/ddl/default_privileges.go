package ddl

import (
	"slices"
	"strings"

	"github.com/aludel-db/aludel/internal/catalog"
)

// defaultPrivileges writes what leads from one list of grants to another. from
// is what there is without any, for new ones.
func (w *writer) defaultPrivileges(d *catalog.DefaultPrivileges, from, to []catalog.Grant) {
	head := "ALTER DEFAULT PRIVILEGES FOR ROLE " + ident(d.ID.Name())
	if d.ID.Schema() != "" {
		head += " IN SCHEMA " + ident(d.ID.Schema())
	}
	write := func(verb, preposition string, list, other []catalog.Grant) {
		for _, g := range list {
			if slices.Contains(other, g) {
				continue
			}
			tail := ""
			if g.Grantable && verb == "GRANT" {
				tail = " WITH GRANT OPTION"
			}
			role := "PUBLIC"
			if g.Role != "" {
				role = ident(g.Role)
			}
			w.add(strings.Join([]string{head, verb, g.Privilege, "ON", d.ID.Sub(), preposition, role}, " ") + tail)
		}
	}
	write("REVOKE", "FROM", from, to)
	write("GRANT", "TO", to, from)
}
