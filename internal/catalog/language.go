package catalog

// A Language is one that no extension brought.
type Language struct {
	Common
	Trusted                    bool
	Handler, Inline, Validator string // qualified functions; may be empty
}

// A Transform is that of a type, its ID's Name, for a language, its Sub.
type Transform struct {
	Common
	// Definition is what stands in the parentheses of CREATE TRANSFORM.
	Definition string
}

// An AccessMethod is one of tables or indexes.
type AccessMethod struct {
	Common
	Type    string // TABLE or INDEX
	Handler string
}

func (r *reader) languages() []query {
	return []query{
		{
			"languages", `SELECT l.oid, l.lanname::text, l.lanpltrusted, l.lanplcallfoid::pg_catalog.regproc::text, CASE WHEN l.laninline = 0 THEN '' ELSE l.laninline::pg_catalog.regproc::text END,
  CASE WHEN l.lanvalidator = 0 THEN '' ELSE l.lanvalidator::pg_catalog.regproc::text END, pg_catalog.pg_get_userbyid(l.lanowner)::text, coalesce(l.lanacl, pg_catalog.acldefault('l', l.lanowner))::text[]
FROM pg_catalog.pg_language l WHERE l.oid >= 16384 AND` + notMember("pg_language", "l.oid"),
			func(row *row) error {
				l := &Language{}
				var oid uint32
				var acl []string
				var at named
				if err := row.scan(&oid, &at.name, &l.Trusted, &l.Handler, &l.Inline, &l.Validator, &l.Owner, &acl); err != nil {
					return err
				}
				l.ID, l.Grants = at.id(KindLanguage), grants(acl)
				r.add(l, classLanguage, oid)
				return nil
			},
		},
		{
			"transforms", `SELECT t.oid, pg_catalog.format_type(t.trftype, NULL), l.lanname::text, pg_catalog.concat_ws(', ', CASE WHEN t.trffromsql <> 0 THEN 'FROM SQL WITH FUNCTION ' || t.trffromsql::pg_catalog.regprocedure::text END,
  CASE WHEN t.trftosql <> 0 THEN 'TO SQL WITH FUNCTION ' || t.trftosql::pg_catalog.regprocedure::text END)
FROM pg_catalog.pg_transform t JOIN pg_catalog.pg_language l ON l.oid = t.trflang WHERE` + notMember("pg_transform", "t.oid"),
			func(row *row) error {
				t := &Transform{}
				var oid uint32
				var at named
				if err := row.scan(&oid, &at.name, &at.sub, &t.Definition); err != nil {
					return err
				}
				t.ID = at.id(KindTransform)
				r.add(t, classTransform, oid)
				return nil
			},
		},
		{
			"access methods", `SELECT a.oid, a.amname::text, CASE a.amtype WHEN 't' THEN 'TABLE' ELSE 'INDEX' END, a.amhandler::pg_catalog.regproc::text FROM pg_catalog.pg_am a WHERE a.oid >= 16384 AND` + notMember("pg_am", "a.oid"),
			func(row *row) error {
				a := &AccessMethod{}
				var oid uint32
				var at named
				if err := row.scan(&oid, &at.name, &a.Type, &a.Handler); err != nil {
					return err
				}
				a.ID = at.id(KindAccessMethod)
				r.add(a, classAccessMethod, oid)
				return nil
			},
		},
	}
}
