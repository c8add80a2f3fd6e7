package catalog

// DefaultPrivileges are those of ALTER DEFAULT PRIVILEGES: what a role, the
// ID's Name, grants on new objects of a kind, its Sub, in a schema or in all.
type DefaultPrivileges struct {
	Common
	// Standard are those without it: PostgreSQL's own in all schemas, none in
	// one schema, whose come on top.
	Standard []Grant
}

func (r *reader) defaultPrivileges() []query {
	return []query{{
		"default privileges", `SELECT a.oid, coalesce(n.nspname::text, ''), pg_catalog.pg_get_userbyid(a.defaclrole)::text,
  CASE a.defaclobjtype WHEN 'r' THEN 'TABLES' WHEN 'S' THEN 'SEQUENCES' WHEN 'f' THEN 'FUNCTIONS' WHEN 'T' THEN 'TYPES' WHEN 'n' THEN 'SCHEMAS' ELSE 'LARGE OBJECTS' END,
  a.defaclacl::text[], CASE WHEN n.oid IS NULL THEN pg_catalog.acldefault(CASE a.defaclobjtype WHEN 'S' THEN 's' ELSE a.defaclobjtype END, a.defaclrole)::text[] ELSE '{}' END
FROM pg_catalog.pg_default_acl a LEFT JOIN pg_catalog.pg_namespace n ON n.oid = a.defaclnamespace`,
		func(row *row) error {
			d := &DefaultPrivileges{}
			var oid uint32
			var acl, standard []string
			var at named
			if err := row.scan(&oid, &at.schema, &at.name, &at.sub, &acl, &standard); err != nil {
				return err
			}
			d.ID, d.Grants, d.Standard = at.id(KindDefaultPrivileges), grants(acl), grants(standard)
			r.add(d, classDefaultACL, oid)
			return nil
		},
	}}
}
