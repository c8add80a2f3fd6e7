package catalog

import "github.com/jackc/pgx/v5"

// A Schema is a namespace.
type Schema struct{ Common }

func (r *reader) schemas() []query {
	return []query{{
		"schemas", `SELECT n.oid, n.nspname::text, pg_catalog.pg_get_userbyid(n.nspowner)::text,
  coalesce(n.nspacl, pg_catalog.acldefault('n', n.nspowner))::text[]
FROM pg_catalog.pg_namespace n WHERE n.nspname` + userSchemas + `AND` + notMember("pg_namespace", "n.oid"),
		func(rows pgx.Rows) error {
			s := &Schema{}
			var oid uint32
			var acl []string
			if err := rows.Scan(&oid, &s.ID.Name, &s.Owner, &acl); err != nil {
				return err
			}
			s.ID.Kind, s.Grants = KindSchema, grants(acl)
			r.add(s, classNamespace, oid)
			return nil
		},
	}}
}
