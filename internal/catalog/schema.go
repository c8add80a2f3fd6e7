package catalog

// A Schema is a namespace.
type Schema struct{ Common }

func (r *reader) schemas() []query {
	return []query{{
		"schemas", `SELECT n.oid, n.nspname::text, pg_catalog.pg_get_userbyid(n.nspowner)::text,
  coalesce(n.nspacl, pg_catalog.acldefault('n', n.nspowner))::text[]
FROM pg_catalog.pg_namespace n WHERE n.nspname` + userSchemas + `AND` + notMember("pg_namespace", "n.oid"),
		func(row *row) error {
			s := &Schema{}
			var oid uint32
			var acl []string
			var at named
			if err := row.scan(&oid, &at.name, &s.Owner, &acl); err != nil {
				return err
			}
			s.ID, s.Grants = at.id(KindSchema), grants(acl)
			r.add(s, classNamespace, oid)
			r.schemasByName[at.name] = s
			return nil
		},
	}}
}
