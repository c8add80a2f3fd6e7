package catalog

// A Type is an enum, a composite type, a domain or a range type: the fields of
// its form are set.
type Type struct {
	Common
	Form TypeForm
	// Labels are those of an enum, in its order.
	Labels []string
	// Attributes are those of a composite type.
	Attributes []Attribute
	Domain     Domain
	Range      Range
}

// A TypeForm is pg_type's typtype.
type TypeForm string

// The forms.
const (
	Enum        TypeForm = "e"
	Composite   TypeForm = "c"
	DomainType  TypeForm = "d"
	RangeType   TypeForm = "r"
	ShellOrBase TypeForm = "b" // not modelled
)

// An Attribute is a column of a composite type.
type Attribute struct {
	Name, Type string
	Collation  string // empty: that of the type
	Comment    string
}

// A Domain is what a domain adds to its base type; its checks are constraints.
type Domain struct {
	Base      string
	Collation string // empty: that of the base type
	Default   string // an expression
	NotNull   bool
	// NotNullName is the constraint's, where that isn't what PostgreSQL gives; it
	// has one since PostgreSQL 17.
	NotNullName string
}

// A Range is what a range type is made from; names are qualified.
type Range struct {
	Subtype, OperatorClass, Collation, Canonical, Difference string
	MultirangeSchema, Multirange                             string
}

func (r *reader) types() []query {
	byOID := map[uint32]*Type{}
	return []query{
		{
			"types", `SELECT t.oid, t.typarray, t.typrelid, n.nspname::text, t.typname::text, t.typtype::text, pg_catalog.pg_get_userbyid(t.typowner)::text,
  coalesce(t.typacl, pg_catalog.acldefault('T', t.typowner))::text[],
  CASE WHEN t.typtype = 'd' THEN pg_catalog.format_type(t.typbasetype, t.typtypmod) ELSE '' END,
  CASE WHEN t.typtype = 'd' AND t.typcollation <> b.typcollation THEN t.typcollation::pg_catalog.regcollation::text ELSE '' END,
  CASE WHEN t.typtype = 'd' THEN coalesce(pg_catalog.pg_get_expr(t.typdefaultbin, 0), '') ELSE '' END,
  t.typnotnull, ` + r.since(17, "coalesce((SELECT k.conname::text FROM pg_catalog.pg_constraint k WHERE k.contypid = t.oid AND k.contype = 'n'), '')", "''") + `
FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace LEFT JOIN pg_catalog.pg_type b ON b.oid = t.typbasetype
LEFT JOIN pg_catalog.pg_class c ON c.oid = t.typrelid
WHERE t.typtype IN ('e', 'c', 'd', 'r') AND (t.typrelid = 0 OR c.relkind = 'c') AND n.nspname` + userSchemas + `AND` + notMember("pg_type", "t.oid"),
			func(row *row) error {
				t := &Type{}
				var oid, array, relation uint32
				var acl []string
				var at named
				if err := row.scan(&oid, &array, &relation, &at.schema, &at.name, (*string)(&t.Form), &t.Owner, &acl,
					&t.Domain.Base, &t.Domain.Collation, &t.Domain.Default, &t.Domain.NotNull, &t.Domain.NotNullName); err != nil {
					return err
				}
				if isGeneratedName(t.Domain.NotNullName, at.name, nil, "not_null") {
					t.Domain.NotNullName = ""
				}
				t.ID, t.Grants = at.id(KindType), grants(acl)
				t.Domain.Default = normalExpression(t.Domain.Default)
				r.add(t, classType, oid)
				r.alias(classType, array, t)
				r.alias(classClass, relation, t)
				byOID[oid] = t
				return nil
			},
		},
		{
			"enum labels", `SELECT enumtypid, enumlabel::text FROM pg_catalog.pg_enum ORDER BY enumtypid, enumsortorder`,
			func(row *row) error {
				var oid uint32
				var label string
				err := row.scan(&oid, &label)
				if t := byOID[oid]; t != nil {
					t.Labels = append(t.Labels, label)
				}
				return err
			},
		},
		{
			"composite types", `SELECT c.reltype, a.attname::text, pg_catalog.format_type(a.atttypid, a.atttypmod),
  CASE WHEN a.attcollation <> t.typcollation THEN a.attcollation::pg_catalog.regcollation::text ELSE '' END,
  coalesce(pg_catalog.col_description(c.oid, a.attnum), '')
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
WHERE c.relkind = 'c' AND a.attnum > 0 AND NOT a.attisdropped ORDER BY c.oid, a.attnum`,
			func(row *row) error {
				var oid uint32
				var a Attribute
				err := row.scan(&oid, &a.Name, &a.Type, &a.Collation, &a.Comment)
				if t := byOID[oid]; t != nil {
					t.Attributes = append(t.Attributes, a)
				}
				return err
			},
		},
		{
			"ranges", `SELECT g.rngtypid, pg_catalog.format_type(g.rngsubtype, NULL), CASE WHEN o.opcdefault THEN '' ELSE pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(o.opcname) END,
  CASE WHEN g.rngcollation <> s.typcollation THEN g.rngcollation::pg_catalog.regcollation::text ELSE '' END,
  CASE WHEN g.rngcanonical = 0 THEN '' ELSE g.rngcanonical::pg_catalog.regproc::text END, CASE WHEN g.rngsubdiff = 0 THEN '' ELSE g.rngsubdiff::pg_catalog.regproc::text END, ` +
				r.since(14, "m.oid", "0::oid") + `, ` + r.since(14, "m.typarray", "0::oid") + `, ` + r.since(14, "coalesce(m.typname::text, ''), coalesce(mn.nspname::text, '')", "'', ''") + `
FROM pg_catalog.pg_range g JOIN pg_catalog.pg_opclass o ON o.oid = g.rngsubopc JOIN pg_catalog.pg_namespace n ON n.oid = o.opcnamespace
JOIN pg_catalog.pg_type s ON s.oid = g.rngsubtype ` + r.since(14, "JOIN pg_catalog.pg_type m ON m.oid = g.rngmultitypid JOIN pg_catalog.pg_namespace mn ON mn.oid = m.typnamespace", "") + ` WHERE g.rngtypid >= 16384`,
			func(row *row) error {
				var oid, multirange, array uint32
				var g Range
				err := row.scan(&oid, &g.Subtype, &g.OperatorClass, &g.Collation, &g.Canonical, &g.Difference, &multirange, &array, &g.Multirange, &g.MultirangeSchema)
				if t := byOID[oid]; t != nil {
					t.Range = g
					r.alias(classType, multirange, t)
					r.alias(classType, array, t)
				}
				return err
			},
		},
	}
}

// since is text for servers from a major version on, otherwise for older ones.
func (r *reader) since(major int, text, otherwise string) string {
	if r.major >= major {
		return text
	}
	return otherwise
}
