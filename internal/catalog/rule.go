package catalog

import "github.com/jackc/pgx/v5"

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
WHERE w.rulename <> '_RETURN' AND n.nspname` + userSchemas + `AND` + notMember("pg_rewrite", "w.oid"),
		func(rows pgx.Rows) error {
			w := &Rule{}
			var oid uint32
			var enabled string
			if err := rows.Scan(&oid, &w.ID.Schema, &w.ID.Name, &w.ID.Sub, &w.Definition, &enabled); err != nil {
				return err
			}
			w.ID.Kind, w.Enabled = KindRule, enabledStates[enabled]
			w.Definition = normalExpression(w.Definition)
			r.add(w, classRewrite, oid)
			return nil
		},
	}}
}
