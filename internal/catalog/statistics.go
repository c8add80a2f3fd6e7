package catalog

import (
	"slices"
	"strings"
)

// Statistics are extended statistics.
type Statistics struct {
	Common
	Definition string // CREATE STATISTICS
	Target     int    // -1: the default
}

// statisticsDefinition writes what PostgreSQL does, but with the columns by name,
// since PostgreSQL keeps them in the order of the table's, and with all the
// parentheses of expressions, as everywhere else.
func statisticsDefinition(shown, head, table string, columns, expressions []string) string {
	kinds, _, _ := strings.Cut(strings.TrimPrefix(shown, head), " ON ")
	slices.Sort(columns)
	for _, e := range expressions {
		columns = append(columns, "("+normalExpression(e)+")")
	}
	return head + kinds + " ON " + strings.Join(columns, ", ") + " FROM " + table
}

func (r *reader) statistics() []query {
	return []query{{
		"statistics", `SELECT s.oid, n.nspname::text, s.stxname::text, pg_catalog.pg_get_statisticsobjdef(s.oid), pg_catalog.format('CREATE STATISTICS %I.%I', n.nspname, s.stxname), s.stxrelid::pg_catalog.regclass::text,
  coalesce((SELECT pg_catalog.array_agg(pg_catalog.quote_ident(a.attname)) FROM pg_catalog.pg_attribute a WHERE a.attrelid = s.stxrelid AND a.attnum = ANY (s.stxkeys::pg_catalog.int2[])), '{}'),
  ` + r.since(14, `coalesce(pg_catalog.pg_get_statisticsobjdef_expressions(s.oid), '{}')`, `'{}'::text[]`) + `, coalesce(s.stxstattarget, -1)::int, pg_catalog.pg_get_userbyid(s.stxowner)::text
FROM pg_catalog.pg_statistic_ext s JOIN pg_catalog.pg_namespace n ON n.oid = s.stxnamespace WHERE n.nspname` + userSchemas,
		func(row *row) error {
			s := &Statistics{}
			var oid uint32
			var at named
			var shown, head, table string
			var columns, expressions []string
			if err := row.scan(&oid, &at.schema, &at.name, &shown, &head, &table, &columns, &expressions, &s.Target, &s.Owner); err != nil {
				return err
			}
			s.ID, s.Definition = at.id(KindStatistics), statisticsDefinition(shown, head, table, columns, expressions)
			r.add(s, classStatistics, oid)
			return nil
		},
	}}
}
