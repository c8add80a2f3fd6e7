package catalog

// A Publication is what logical replication sends.
type Publication struct {
	Common
	AllTables bool
	Publish   string // insert, update, delete, truncate: those that it sends
	ViaRoot   bool
	// Tables are written as in CREATE PUBLICATION, with columns and condition;
	// sorted. Schemas are those of TABLES IN SCHEMA.
	Tables, Schemas []string
}

func (r *reader) publications() []query {
	byOID := map[uint32]*Publication{}
	return []query{
		{
			"publications", `SELECT p.oid, p.pubname::text, p.puballtables, pg_catalog.concat_ws(', ', CASE WHEN p.pubinsert THEN 'insert' END, CASE WHEN p.pubupdate THEN 'update' END,
  CASE WHEN p.pubdelete THEN 'delete' END, CASE WHEN p.pubtruncate THEN 'truncate' END), p.pubviaroot, pg_catalog.pg_get_userbyid(p.pubowner)::text
FROM pg_catalog.pg_publication p WHERE` + notMember("pg_publication", "p.oid"),
			func(row *row) error {
				p := &Publication{}
				var oid uint32
				var at named
				if err := row.scan(&oid, &at.name, &p.AllTables, &p.Publish, &p.ViaRoot, &p.Owner); err != nil {
					return err
				}
				p.ID = at.id(KindPublication)
				byOID[oid] = p
				r.add(p, classPublication, oid)
				return nil
			},
		},
		{
			"published tables", `SELECT pr.oid, pr.prpubid, CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_inherits i JOIN pg_catalog.pg_class ic ON ic.oid = i.inhrelid WHERE i.inhparent = pr.prrelid AND NOT ic.relispartition) THEN 'ONLY ' ELSE '' END ||
  pr.prrelid::pg_catalog.regclass::text || ` + r.since(15, `coalesce(' (' || (SELECT pg_catalog.string_agg(pg_catalog.quote_ident(a.attname), ', ' ORDER BY a.attname)
  FROM pg_catalog.unnest(pr.prattrs) WITH ORDINALITY k(attnum, n) JOIN pg_catalog.pg_attribute a ON a.attrelid = pr.prrelid AND a.attnum = k.attnum) || ')', '') ||
  coalesce(' WHERE (' || pg_catalog.pg_get_expr(pr.prqual, pr.prrelid) || ')', '')`, `''`) + ` FROM pg_catalog.pg_publication_rel pr ORDER BY 3`,
			func(row *row) error {
				var oid, publication uint32
				var table string
				err := row.scan(&oid, &publication, &table)
				if p := byOID[publication]; p != nil {
					p.Tables = append(p.Tables, normalExpression(table))
					r.alias(classPublicationRel, oid, p)
				}
				return err
			},
		},
		{
			"published schemas", r.since(15, `SELECT pn.oid, pn.pnpubid, n.nspname::text FROM pg_catalog.pg_publication_namespace pn JOIN pg_catalog.pg_namespace n ON n.oid = pn.pnnspid ORDER BY 3`,
				`SELECT 0::oid, 0::oid, '' WHERE false`),
			func(row *row) error {
				var oid, publication uint32
				var schema string
				err := row.scan(&oid, &publication, &schema)
				if p := byOID[publication]; p != nil {
					p.Schemas = append(p.Schemas, schema)
					r.alias(classPublicationNamespace, oid, p)
				}
				return err
			},
		},
	}
}
