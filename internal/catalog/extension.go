package catalog

// An Extension is one that is installed. Its members are not objects of their
// own: what needs one of them needs the extension.
type Extension struct {
	Common
	Schema  string // where its objects are
	Version string
	// DefaultVersion is what the server makes when none is said.
	DefaultVersion string
}

func (r *reader) extensions() []query {
	return []query{{
		"extensions", `SELECT e.oid, e.extname::text, pg_catalog.pg_get_userbyid(e.extowner)::text, n.nspname::text, e.extversion, coalesce((SELECT v.default_version::text FROM pg_catalog.pg_available_extensions() v WHERE v.name = e.extname), e.extversion)
FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace WHERE e.oid >= 16384 ORDER BY e.oid`,
		func(row *row) error {
			e := &Extension{}
			var oid uint32
			var at named
			if err := row.scan(&oid, &at.name, &e.Owner, &e.Schema, &e.Version, &e.DefaultVersion); err != nil {
				return err
			}
			e.ID = at.id(KindExtension)
			r.add(e, classExtension, oid)
			return nil
		},
	}}
}
