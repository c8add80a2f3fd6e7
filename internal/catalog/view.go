package catalog

// A View is a view or a materialized view.
type View struct {
	Common
	Materialized bool
	Query        string
	Columns      []ViewColumn
	Options      []string // those of a view, or storage parameters
	// AccessMethod, Tablespace, ClusterOn and Populated are of materialized views.
	AccessMethod, Tablespace, ClusterOn string
	Populated                           bool
}

// A ViewColumn is one that its query gives, with what was added to it.
type ViewColumn struct {
	Name, Type, Default, Comment string
	Grants                       []Grant
	Statistics                   int
}

func (r *reader) views() []query {
	return []query{
		{
			"views", `SELECT c.oid, c.reltype, w.oid, n.nspname::text, c.relname::text, pg_catalog.pg_get_userbyid(c.relowner)::text,
  coalesce(c.relacl, pg_catalog.acldefault('r', c.relowner))::text[], c.relkind = 'm', pg_catalog.pg_get_viewdef(c.oid),
  coalesce(c.reloptions, '{}'), CASE WHEN am.amname = 'heap' THEN '' ELSE coalesce(am.amname::text, '') END, coalesce(ts.spcname::text, ''),
  coalesce((SELECT ic.relname::text FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class ic ON ic.oid = i.indexrelid WHERE i.indrelid = c.oid AND i.indisclustered), ''),
  c.relispopulated
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace JOIN pg_catalog.pg_rewrite w ON w.ev_class = c.oid AND w.rulename = '_RETURN'
LEFT JOIN pg_catalog.pg_am am ON am.oid = c.relam LEFT JOIN pg_catalog.pg_tablespace ts ON ts.oid = c.reltablespace
WHERE c.relkind IN ('v', 'm') AND c.relpersistence <> 't' AND n.nspname` + userSchemas + `AND` + notMember("pg_class", "c.oid"),
			func(row *row) error {
				v := &View{}
				var oid, rowType, rule uint32
				var acl, options []string
				var at named
				if err := row.scan(&oid, &rowType, &rule, &at.schema, &at.name, &v.Owner, &acl, &v.Materialized, &v.Query,
					&options, &v.AccessMethod, &v.Tablespace, &v.ClusterOn, &v.Populated); err != nil {
					return err
				}
				v.ID, v.Grants, v.Options = at.id(KindView), grants(acl), storageOptions(options, nil)
				v.Query = normalQuery(v.Query)
				r.add(v, classClass, oid)
				r.alias(classType, rowType, v)
				r.alias(classRewrite, rule, v)
				return nil
			},
		},
		{
			"columns of views", `SELECT c.oid, a.attname::text, pg_catalog.format_type(a.atttypid, a.atttypmod), coalesce(pg_catalog.pg_get_expr(d.adbin, d.adrelid), ''),
  coalesce(pg_catalog.col_description(c.oid, a.attnum), ''), coalesce(a.attacl::text[], '{}'), coalesce(a.attstattarget, -1)::int, coalesce(d.oid, 0)
FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE c.relkind IN ('v', 'm') AND a.attnum > 0 AND NOT a.attisdropped AND c.oid >= 16384 ORDER BY c.oid, a.attnum`,
			func(row *row) error {
				var oid, attrdef uint32
				var c ViewColumn
				var acl []string
				err := row.scan(&oid, &c.Name, &c.Type, &c.Default, &c.Comment, &acl, &c.Statistics, &attrdef)
				if v, ok := r.relations[oid].(*View); ok {
					c.Grants = grants(acl)
					v.Columns = append(v.Columns, c)
					r.alias(classAttrdef, attrdef, v)
				}
				return err
			},
		},
	}
}
