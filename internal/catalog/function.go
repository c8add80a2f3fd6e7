package catalog

import "strings"

// A Function is a function, a procedure, a window function or an aggregate.
type Function struct {
	Common
	Form FunctionForm
	// Definition is CREATE OR REPLACE as PostgreSQL writes it; of an aggregate
	// what stands in the parentheses behind its arguments.
	Definition string
	// Arguments are those of the declaration, with names and defaults, and
	// Result is what it returns: where these change, it has to be made anew.
	Arguments, Result string
	// Names are the arguments' names, in their order.
	Names []string
	// Outputs are the OUT, INOUT and TABLE arguments: mode and type.
	Outputs []string
	// Identity names a procedure among others of its name: its OUT arguments
	// count since PostgreSQL 14.
	Identity string
	// Defaults is how many arguments have one.
	Defaults int
}

// HasParsedBody tells that the body is no text: PostgreSQL has read it, and knows
// what it speaks of.
func (f *Function) HasParsedBody() bool {
	return f.Form != Aggregate && !strings.Contains(f.Definition, "\nAS ")
}

// A FunctionForm is pg_proc's prokind.
type FunctionForm string

// The forms.
const (
	PlainFunction FunctionForm = "f"
	Procedure     FunctionForm = "p"
	Aggregate     FunctionForm = "a"
	Window        FunctionForm = "w"
)

func (r *reader) functions() []query {
	return []query{{
		"functions", `SELECT p.oid, n.nspname::text, p.proname::text, pg_catalog.pg_get_function_identity_arguments(p.oid), pg_catalog.oidvectortypes(p.proargtypes),
  pg_catalog.pg_get_userbyid(p.proowner)::text, coalesce(p.proacl, pg_catalog.acldefault('f', p.proowner))::text[], p.prokind::text,
  CASE WHEN p.prokind = 'a' THEN ` + aggregateDefinition + ` ELSE pg_catalog.pg_get_functiondef(p.oid) END,
  pg_catalog.pg_get_function_arguments(p.oid), coalesce(pg_catalog.pg_get_function_result(p.oid), ''), coalesce(p.proargnames, '{}'), p.pronargdefaults::int,
  CASE WHEN p.proargmodes IS NOT NULL THEN (SELECT pg_catalog.array_agg(o.mode::text || ' ' || pg_catalog.format_type(o.type, NULL) ORDER BY o.n) FROM ROWS FROM (pg_catalog.unnest(p.proargmodes), pg_catalog.unnest(p.proallargtypes)) WITH ORDINALITY o(mode, type, n) WHERE o.mode IN ('o', 'b', 't')) END
FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace LEFT JOIN pg_catalog.pg_aggregate a ON a.aggfnoid = p.oid
WHERE n.nspname` + userSchemas + `AND p.oid >= 16384 AND` + notMember("pg_proc", "p.oid") + `AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
  WHERE d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.objid = p.oid AND d.deptype = 'i')`,
		func(row *row) error {
			f := &Function{}
			var oid uint32
			var acl []string
			var at named
			if err := row.scan(&oid, &at.schema, &at.name, &f.Identity, &at.sub, &f.Owner, &acl, (*string)(&f.Form), &f.Definition,
				&f.Arguments, &f.Result, &f.Names, &f.Defaults, &f.Outputs); err != nil {
				return err
			}
			f.ID, f.Grants = at.id(KindFunction), grants(acl)
			f.Definition, f.Arguments = normalFunction(f.Definition), normalExpression(f.Arguments)
			r.add(f, classProc, oid)
			return nil
		},
	}}
}

// normalFunction is normalExpression for what PostgreSQL writes itself: all of
// it, but for a body in text.
func normalFunction(definition string) string {
	head, body, isText := strings.Cut(definition, "\nAS ")
	if !isText {
		return withoutTypeNames(normalExpression(definition))
	}
	return normalExpression(head) + "\nAS " + body
}

// aggregateDefinition writes what pg_get_functiondef doesn't: the options of
// CREATE AGGREGATE.
const aggregateDefinition = `pg_catalog.concat_ws(E',\n    ', 'SFUNC = ' || a.aggtransfn::pg_catalog.regproc, 'STYPE = ' || pg_catalog.format_type(a.aggtranstype, NULL),
  CASE WHEN a.aggtransspace <> 0 THEN 'SSPACE = ' || a.aggtransspace END, CASE WHEN a.aggfinalfn <> 0 THEN 'FINALFUNC = ' || a.aggfinalfn::pg_catalog.regproc END,
  CASE WHEN a.aggfinalextra THEN 'FINALFUNC_EXTRA' END,
  CASE WHEN a.aggfinalfn <> 0 AND a.aggfinalmodify <> (CASE WHEN a.aggkind = 'n' THEN 'r' ELSE 'w' END)::"char" THEN 'FINALFUNC_MODIFY = ' || CASE a.aggfinalmodify WHEN 'r' THEN 'READ_ONLY' WHEN 's' THEN 'SHAREABLE' ELSE 'READ_WRITE' END END,
  CASE WHEN a.aggcombinefn <> 0 THEN 'COMBINEFUNC = ' || a.aggcombinefn::pg_catalog.regproc END,
  CASE WHEN a.aggserialfn <> 0 THEN 'SERIALFUNC = ' || a.aggserialfn::pg_catalog.regproc END, CASE WHEN a.aggdeserialfn <> 0 THEN 'DESERIALFUNC = ' || a.aggdeserialfn::pg_catalog.regproc END,
  CASE WHEN a.agginitval IS NOT NULL THEN 'INITCOND = ' || pg_catalog.quote_literal(a.agginitval) END,
  CASE WHEN a.aggmtransfn <> 0 THEN 'MSFUNC = ' || a.aggmtransfn::pg_catalog.regproc END, CASE WHEN a.aggminvtransfn <> 0 THEN 'MINVFUNC = ' || a.aggminvtransfn::pg_catalog.regproc END,
  CASE WHEN a.aggmtranstype <> 0 THEN 'MSTYPE = ' || pg_catalog.format_type(a.aggmtranstype, NULL) END, CASE WHEN a.aggmtransspace <> 0 THEN 'MSSPACE = ' || a.aggmtransspace END,
  CASE WHEN a.aggmfinalfn <> 0 AND a.aggmfinalmodify <> (CASE WHEN a.aggkind = 'n' THEN 'r' ELSE 'w' END)::"char" THEN 'MFINALFUNC_MODIFY = ' || CASE a.aggmfinalmodify WHEN 'r' THEN 'READ_ONLY' WHEN 's' THEN 'SHAREABLE' ELSE 'READ_WRITE' END END,
  CASE WHEN a.aggmfinalfn <> 0 THEN 'MFINALFUNC = ' || a.aggmfinalfn::pg_catalog.regproc END, CASE WHEN a.aggmfinalextra THEN 'MFINALFUNC_EXTRA' END,
  CASE WHEN a.aggminitval IS NOT NULL THEN 'MINITCOND = ' || pg_catalog.quote_literal(a.aggminitval) END,
  CASE WHEN a.aggsortop <> 0 THEN 'SORTOP = ' || (SELECT 'OPERATOR(' || pg_catalog.quote_ident(sn.nspname) || '.' || so.oprname || ')' FROM pg_catalog.pg_operator so JOIN pg_catalog.pg_namespace sn ON sn.oid = so.oprnamespace WHERE so.oid = a.aggsortop) END,
  CASE p.proparallel WHEN 's' THEN 'PARALLEL = SAFE' WHEN 'r' THEN 'PARALLEL = RESTRICTED' END, CASE WHEN a.aggkind = 'h' THEN 'HYPOTHETICAL' END)`
