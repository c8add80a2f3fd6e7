package catalog

// A Rule is a rewrite rule, but for those that make views.
type Rule struct {
	Common
	Definition string // CREATE RULE as PostgreSQL writes it
	Enabled    string // as of a Trigger
}

func (r *reader) rules() []query {
	return []query{{
		"rules", `SELECT w.oid, n.nspname::text, c.relname::text, w.rulename::text, pg_catalog.pg_get_ruledef(w.oid), w.ev_enabled::text
FROM pg_catalog.pg_rewrite w JOIN pg_catalog.pg_class c ON c.oid = w.ev_class JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE w.rulename <> '_RETURN' AND n.nspname` + userSchemas + `AND` + notMember("pg_rewrite", "w.oid") + r.picked("w.ev_class"),
		func(row *row) error {
			w := &Rule{}
			var oid uint32
			var enabled string
			var at named
			if err := row.scan(&oid, &at.schema, &at.name, &at.sub, &w.Definition, &enabled); err != nil {
				return err
			}
			w.ID, w.Enabled = at.id(KindRule), enabledStates[enabled]
			w.Definition = normalExpression(w.Definition)
			r.add(w, classRewrite, oid)
			return nil
		},
	}}
}
