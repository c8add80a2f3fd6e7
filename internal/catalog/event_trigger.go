package catalog

// An EventTrigger fires at DDL.
type EventTrigger struct {
	Common
	Event    string
	Tags     []string
	Function string // qualified, without parentheses
	Enabled  string // as of a Trigger
}

func (r *reader) eventTriggers() []query {
	return []query{{
		"event triggers", `SELECT e.oid, e.evtname::text, e.evtevent::text, coalesce(e.evttags, '{}'), e.evtfoid::pg_catalog.regproc::text, e.evtenabled::text,
  pg_catalog.pg_get_userbyid(e.evtowner)::text FROM pg_catalog.pg_event_trigger e WHERE` + notMember("pg_event_trigger", "e.oid"),
		func(row *row) error {
			e := &EventTrigger{}
			var oid uint32
			var enabled string
			var at named
			if err := row.scan(&oid, &at.name, &e.Event, &e.Tags, &e.Function, &enabled, &e.Owner); err != nil {
				return err
			}
			e.ID, e.Enabled = at.id(KindEventTrigger), enabledStates[enabled]
			r.add(e, classEventTrigger, oid)
			return nil
		},
	}}
}
