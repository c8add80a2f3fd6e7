package catalog

// A Sequence is one by itself, or an identity column's.
type Sequence struct {
	Common
	SequenceOptions
	Unlogged bool
	OwnedBy  ID // a column; zero where it is free
}

// SequenceOptions are those of CREATE SEQUENCE.
type SequenceOptions struct {
	Type                              string
	Start, Increment, Min, Max, Cache int64
	Cycle                             bool
}

func (r *reader) sequences() []query {
	return []query{{
		"sequences", `SELECT c.oid, n.nspname::text, c.relname::text, pg_catalog.pg_get_userbyid(c.relowner)::text,
  coalesce(c.relacl, pg_catalog.acldefault('s', c.relowner))::text[], c.relpersistence = 'u', pg_catalog.format_type(s.seqtypid, NULL),
  s.seqstart, s.seqincrement, s.seqmin, s.seqmax, s.seqcache, s.seqcycle, coalesce(d.refobjid, 0), coalesce(d.refobjsubid, 0), coalesce(d.deptype::text, '')
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace JOIN pg_catalog.pg_sequence s ON s.seqrelid = c.oid
LEFT JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.deptype IN ('a', 'i')
WHERE c.relkind = 'S' AND n.nspname` + userSchemas + `AND` + notMember("pg_class", "c.oid") + r.picked("c.oid"),
		func(row *row) error {
			s := &Sequence{}
			var oid, table uint32
			var column int32
			var acl []string
			var kind string
			o := &s.SequenceOptions
			var at named
			if err := row.scan(&oid, &at.schema, &at.name, &s.Owner, &acl, &s.Unlogged, &o.Type,
				&o.Start, &o.Increment, &o.Min, &o.Max, &o.Cache, &o.Cycle, &table, &column, &kind); err != nil {
				return err
			}
			s.ID, s.Grants = at.id(KindSequence), grants(acl)
			owner := r.byOID[addressOf(classClass, table, int(column))]
			if kind == "i" {
				if c, ok := owner.(*Column); ok {
					c.Sequence = s
					r.catalog.normalOwner(s)
					s.Owner = "" // its table's
					r.alias(classClass, oid, c)
				}
				return nil
			}
			if owner != nil {
				s.OwnedBy = owner.Base().ID
			}
			r.add(s, classClass, oid)
			return nil
		},
	}}
}
