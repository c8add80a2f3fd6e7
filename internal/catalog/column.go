package catalog

import "slices"

// A Column is one of a table.
type Column struct {
	Common
	Position  int    // its rank, from 1; dropped columns don't count
	Type      string // with modifiers
	Collation string // empty: that of the type
	NotNull   bool
	// NotNullName is the constraint's, where that isn't what PostgreSQL gives;
	// it has one since PostgreSQL 18, and may then be no child's, or not checked
	// for the rows that are there.
	NotNullName                       string
	NotNullNoInherit, NotNullNotValid bool
	NotNullComment                    string
	// NotNullLocal tells that it stays when the one above goes.
	NotNullLocal bool
	// Identity is ALWAYS or BY DEFAULT.
	Identity string
	// Sequence is nil of no identity, and since PostgreSQL 17 of a partition's,
	// which draws from the sequence above.
	Sequence *Sequence
	// Generated is STORED or VIRTUAL, with its expression.
	Generated, Expression string
	Storage               string // empty: that of the type, which is TypeStorage
	TypeStorage           string
	Compression           string // empty: the server's default
	Statistics            int    // the target; -1: the default
	Options               []string
	ForeignOptions        []string
	// Inherited tells that a parent or the partitioned table brings it.
	Inherited bool
}

// A Default is that of a column.
type Default struct {
	Common
	Expression string
}

// storages and compressions are the letters of pg_attribute.
var (
	storages     = map[string]string{"p": "PLAIN", "e": "EXTERNAL", "m": "MAIN", "x": "EXTENDED"}
	compressions = map[string]string{"p": "pglz", "l": "lz4"}
)

func (r *reader) columns() []query {
	identities := map[string]string{"a": "ALWAYS", "d": "BY DEFAULT"}
	generations := map[string]string{"s": "STORED", "v": "VIRTUAL"}
	last, position := uint32(0), 0
	queries := []query{{
		"columns", `SELECT c.oid, a.attnum, n.nspname::text, c.relname::text, a.attname::text, pg_catalog.format_type(a.atttypid, a.atttypmod),
  CASE WHEN a.attcollation <> t.typcollation THEN a.attcollation::pg_catalog.regcollation::text ELSE '' END,
  a.attnotnull, a.attidentity::text, a.attgenerated::text, coalesce(d.oid, 0), CASE WHEN d.oid IS NULL THEN '' ELSE pg_catalog.pg_get_expr(d.adbin, d.adrelid) END,
  CASE WHEN a.attstorage <> t.typstorage THEN a.attstorage::text ELSE '' END, t.typstorage::text, ` + r.since(14, "a.attcompression::text", "''") + `,
  coalesce(a.attstattarget, -1)::int, coalesce(a.attoptions, '{}'), coalesce(a.attfdwoptions, '{}'), NOT a.attislocal OR a.attinhcount > 0 AND c.relispartition,
  coalesce(a.attacl::text[], '{}')
FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_type t ON t.oid = a.atttypid LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE c.relkind IN ('r', 'p', 'f') AND a.attnum > 0 AND NOT a.attisdropped AND n.nspname` + userSchemas + r.picked("c.oid") + ` ORDER BY c.oid, a.attnum`,
		func(row *row) error {
			c := &Column{}
			var table, attrdef uint32
			var number int16
			var identity, generated, expression, storage, compression string
			var acl []string
			var at named
			if err := row.scan(&table, &number, &at.schema, &at.name, &at.sub, &c.Type, &c.Collation, &c.NotNull, &identity, &generated,
				&attrdef, &expression, &storage, &c.TypeStorage, &compression, &c.Statistics, &c.Options, &c.ForeignOptions, &c.Inherited, &acl); err != nil {
				return err
			}
			if r.relations[table] == nil {
				return nil
			}
			if position++; table != last {
				last, position = table, 1
			}
			slices.Sort(c.ForeignOptions)
			c.ID, c.Position, c.Grants = at.id(KindColumn), position, grants(acl)
			c.Identity, c.Generated, c.Compression = identities[identity], generations[generated], compressions[compression]
			c.Storage, c.TypeStorage = storages[storage], storages[c.TypeStorage]
			r.addAt(c, addressOf(classClass, table, int(number)))
			switch {
			case attrdef == 0:
			case c.Generated != "":
				c.Expression = normalExpression(expression)
				r.alias(classAttrdef, attrdef, c)
			default:
				d := &Default{Common: Common{ID: c.ID.With(KindDefault, c.ID.Sub())}, Expression: normalExpression(expression)}
				r.add(d, classAttrdef, attrdef)
			}
			return nil
		},
	}}
	if r.major >= 18 {
		queries = append(queries, r.notNulls())
	}
	return queries
}

// notNulls reads the constraints that NOT NULL is since PostgreSQL 18.
func (r *reader) notNulls() query {
	return query{
		"not-null constraints", `SELECT k.conrelid, k.conkey[1], k.conname::text, k.connoinherit, NOT k.convalidated, coalesce(pg_catalog.obj_description(k.oid, 'pg_constraint'), ''), k.conislocal
FROM pg_catalog.pg_constraint k WHERE k.contype = 'n' AND k.conrelid >= 16384` + r.picked("k.conrelid"),
		func(row *row) error {
			var table uint32
			var number int16
			var name, comment string
			var noInherit, notValid, local bool
			if err := row.scan(&table, &number, &name, &noInherit, &notValid, &comment, &local); err != nil {
				return err
			}
			c, ok := r.byOID[addressOf(classClass, table, int(number))].(*Column)
			if !ok {
				return nil
			}
			if !isGeneratedName(name, c.ID.Name(), []string{c.ID.Sub()}, "not_null") {
				c.NotNullName = name
			}
			c.NotNullNoInherit, c.NotNullNotValid, c.NotNullComment, c.NotNullLocal = noInherit, notValid, comment, local
			return nil
		},
	}
}
