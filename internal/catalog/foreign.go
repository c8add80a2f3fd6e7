package catalog

import "slices"

// A ForeignDataWrapper reaches foreign servers.
type ForeignDataWrapper struct {
	Common
	Handler, Validator string // qualified functions; may be empty
	Options            []string
}

// A ForeignServer is one that a wrapper reaches.
type ForeignServer struct {
	Common
	Wrapper       string
	Type, Version string
	Options       []string
}

// A UserMapping says as whom a role connects to a server. Its secrets are not
// readable for everybody, and where they can't be read it has no options.
type UserMapping struct {
	Common
	Options []string
}

func (r *reader) foreign() []query {
	return []query{
		{
			"foreign data wrappers", `SELECT w.oid, w.fdwname::text, CASE WHEN w.fdwhandler = 0 THEN '' ELSE w.fdwhandler::pg_catalog.regproc::text END,
  CASE WHEN w.fdwvalidator = 0 THEN '' ELSE w.fdwvalidator::pg_catalog.regproc::text END, coalesce(w.fdwoptions, '{}'), pg_catalog.pg_get_userbyid(w.fdwowner)::text,
  coalesce(w.fdwacl, pg_catalog.acldefault('F', w.fdwowner))::text[] FROM pg_catalog.pg_foreign_data_wrapper w WHERE` + notMember("pg_foreign_data_wrapper", "w.oid"),
			func(row *row) error {
				w := &ForeignDataWrapper{}
				var oid uint32
				var acl []string
				var at named
				if err := row.scan(&oid, &at.name, &w.Handler, &w.Validator, &w.Options, &w.Owner, &acl); err != nil {
					return err
				}
				slices.Sort(w.Options)
				w.ID, w.Grants = at.id(KindForeignDataWrapper), grants(acl)
				r.add(w, classForeignDataWrapper, oid)
				return nil
			},
		},
		{
			"foreign servers", `SELECT s.oid, s.srvname::text, w.fdwname::text, coalesce(s.srvtype, ''), coalesce(s.srvversion, ''), coalesce(s.srvoptions, '{}'), pg_catalog.pg_get_userbyid(s.srvowner)::text,
  coalesce(s.srvacl, pg_catalog.acldefault('S', s.srvowner))::text[] FROM pg_catalog.pg_foreign_server s JOIN pg_catalog.pg_foreign_data_wrapper w ON w.oid = s.srvfdw`,
			func(row *row) error {
				s := &ForeignServer{}
				var oid uint32
				var acl []string
				var at named
				if err := row.scan(&oid, &at.name, &s.Wrapper, &s.Type, &s.Version, &s.Options, &s.Owner, &acl); err != nil {
					return err
				}
				slices.Sort(s.Options)
				s.ID, s.Grants = at.id(KindForeignServer), grants(acl)
				r.add(s, classForeignServer, oid)
				return nil
			},
		},
		{
			"user mappings", `SELECT umid, srvname::text, CASE WHEN umuser = 0 THEN 'public' ELSE usename::text END, coalesce(umoptions, '{}') FROM pg_catalog.pg_user_mappings`,
			func(row *row) error {
				m := &UserMapping{}
				var oid uint32
				var at named
				if err := row.scan(&oid, &at.name, &at.sub, &m.Options); err != nil {
					return err
				}
				slices.Sort(m.Options)
				m.ID = at.id(KindUserMapping)
				r.add(m, classUserMapping, oid)
				return nil
			},
		},
	}
}
