package catalog

import "github.com/jackc/pgx/v5"

// A Sequence is one that is no identity column's.
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
WHERE c.relkind = 'S' AND n.nspname` + userSchemas + `AND` + notMember("pg_class", "c.oid"),
		func(rows pgx.Rows) error {
			s := &Sequence{}
			var oid, table uint32
			var column int32
			var acl []string
			var kind string
			o := &s.SequenceOptions
			if err := rows.Scan(&oid, &s.ID.Schema, &s.ID.Name, &s.Owner, &acl, &s.Unlogged, &o.Type,
				&o.Start, &o.Increment, &o.Min, &o.Max, &o.Cache, &o.Cycle, &table, &column, &kind); err != nil {
				return err
			}
			owner := r.byOID[address{classClass, table, column}]
			if kind == "i" {
				if c, ok := r.catalog.objects[owner].(*Column); ok {
					c.IdentityOptions, c.IdentitySequence, c.IdentityUnlogged = *o, s.ID.Name, s.Unlogged
					c.IdentityGrants = grants(acl)
					for i := range c.IdentityGrants {
						if c.IdentityGrants[i].Role == s.Owner {
							c.IdentityGrants[i].Role = OwnerRole
						}
					}
					sortGrants(c.IdentityGrants)
					r.alias(address{classClass, oid, 0}, c.ID)
				}
				return nil
			}
			s.ID.Kind, s.OwnedBy, s.Grants = KindSequence, owner, grants(acl)
			r.add(s, classClass, oid)
			return nil
		},
	}}
}
