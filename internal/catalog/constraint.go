package catalog

// A Constraint is one of a table or a domain.
type Constraint struct {
	Common
	Type ConstraintType
	// Definition is what stands behind the name in ADD CONSTRAINT, without NOT
	// VALID.
	Definition string
	NotValid   bool
	Domain     bool // of a domain, not of a table
	// Index is the name of its index where it has one; Clustered and
	// ReplicaIdentity are facts of the table that speak of it.
	Index string
	// IndexComment and IndexOptions belong to that index.
	IndexComment string
	IndexOptions Parameters
	// Inherited tells that it came from the table above, where it is Above.
	// One that has not may have an index that is a part of the index Above.
	Inherited bool
	Above     ID
	// NameGiven tells that its index has not the name that PostgreSQL gives.
	NameGiven bool
}

// A ConstraintType is pg_constraint's contype.
type ConstraintType string

// The types.
const (
	PrimaryKey ConstraintType = "p"
	Unique     ConstraintType = "u"
	Check      ConstraintType = "c"
	ForeignKey ConstraintType = "f"
	Exclusion  ConstraintType = "x"
	// ConstraintTrigger has no row here: it is a trigger.
)

func (r *reader) constraints() []query {
	return []query{{
		"constraints", `SELECT k.oid, n.nspname::text, coalesce(c.relname, t.typname)::text, k.conname::text, k.contype::text,
  pg_catalog.pg_get_constraintdef(k.oid), NOT k.convalidated, k.contypid <> 0, coalesce(i.relname::text, ''), coalesce(i.oid, 0),
  coalesce(pg_catalog.obj_description(i.oid, 'pg_class'), ''), coalesce(i.reloptions, '{}'),
  k.conparentid <> 0 OR k.contype = 'c' AND NOT k.conislocal AND k.contypid = 0, coalesce(p.conname::text, ''), coalesce(pc.relname::text, ''), coalesce(pn.nspname::text, ''),
  CASE WHEN i.relispartition THEN (SELECT h.inhparent FROM pg_catalog.pg_inherits h WHERE h.inhrelid = i.oid) ELSE 0 END,
  CASE WHEN k.conparentid <> 0 THEN (SELECT pg_catalog.array_agg(ia.attname::text ORDER BY ia.attnum) FROM pg_catalog.pg_attribute ia WHERE ia.attrelid = i.oid) END
FROM pg_catalog.pg_constraint k LEFT JOIN pg_catalog.pg_class c ON c.oid = k.conrelid LEFT JOIN pg_catalog.pg_type t ON t.oid = k.contypid
LEFT JOIN pg_catalog.pg_class i ON i.oid = k.conindid AND k.contype IN ('p', 'u', 'x')
JOIN pg_catalog.pg_namespace n ON n.oid = coalesce(c.relnamespace, t.typnamespace)
LEFT JOIN pg_catalog.pg_constraint p ON p.oid = k.conparentid LEFT JOIN pg_catalog.pg_class pc ON pc.oid = p.conrelid LEFT JOIN pg_catalog.pg_namespace pn ON pn.oid = pc.relnamespace
WHERE k.contype IN ('p', 'u', 'c', 'f', 'x') AND p.conrelid IS DISTINCT FROM k.conrelid AND n.nspname` + userSchemas + r.picked("k.conrelid"),
		func(row *row) error {
			k := &Constraint{}
			var oid, index, indexAbove uint32
			var options, columns []string
			var at, above named
			if err := row.scan(&oid, &at.schema, &at.name, &at.sub, (*string)(&k.Type), &k.Definition, &k.NotValid, &k.Domain, &k.Index, &index, &k.IndexComment, &options,
				&k.Inherited, &above.sub, &above.name, &above.schema, &indexAbove, &columns); err != nil {
				return err
			}
			k.ID, k.IndexOptions = at.id(KindConstraint), storageOptions(options, nil)
			if r.catalog.Get(k.ID.As(KindTable)) == nil &&
				r.catalog.Get(k.ID.As(KindType)) == nil {
				return nil
			}
			if above.name != "" {
				k.Above = above.id(KindConstraint)
				label := map[ConstraintType]string{PrimaryKey: "pkey", Unique: "key", Exclusion: "excl"}[k.Type]
				if k.Type == PrimaryKey {
					columns = nil
				}
				k.NameGiven = label != "" && !isGeneratedName(k.ID.Sub(), k.ID.Name(), columns, label)
			} else if indexAbove != 0 {
				r.parts = append(r.parts, part{&k.Above, indexAbove})
			}
			k.Definition = normalExpression(trimNotValid(k.Definition))
			r.add(k, classConstraint, oid)
			if index != 0 {
				r.alias(classClass, index, k)
			}
			return nil
		},
	}}
}
