package catalog

// A Collation is one that users made.
type Collation struct {
	Common
	// Definition is what stands in the parentheses of CREATE COLLATION.
	Definition string
}

func (r *reader) collations() []query {
	locale := r.since(17, "coalesce(c.colllocale, c.collcollate)", r.since(15, "coalesce(c.colliculocale, c.collcollate)", "c.collcollate::text"))
	return []query{{
		"collations", `SELECT c.oid, n.nspname::text, c.collname::text, 'provider = ' || CASE c.collprovider WHEN 'i' THEN 'icu' WHEN 'b' THEN 'builtin' ELSE 'libc' END ||
  CASE WHEN c.collprovider = 'c' AND c.collcollate <> c.collctype THEN ', lc_collate = ' || pg_catalog.quote_literal(c.collcollate) || ', lc_ctype = ' || pg_catalog.quote_literal(c.collctype)
  ELSE ', locale = ' || pg_catalog.quote_literal(` + locale + `) END || CASE WHEN NOT c.collisdeterministic THEN ', deterministic = false' ELSE '' END` +
			r.since(16, ` || coalesce(', rules = ' || pg_catalog.quote_literal(c.collicurules), '')`, "") + `, pg_catalog.pg_get_userbyid(c.collowner)::text
FROM pg_catalog.pg_collation c JOIN pg_catalog.pg_namespace n ON n.oid = c.collnamespace WHERE n.nspname` + userSchemas + `AND` + notMember("pg_collation", "c.oid"),
		func(row *row) error {
			c := &Collation{}
			var oid uint32
			var at named
			if err := row.scan(&oid, &at.schema, &at.name, &c.Definition, &c.Owner); err != nil {
				return err
			}
			c.ID = at.id(KindCollation)
			r.add(c, classCollation, oid)
			return nil
		},
	}}
}
