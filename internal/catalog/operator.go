package catalog

// An Operator is one that users made; its ID's Sub are its arguments.
type Operator struct {
	Common
	// Definition is what stands in the parentheses of CREATE OPERATOR.
	Definition string
}

// An OperatorFamily groups operator classes of one index method, which is its
// ID's Sub.
type OperatorFamily struct {
	Common
	// Members are those that no class brings, each as in ALTER OPERATOR FAMILY
	// … ADD: OPERATOR 1 public.<(integer,bigint). An optional support function
	// is one since PostgreSQL 14, also where CREATE OPERATOR CLASS named it.
	Members []FamilyMember
}

// A FamilyMember is an operator or a support function of an operator family.
type FamilyMember struct {
	// Slot is what it is for: OPERATOR 1 (integer, bigint).
	Slot string
	// Is what stands there, and for operators the purpose.
	Is string
}

// An OperatorClass tells an index method, its ID's Sub, how to handle a type.
type OperatorClass struct {
	Common
	// Definition is what stands behind CREATE OPERATOR CLASS name.
	Definition string
}

// A Cast converts one type, its ID's Name, to another, its Sub.
type Cast struct {
	Common
	// Definition is what stands behind CREATE CAST (… AS …).
	Definition string
}

// A Conversion converts between encodings.
type Conversion struct {
	Common
	// Definition is what stands behind CREATE CONVERSION name.
	Definition string
	Default    bool
}

func (r *reader) operators() []query {
	return []query{
		{
			"operators", `SELECT o.oid, n.nspname::text, o.oprname::text, CASE WHEN o.oprleft = 0 THEN 'NONE' ELSE pg_catalog.format_type(o.oprleft, NULL) END || ', ' || pg_catalog.format_type(o.oprright, NULL),
  pg_catalog.concat_ws(', ', 'FUNCTION = ' || o.oprcode::pg_catalog.regproc, CASE WHEN o.oprleft <> 0 THEN 'LEFTARG = ' || pg_catalog.format_type(o.oprleft, NULL) END,
    'RIGHTARG = ' || pg_catalog.format_type(o.oprright, NULL), CASE WHEN o.oprcom <> 0 THEN 'COMMUTATOR = OPERATOR(' || o.oprcom::pg_catalog.regoper::text || ')' END,
    CASE WHEN o.oprnegate <> 0 THEN 'NEGATOR = OPERATOR(' || o.oprnegate::pg_catalog.regoper::text || ')' END, CASE WHEN o.oprrest <> 0 THEN 'RESTRICT = ' || o.oprrest::pg_catalog.regproc END,
    CASE WHEN o.oprjoin <> 0 THEN 'JOIN = ' || o.oprjoin::pg_catalog.regproc END, CASE WHEN o.oprcanhash THEN 'HASHES' END, CASE WHEN o.oprcanmerge THEN 'MERGES' END),
  pg_catalog.pg_get_userbyid(o.oprowner)::text
FROM pg_catalog.pg_operator o JOIN pg_catalog.pg_namespace n ON n.oid = o.oprnamespace WHERE o.oprcode <> 0 AND n.nspname` + userSchemas + `AND` + notMember("pg_operator", "o.oid"),
			func(row *row) error {
				o := &Operator{}
				var oid uint32
				var at named
				if err := row.scan(&oid, &at.schema, &at.name, &at.sub, &o.Definition, &o.Owner); err != nil {
					return err
				}
				o.ID = at.id(KindOperator)
				r.add(o, classOperator, oid)
				return nil
			},
		},
		{
			"operator families", `SELECT f.oid, n.nspname::text, f.opfname::text, m.amname::text, pg_catalog.pg_get_userbyid(f.opfowner)::text
FROM pg_catalog.pg_opfamily f JOIN pg_catalog.pg_namespace n ON n.oid = f.opfnamespace JOIN pg_catalog.pg_am m ON m.oid = f.opfmethod WHERE n.nspname` + userSchemas + `AND` + notMember("pg_opfamily", "f.oid"),
			func(row *row) error {
				f := &OperatorFamily{}
				var oid uint32
				var at named
				if err := row.scan(&oid, &at.schema, &at.name, &at.sub, &f.Owner); err != nil {
					return err
				}
				f.ID = at.id(KindOperatorFamily)
				r.add(f, classOperatorFamily, oid)
				return nil
			},
		},
		{
			"members of operator families", `SELECT 'pg_catalog.pg_amop'::pg_catalog.regclass::oid, a.oid, a.amopfamily, pg_catalog.format('OPERATOR %s (%s, %s)', a.amopstrategy, pg_catalog.format_type(a.amoplefttype, NULL), pg_catalog.format_type(a.amoprighttype, NULL)),
  (SELECT pg_catalog.quote_ident(n.nspname) || '.' || o.oprname FROM pg_catalog.pg_operator o JOIN pg_catalog.pg_namespace n ON n.oid = o.oprnamespace WHERE o.oid = a.amopopr),
  coalesce((SELECT ' FOR ORDER BY ' || pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(f.opfname) FROM pg_catalog.pg_opfamily f JOIN pg_catalog.pg_namespace n ON n.oid = f.opfnamespace WHERE f.oid = a.amopsortfamily), '')
FROM pg_catalog.pg_amop a WHERE a.oid >= 16384 AND` + ofFamily("pg_amop", "a.oid") + `
UNION ALL SELECT 'pg_catalog.pg_amproc'::pg_catalog.regclass::oid, p.oid, p.amprocfamily, pg_catalog.format('FUNCTION %s (%s, %s)', p.amprocnum, pg_catalog.format_type(p.amproclefttype, NULL), pg_catalog.format_type(p.amprocrighttype, NULL)), p.amproc::pg_catalog.regprocedure::text, ''
FROM pg_catalog.pg_amproc p WHERE p.oid >= 16384 AND` + ofFamily("pg_amproc", "p.oid") + ` ORDER BY 4`,
			func(row *row) error {
				var class, oid, family uint32
				var m FamilyMember
				var is, purpose string
				err := row.scan(&class, &oid, &family, &m.Slot, &is, &purpose)
				if f, ok := r.byOID[addressOf(classOperatorFamily, family, 0)].(*OperatorFamily); ok {
					m.Is = is + purpose
					f.Members = append(f.Members, m)
					r.alias(class, oid, f)
				}
				return err
			},
		},
		{
			"operator classes", `SELECT c.oid, n.nspname::text, c.opcname::text, m.amname::text, pg_catalog.pg_get_userbyid(c.opcowner)::text,
  CASE WHEN c.opcdefault THEN 'DEFAULT ' ELSE '' END || 'FOR TYPE ' || pg_catalog.format_type(c.opcintype, NULL) || ' USING ' || pg_catalog.quote_ident(m.amname) ||
  ' FAMILY ' || pg_catalog.quote_ident(fn.nspname) || '.' || pg_catalog.quote_ident(f.opfname) || ' AS ' || pg_catalog.concat_ws(', ',
  (SELECT pg_catalog.string_agg('OPERATOR ' || a.amopstrategy || ' ' || a.amopopr::pg_catalog.regoperator::text || CASE WHEN a.amopsortfamily <> 0 THEN ' FOR ORDER BY ' || (SELECT pg_catalog.quote_ident(sn.nspname) || '.' || pg_catalog.quote_ident(sf.opfname) FROM pg_catalog.pg_opfamily sf JOIN pg_catalog.pg_namespace sn ON sn.oid = sf.opfnamespace WHERE sf.oid = a.amopsortfamily) ELSE '' END, ', ' ORDER BY a.amopstrategy)
   FROM pg_catalog.pg_amop a JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_amop'::pg_catalog.regclass AND d.objid = a.oid AND d.refclassid = 'pg_catalog.pg_opclass'::pg_catalog.regclass AND d.refobjid = c.oid),
  (SELECT pg_catalog.string_agg('FUNCTION ' || p.amprocnum || ' (' || pg_catalog.format_type(p.amproclefttype, NULL) || ', ' || pg_catalog.format_type(p.amprocrighttype, NULL) || ') ' || p.amproc::pg_catalog.regprocedure::text, ', ' ORDER BY p.amprocnum)
   FROM pg_catalog.pg_amproc p JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_amproc'::pg_catalog.regclass AND d.objid = p.oid AND d.refclassid = 'pg_catalog.pg_opclass'::pg_catalog.regclass AND d.refobjid = c.oid),
  CASE WHEN c.opckeytype <> 0 THEN 'STORAGE ' || pg_catalog.format_type(c.opckeytype, NULL) ELSE 'STORAGE ' || pg_catalog.format_type(c.opcintype, NULL) END)
FROM pg_catalog.pg_opclass c JOIN pg_catalog.pg_namespace n ON n.oid = c.opcnamespace JOIN pg_catalog.pg_am m ON m.oid = c.opcmethod JOIN pg_catalog.pg_opfamily f ON f.oid = c.opcfamily
JOIN pg_catalog.pg_namespace fn ON fn.oid = f.opfnamespace WHERE n.nspname` + userSchemas + `AND` + notMember("pg_opclass", "c.oid"),
			func(row *row) error {
				c := &OperatorClass{}
				var oid uint32
				var at named
				if err := row.scan(&oid, &at.schema, &at.name, &at.sub, &c.Owner, &c.Definition); err != nil {
					return err
				}
				c.ID = at.id(KindOperatorClass)
				r.add(c, classOperatorClass, oid)
				return nil
			},
		},
		{
			"operators and functions of classes", `SELECT classid, objid, refobjid FROM pg_catalog.pg_depend WHERE classid IN ('pg_catalog.pg_amop'::pg_catalog.regclass, 'pg_catalog.pg_amproc'::pg_catalog.regclass)
  AND refclassid = 'pg_catalog.pg_opclass'::pg_catalog.regclass AND objid >= 16384`,
			func(row *row) error {
				var class, oid, of uint32
				err := row.scan(&class, &oid, &of)
				if o := r.byOID[addressOf(classOperatorClass, of, 0)]; o != nil {
					r.alias(class, oid, o)
				}
				return err
			},
		},
		{
			"casts", `SELECT c.oid, pg_catalog.format_type(c.castsource, NULL), pg_catalog.format_type(c.casttarget, NULL),
  CASE c.castmethod WHEN 'f' THEN 'WITH FUNCTION ' || c.castfunc::pg_catalog.regprocedure::text WHEN 'i' THEN 'WITH INOUT' ELSE 'WITHOUT FUNCTION' END ||
  CASE c.castcontext WHEN 'a' THEN ' AS ASSIGNMENT' WHEN 'i' THEN ' AS IMPLICIT' ELSE '' END
FROM pg_catalog.pg_cast c WHERE c.oid >= 16384 AND` + notMember("pg_cast", "c.oid") + `AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
  WHERE d.classid = 'pg_catalog.pg_cast'::pg_catalog.regclass AND d.objid = c.oid AND d.deptype = 'i')`, // a range's to its multirange
			func(row *row) error {
				c := &Cast{}
				var oid uint32
				var at named
				if err := row.scan(&oid, &at.name, &at.sub, &c.Definition); err != nil {
					return err
				}
				c.ID = at.id(KindCast)
				r.add(c, classCast, oid)
				return nil
			},
		},
		{
			"conversions", `SELECT c.oid, n.nspname::text, c.conname::text, pg_catalog.format('FOR %L TO %L FROM %s', pg_catalog.pg_encoding_to_char(c.conforencoding), pg_catalog.pg_encoding_to_char(c.contoencoding), c.conproc::pg_catalog.regproc),
  c.condefault, pg_catalog.pg_get_userbyid(c.conowner)::text FROM pg_catalog.pg_conversion c JOIN pg_catalog.pg_namespace n ON n.oid = c.connamespace WHERE n.nspname` + userSchemas + `AND` + notMember("pg_conversion", "c.oid"),
			func(row *row) error {
				c := &Conversion{}
				var oid uint32
				var at named
				if err := row.scan(&oid, &at.schema, &at.name, &c.Definition, &c.Default, &c.Owner); err != nil {
					return err
				}
				c.ID = at.id(KindConversion)
				r.add(c, classConversion, oid)
				return nil
			},
		},
	}
}

// ofFamily picks what depends on an operator family itself, not on a class.
func ofFamily(class, oid string) string {
	return ` EXISTS (SELECT FROM pg_catalog.pg_depend fd WHERE fd.classid = 'pg_catalog.` + class + `'::pg_catalog.regclass AND fd.objid = ` + oid + ` AND fd.refclassid = 'pg_catalog.pg_opfamily'::pg_catalog.regclass AND fd.deptype = 'a') `
}
