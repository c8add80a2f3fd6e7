package catalog

import (
	"regexp"
	"strings"
)

// A Subscription is one of this database, as far as it can be made without its
// publisher: whether it is enabled is left to those who run it.
type Subscription struct {
	Common
	// Connection is the connection string without passwords; empty where the
	// role that reads may not see it.
	Connection   string
	Slot         string // empty: NONE
	Publications []string
	// Options are those of WITH that are not the server's defaults, name = value.
	Options []string
}

// password finds one in a connection string, in either form.
var password = regexp.MustCompile(`(?i)\s*\b(?:ssl)?password\s*=\s*(?:'(?:[^'\\]|\\.)*'|[^\s']*)|(://[^:/@]*):[^@/]*@`)

func withoutPassword(connection string) string {
	return strings.TrimSpace(password.ReplaceAllStringFunc(connection, func(found string) string {
		if m := password.FindStringSubmatch(found); m[1] != "" {
			return m[1] + "@"
		}
		return ""
	}))
}

func (r *reader) subscriptions() []query {
	connection := "''"
	if r.superuser { // others may not even name the column
		connection = "s.subconninfo"
	}
	streaming := "NULL"
	switch {
	case r.major >= 18: // parallel is the default
		streaming = "CASE s.substream WHEN 't' THEN 'streaming = on' WHEN 'f' THEN 'streaming = off' END"
	case r.major >= 16:
		streaming = "CASE s.substream WHEN 't' THEN 'streaming = on' WHEN 'p' THEN 'streaming = parallel' END"
	case r.major >= 14:
		streaming = "CASE WHEN s.substream THEN 'streaming = on' END"
	}
	return []query{{
		"subscriptions", `SELECT s.oid, s.subname::text, pg_catalog.pg_get_userbyid(s.subowner)::text, ` + connection + `, coalesce(s.subslotname::text, ''), s.subpublications::text[],
  pg_catalog.array_remove(ARRAY[CASE WHEN s.subsynccommit <> 'off' THEN 'synchronous_commit = ' || s.subsynccommit END,
    ` + r.since(14, "CASE WHEN s.subbinary THEN 'binary = true' END", "NULL") + `,
    ` + streaming + `,
    ` + r.since(15, "CASE WHEN s.subtwophasestate <> 'd' THEN 'two_phase = on' END", "NULL") + `, ` + r.since(15, "CASE WHEN s.subdisableonerr THEN 'disable_on_error = true' END", "NULL") + `,
    ` + r.since(16, "CASE WHEN s.suborigin <> 'any' THEN 'origin = ' || s.suborigin END", "NULL") + `, ` + r.since(16, "CASE WHEN NOT s.subpasswordrequired THEN 'password_required = false' END", "NULL") + `,
    ` + r.since(16, "CASE WHEN s.subrunasowner THEN 'run_as_owner = true' END", "NULL") + `, ` + r.since(17, "CASE WHEN s.subfailover THEN 'failover = true' END", "NULL") + `], NULL)
FROM pg_catalog.pg_subscription s WHERE s.subdbid = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())`,
		func(row *row) error {
			s := &Subscription{}
			var oid uint32
			var at named
			if err := row.scan(&oid, &at.name, &s.Owner, &s.Connection, &s.Slot, &s.Publications, &s.Options); err != nil {
				return err
			}
			s.ID, s.Connection = at.id(KindSubscription), withoutPassword(s.Connection)
			r.add(s, classSubscription, oid)
			return nil
		},
	}}
}

// A SecurityLabel is what a provider says of an object.
type SecurityLabel struct{ Provider, Label string }

func (r *reader) securityLabels() query {
	return query{
		"security labels", `SELECT classoid, objoid, objsubid::oid, provider, label FROM pg_catalog.pg_seclabel ORDER BY provider`,
		func(row *row) error {
			var class, oid, column uint32
			var l SecurityLabel
			if err := row.scan(&class, &oid, &column, &l.Provider, &l.Label); err != nil {
				return err
			}
			if o := r.byOID[addressOf(class, oid, int(column))]; o != nil {
				o.Base().Labels = append(o.Base().Labels, l)
			}
			return nil
		},
	}
}
