package catalog

// A View is a view or a materialized view.
type View struct {
	Common
	Materialized bool
	Query        string
	Columns      []ViewColumn
	Options      Parameters // those of a view, or storage parameters
	// AccessMethod, Tablespace, ClusterOn and Populated are of materialized views.
	AccessMethod, Tablespace, ClusterOn string
	Populated                           bool
	// ReplicaIdentity is that of a materialized view, as a table's; empty for others.
	ReplicaIdentity string
}

// A ViewColumn is one that its query gives, with what was added to it.
type ViewColumn struct {
	Name, Type, Collation, Default, Comment string
	Grants                                  []Grant
	Statistics                              int
	// Storage, TypeStorage, Compression and Options are a materialized view's,
	// as a table's.
	Storage, TypeStorage, Compression string
	Options                           []string
}

func (r *reader) views() []query {
	return []query{
		{
			"views", `SELECT c.oid, c.reltype, w.oid, n.nspname::text, c.relname::text, pg_catalog.pg_get_userbyid(c.relowner)::text,
  coalesce(c.relacl, pg_catalog.acldefault('r', c.relowner))::text[], c.relkind = 'm', pg_catalog.pg_get_viewdef(c.oid),
  coalesce(c.reloptions, '{}'), CASE WHEN am.amname = 'heap' THEN '' ELSE coalesce(am.amname::text, '') END, coalesce(ts.spcname::text, ''),
  coalesce((SELECT ic.relname::text FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class ic ON ic.oid = i.indexrelid WHERE i.indrelid = c.oid AND i.indisclustered), ''),
  c.relispopulated, coalesce(toast.reloptions, '{}'), CASE WHEN c.relkind = 'm' THEN c.relreplident::text ELSE '' END,
  coalesce((SELECT ic.relname::text FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class ic ON ic.oid = i.indexrelid WHERE i.indrelid = c.oid AND i.indisreplident), '')
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace JOIN pg_catalog.pg_rewrite w ON w.ev_class = c.oid AND w.rulename = '_RETURN'
LEFT JOIN pg_catalog.pg_am am ON am.oid = c.relam LEFT JOIN pg_catalog.pg_tablespace ts ON ts.oid = c.reltablespace LEFT JOIN pg_catalog.pg_class toast ON toast.oid = c.reltoastrelid
WHERE c.relkind IN ('v', 'm') AND c.relpersistence <> 't' AND n.nspname` + userSchemas + `AND` + notMember("pg_class", "c.oid") + r.picked("c.oid"),
			func(row *row) error {
				v := &View{}
				var oid, rowType, rule uint32
				var acl, options, toast []string
				var identity, index string
				var at named
				if err := row.scan(&oid, &rowType, &rule, &at.schema, &at.name, &v.Owner, &acl, &v.Materialized, &v.Query,
					&options, &v.AccessMethod, &v.Tablespace, &v.ClusterOn, &v.Populated, &toast, &identity, &index); err != nil {
					return err
				}
				v.ID, v.Grants, v.Options = at.id(KindView), grants(acl), storageOptions(options, toast)
				v.ReplicaIdentity = replicaIdentity(identity, index)
				v.Query = normalQuery(v.Query)
				r.add(v, classClass, oid)
				r.alias(classType, rowType, v)
				r.alias(classRewrite, rule, v)
				return nil
			},
		},
		{
			"columns of views", `SELECT c.oid, a.attname::text, pg_catalog.format_type(a.atttypid, a.atttypmod), coalesce(pg_catalog.pg_get_expr(d.adbin, d.adrelid), ''),
  coalesce(pg_catalog.col_description(c.oid, a.attnum), ''), coalesce(a.attacl::text[], '{}'), coalesce(a.attstattarget, -1)::int, coalesce(d.oid, 0),
  CASE WHEN a.attcollation <> t.typcollation THEN a.attcollation::pg_catalog.regcollation::text ELSE '' END,
  CASE WHEN a.attstorage <> t.typstorage AND c.relkind = 'm' THEN a.attstorage::text ELSE '' END, t.typstorage::text, ` + r.since(14, "a.attcompression::text", "''") + `, coalesce(a.attoptions, '{}')
FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid JOIN pg_catalog.pg_type t ON t.oid = a.atttypid LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE c.relkind IN ('v', 'm') AND a.attnum > 0 AND NOT a.attisdropped AND c.oid >= 16384` + r.picked("c.oid") + ` ORDER BY c.oid, a.attnum`,
			func(row *row) error {
				var oid, attrdef uint32
				var c ViewColumn
				var storage, compression string
				var acl []string
				err := row.scan(&oid, &c.Name, &c.Type, &c.Default, &c.Comment, &acl, &c.Statistics, &attrdef,
					&c.Collation, &storage, &c.TypeStorage, &compression, &c.Options)
				if v, ok := r.relations[oid].(*View); ok {
					c.Grants, c.Default = grants(acl), normalExpression(c.Default)
					c.Storage, c.TypeStorage, c.Compression = storages[storage], storages[c.TypeStorage], compressions[compression]
					v.Columns = append(v.Columns, c)
					r.alias(classAttrdef, attrdef, v)
				}
				return err
			},
		},
	}
}
