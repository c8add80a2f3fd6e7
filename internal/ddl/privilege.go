package ddl

import (
	"cmp"
	"slices"
	"strings"

	"github.com/aludel-db/aludel/internal/catalog"
)

// privileges writes what leads from one list of grants to another.
func (w *writer) privileges(o catalog.Object, from, to []catalog.Grant) {
	if c, ok := o.(*catalog.Column); ok {
		w.grantsOn("TABLE "+qualified(c.ID.Schema(), c.ID.Name()), "("+ident(c.ID.Sub())+")", "CURRENT_USER", from, to)
		return
	}
	on := grantName(o)
	if on == "" {
		return
	}
	w.grantsOn(on, "", owner(o), from, to)
	if _, isTable := o.(*catalog.Table); isTable {
		w.regrant(o.Base().ID, from, to)
	}
}

// columnPrivileges writes those on a new table's columns, after the table's own:
// REVOKE on the table takes them away too.
func (w *writer) columnPrivileges(o catalog.Object) {
	if v, isView := o.(*catalog.View); isView {
		w.viewColumnPrivileges(&catalog.View{}, v)
	}
	t, isTable := o.(*catalog.Table)
	if !isTable {
		return
	}
	for _, i := range w.children[[2]string{t.ID.Schema(), t.ID.Name()}] {
		if c, ok := w.changes[i].Object().(*catalog.Column); ok && w.folded[c.ID] {
			w.privileges(c, nil, c.Grants)
		}
	}
}

// revoked picks the privileges that are taken away.
func revoked(from, to []catalog.Grant) func(catalog.Grant) bool {
	return func(g catalog.Grant) bool {
		same := func(h catalog.Grant) bool { return h.Role == g.Role && h.Privilege == g.Privilege }
		return slices.ContainsFunc(from, same) && !slices.ContainsFunc(to, same)
	}
}

// regrant gives those privileges on columns back that were taken away with the
// table's.
func (w *writer) regrant(table catalog.ID, from, to []catalog.Grant) {
	revoked := revoked(from, to)
	if !slices.ContainsFunc(from, revoked) || w.from.Get(table) == nil {
		return
	}
	for o := range w.from.Each {
		c, ok := o.(*catalog.Column)
		if !ok || tableOf(c.ID) != table || w.isGone(c.ID) || !slices.ContainsFunc(c.Grants, revoked) {
			continue
		}
		w.privileges(c, slices.DeleteFunc(slices.Clone(c.Grants), revoked), c.Grants)
	}
}

// grantsOn is privileges for a column too: columns is its name in parentheses.
func (w *writer) grantsOn(on, columns, owner string, from, to []catalog.Grant) {
	changes := func(verb, preposition, tail string, list, other []catalog.Grant, gone func(g catalog.Grant) bool) {
		byRole := map[string][]string{}
		var roles []string
		for _, g := range list {
			if slices.Contains(other, g) || gone(g) {
				continue
			}
			if _, known := byRole[g.Role]; !known {
				roles = append(roles, g.Role)
			}
			byRole[g.Role] = append(byRole[g.Role], g.Privilege+columns)
		}
		for _, role := range roles {
			w.add(verb + " " + strings.Join(byRole[role], ", ") + " ON " + on + " " + preposition + " " + grantee(role, owner) + tail)
			w.lock(AccessShare)
		}
	}
	has := func(list []catalog.Grant, g catalog.Grant) bool {
		return slices.ContainsFunc(list, func(h catalog.Grant) bool { return h.Role == g.Role && h.Privilege == g.Privilege })
	}
	changes("REVOKE", "FROM", "", from, to, func(g catalog.Grant) bool { return has(to, g) })
	changes("REVOKE GRANT OPTION FOR", "FROM", "", from, to, func(g catalog.Grant) bool { return !g.Grantable || !has(to, g) })
	changes("GRANT", "TO", "", to, from, func(g catalog.Grant) bool { return g.Grantable || has(from, g) })
	changes("GRANT", "TO", " WITH GRANT OPTION", to, from, func(g catalog.Grant) bool { return !g.Grantable })
}

func grantee(role, owner string) string {
	switch role {
	case "":
		return "PUBLIC"
	case catalog.OwnerRole:
		return owner
	}
	return ident(role)
}

// grantName is how GRANT names the object; empty for kinds without privileges.
func grantName(o catalog.Object) string {
	id := o.Base().ID
	switch o := o.(type) {
	case *catalog.Table, *catalog.View:
		return "TABLE " + qualified(id.Schema(), id.Name())
	case *catalog.Sequence, *catalog.Schema, *catalog.Function:
		if f, ok := o.(*catalog.Function); ok && f.Form == catalog.Aggregate {
			return "FUNCTION " + qualified(id.Schema(), id.Name()) + "(" + id.Sub() + ")"
		}
		return name(o)
	case *catalog.Type:
		if o.Form == catalog.Composite {
			return "TYPE " + qualified(id.Schema(), id.Name())
		}
		return name(o)
	case *catalog.ForeignDataWrapper, *catalog.Language:
		return name(o)
	case *catalog.ForeignServer:
		return "FOREIGN " + name(o)
	}
	return ""
}

// ownersOwn are grants once an object has its owner: what that role had been
// granted is part of its own then (aclnewowner).
func (w *writer) ownersOwn(o catalog.Object, grants []catalog.Grant) []catalog.Grant {
	role := cmp.Or(o.Base().Owner, w.from.User)
	var list []catalog.Grant
	for _, g := range grants {
		if g.Role == role {
			g.Role = catalog.OwnerRole
		}
		same := slices.IndexFunc(list, func(h catalog.Grant) bool { return h.Role == g.Role && h.Privilege == g.Privilege })
		if same < 0 {
			list = append(list, g)
		} else {
			list[same].Grantable = list[same].Grantable || g.Grantable
		}
	}
	return list
}

// startingGrants are those that a new object has: PostgreSQL's, or what ALTER
// DEFAULT PRIVILEGES has made of them.
func (w *writer) startingGrants(o catalog.Object) []catalog.Grant {
	list := defaultGrants(o, w.from.Major)
	var word string
	switch o.(type) {
	case *catalog.Table, *catalog.View:
		word = "TABLES"
	case *catalog.Sequence:
		word = "SEQUENCES"
	case *catalog.Function:
		word = "FUNCTIONS"
	case *catalog.Type:
		word = "TYPES"
	case *catalog.Schema:
		word = "SCHEMAS"
	default:
		return list
	}
	own := func(schema string) (grants []catalog.Grant, ok bool) {
		d := w.from.Get(catalog.NewID(catalog.KindDefaultPrivileges, schema, w.from.User, word))
		if d == nil {
			return nil, false
		}
		grants = slices.Clone(d.Base().Grants)
		for i := range grants {
			if grants[i].Role == w.from.User {
				grants[i].Role = catalog.OwnerRole
			}
		}
		return grants, true
	}
	if everywhere, ok := own(""); ok {
		list = everywhere
	}
	if schema := o.Base().ID.Schema(); schema != "" {
		more, _ := own(schema)
		list = append(list, more...)
	}
	return list
}

// defaultGrants are those that PostgreSQL gives a new object of the kind, see
// acldefault.
func defaultGrants(o catalog.Object, major int) []catalog.Grant {
	var own, public []string
	switch o.(type) {
	case *catalog.Schema:
		own = []string{"CREATE", "USAGE"}
	case *catalog.Table, *catalog.View:
		own = []string{"DELETE", "INSERT", "MAINTAIN", "REFERENCES", "SELECT", "TRIGGER", "TRUNCATE", "UPDATE"}
	case *catalog.Sequence:
		own = []string{"SELECT", "UPDATE", "USAGE"}
	case *catalog.Function:
		own, public = []string{"EXECUTE"}, []string{"EXECUTE"}
	case *catalog.Type, *catalog.Language:
		own, public = []string{"USAGE"}, []string{"USAGE"}
	case *catalog.ForeignDataWrapper, *catalog.ForeignServer:
		own = []string{"USAGE"}
	}
	if major < 17 { // where MAINTAIN came
		own = slices.DeleteFunc(own, func(p string) bool { return p == "MAINTAIN" })
	}
	var list []catalog.Grant
	for _, p := range public {
		list = append(list, catalog.Grant{Privilege: p})
	}
	for _, p := range own {
		list = append(list, catalog.Grant{Role: catalog.OwnerRole, Privilege: p})
	}
	return list
}
