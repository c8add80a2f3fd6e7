package catalog

// A Trigger is one of a table or view. One that a partition inherits is an
// object only where it is enabled in another way than the one above it.
type Trigger struct {
	Common
	Definition string // CREATE TRIGGER as PostgreSQL writes it
	// Enabled is ORIGIN, DISABLED, REPLICA or ALWAYS.
	Enabled    string
	Constraint bool
	// EnabledAbove is how the one is enabled that a partition inherits it from;
	// empty for others.
	EnabledAbove string
}

// enabledStates are those of triggers and rules.
var enabledStates = map[string]string{"O": "ORIGIN", "D": "DISABLED", "R": "REPLICA", "A": "ALWAYS"}

func (r *reader) triggers() []query {
	return []query{{
		"triggers", `SELECT t.oid, n.nspname::text, c.relname::text, t.tgname::text, pg_catalog.pg_get_triggerdef(t.oid), t.tgenabled::text, t.tgconstraint <> 0, t.tgconstraint, coalesce(above.tgenabled::text, '')
FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_trigger above ON above.oid = t.tgparentid AND above.tgfoid = t.tgfoid AND NOT above.tgisinternal
WHERE CASE WHEN t.tgparentid = 0 THEN NOT t.tgisinternal ELSE above.tgenabled <> t.tgenabled END AND n.nspname` + userSchemas + r.picked("t.tgrelid"),
		func(row *row) error {
			t := &Trigger{}
			var oid, constraint uint32
			var enabled, above string
			var at named
			if err := row.scan(&oid, &at.schema, &at.name, &at.sub, &t.Definition, &enabled, &t.Constraint, &constraint, &above); err != nil {
				return err
			}
			t.ID, t.Enabled = at.id(KindTrigger), enabledStates[enabled]
			t.EnabledAbove = enabledStates[above]
			t.Definition = normalExpression(t.Definition)
			r.add(t, classTrigger, oid)
			r.alias(classConstraint, constraint, t)
			return nil
		},
	}}
}
