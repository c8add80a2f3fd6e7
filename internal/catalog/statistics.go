package catalog

import (
	"slices"
	"strings"
)

// Statistics are extended statistics.
type Statistics struct {
	Common
	Definition string // CREATE STATISTICS as PostgreSQL writes it
	Target     int    // -1: the default
}

// inOrder sorts the columns of a definition, which PostgreSQL keeps in the order
// of the table's.
func inOrder(definition string) string {
	head, rest, ok := strings.Cut(definition, " ON ")
	list, tail, cut := strings.Cut(rest, " FROM ")
	if !ok || !cut || strings.ContainsAny(list, `("`) { // expressions, names that may hold anything
		return definition
	}
	columns := strings.Split(list, ", ")
	slices.Sort(columns)
	return head + " ON " + strings.Join(columns, ", ") + " FROM " + tail
}

func (r *reader) statistics() []query {
	return []query{{
		"statistics", `SELECT s.oid, n.nspname::text, s.stxname::text, pg_catalog.pg_get_statisticsobjdef(s.oid), coalesce(s.stxstattarget, -1)::int, pg_catalog.pg_get_userbyid(s.stxowner)::text
FROM pg_catalog.pg_statistic_ext s JOIN pg_catalog.pg_namespace n ON n.oid = s.stxnamespace WHERE n.nspname` + userSchemas,
		func(row *row) error {
			s := &Statistics{}
			var oid uint32
			var at named
			if err := row.scan(&oid, &at.schema, &at.name, &s.Definition, &s.Target, &s.Owner); err != nil {
				return err
			}
			s.ID, s.Definition = at.id(KindStatistics), inOrder(s.Definition)
			r.add(s, classStatistics, oid)
			return nil
		},
	}}
}
