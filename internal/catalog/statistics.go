package catalog

// Statistics are extended statistics.
type Statistics struct {
	Common
	Definition string // CREATE STATISTICS as PostgreSQL writes it
	Target     int    // -1: the default
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
			s.ID = at.id(KindStatistics)
			r.add(s, classStatistics, oid)
			return nil
		},
	}}
}
