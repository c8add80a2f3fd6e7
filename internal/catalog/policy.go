package catalog

// A Policy is a row security policy.
type Policy struct {
	Common
	Restrictive bool
	Command     string   // ALL, SELECT, INSERT, UPDATE or DELETE
	Roles       []string // sorted; "public" is everybody
	Using       string
	WithCheck   string
}

func (r *reader) policies() []query {
	return []query{{
		"policies", `SELECT p.oid, n.nspname::text, c.relname::text, p.polname::text, NOT p.polpermissive, p.polcmd::text,
  ARRAY(SELECT CASE WHEN o = 0 THEN 'public' ELSE pg_catalog.pg_get_userbyid(o)::text END FROM pg_catalog.unnest(p.polroles) o ORDER BY 1),
  coalesce(pg_catalog.pg_get_expr(p.polqual, p.polrelid), ''), coalesce(pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid), '')
FROM pg_catalog.pg_policy p JOIN pg_catalog.pg_class c ON c.oid = p.polrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname` + userSchemas + r.picked("p.polrelid"),
		func(row *row) error {
			p := &Policy{}
			var oid uint32
			var command string
			var at named
			if err := row.scan(&oid, &at.schema, &at.name, &at.sub, &p.Restrictive, &command, &p.Roles, &p.Using, &p.WithCheck); err != nil {
				return err
			}
			p.ID = at.id(KindPolicy)
			p.Command = map[string]string{"*": "ALL", "r": "SELECT", "a": "INSERT", "w": "UPDATE", "d": "DELETE"}[command]
			p.Using, p.WithCheck = normalExpression(p.Using), normalExpression(p.WithCheck)
			r.add(p, classPolicy, oid)
			return nil
		},
	}}
}
