package catalog

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Options say what to read.
type Options struct {
	// Schemas are those to read; nil means all but the system's.
	Schemas []string
	// Exclude are objects to leave out, such as the version table.
	Exclude []ID
	// ExcludePatterns leave out what one of them picks, and IncludePatterns, if
	// there are any, all but what one of them does. What belongs to a table, or
	// stands on it, goes with it; schemas stay unless they are excluded.
	ExcludePatterns, IncludePatterns []Pattern
}

// Read reads the catalog of conn's database, in a transaction of its own that
// sees one moment and changes nothing.
func Read(ctx context.Context, conn *pgx.Conn, options Options) (*Catalog, error) {
	c, err := read(ctx, conn, options)
	var pgErr *pgconn.PgError
	if errors.As(err, &pgErr) && pgErr.Code == "XX000" {
		// The functions that write definitions look at the newest catalog, not
		// at the snapshot: somebody has just dropped something.
		c, err = read(ctx, conn, options)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the catalog: %w", err)
	}
	return c, nil
}

func read(ctx context.Context, conn *pgx.Conn, options Options) (c *Catalog, err error) {
	tx, err := conn.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, tx.Rollback(context.WithoutCancel(ctx))) }()
	r := &reader{major: serverMajor(conn), superuser: conn.PgConn().ParameterStatus("is_superuser") == "on", byOID: map[address]ID{}, own: map[address]ID{}, catalog: New(), relations: map[uint32]Object{}}
	queries := r.queries()
	batch := &pgconn.Batch{}
	for _, q := range queries {
		batch.ExecParams(q.sql, nil, nil, nil, nil)
	}
	results := conn.PgConn().ExecBatch(ctx, batch)
	defer func() { err = errors.Join(err, results.Close()) }()
	for _, q := range queries {
		if !results.NextResult() {
			return nil, fmt.Errorf("%s: %w", q.name, results.Close())
		}
		rows := pgx.RowsFromResultReader(conn.TypeMap(), results.ResultReader())
		for rows.Next() {
			if err := q.scan(rows); err != nil {
				return nil, fmt.Errorf("%s: %w", q.name, err)
			}
		}
		if err := rows.Err(); err != nil {
			return nil, fmt.Errorf("%s: %w", q.name, err)
		}
	}
	r.finish(options)
	return r.catalog, nil
}

func serverMajor(conn *pgx.Conn) int {
	version := conn.PgConn().ParameterStatus("server_version")
	digits := version
	if end := strings.IndexFunc(version, func(c rune) bool { return c < '0' || c > '9' }); end >= 0 {
		digits = version[:end]
	}
	major, _ := strconv.Atoi(digits) // of a server that says no number, 0
	return major
}

// A query reads one kind of thing.
type query struct {
	name, sql string
	scan      func(pgx.Rows) error
}

// An address is what pg_depend calls an object: its catalog, its OID, and the
// number of a column.
type address struct {
	class, oid uint32
	sub        int32
}

// OIDs of the catalogs, which are the same everywhere.
const (
	classType       = 1247
	classProc       = 1255
	classClass      = 1259
	classAttrdef    = 2604
	classConstraint = 2606
	classNamespace  = 2615
	classRewrite    = 2618
	classTrigger    = 2620
	classExtension  = 3079
	classPolicy     = 3256

	classEventTrigger            = 3466
	classPublication             = 6104
	classSubscription            = 6100
	classPublicationRel          = 6106
	classPublicationNamespace    = 6237
	classStatistics              = 3381
	classForeignDataWrapper      = 2328
	classForeignServer           = 1417
	classUserMapping             = 1418
	classCollation               = 3456
	classOperator                = 2617
	classOperatorFamily          = 2753
	classOperatorClass           = 2616
	classCast                    = 2605
	classConversion              = 2607
	classTextSearchParser        = 3601
	classTextSearchTemplate      = 3764
	classTextSearchDictionary    = 3600
	classTextSearchConfiguration = 3602
	classLanguage                = 2612
	classTransform               = 3576
	classAccessMethod            = 2601
	classDefaultACL              = 826
)

// A reader puts a catalog together.
type reader struct {
	major      int
	superuser  bool
	catalog    *Catalog
	byOID, own map[address]ID
	relations  map[uint32]Object // tables, views, sequences by their OID
	// indexTables are joined at the end: a materialized view is read after them.
	indexTables []indexTable
	parts       []part
	links       []link
	comments    []comment
}

type link struct {
	from, to address
	kind     string // deptype
}

type comment struct {
	of   address
	text string
}

// add takes an object in.
func (r *reader) add(o Object, class, oid uint32) {
	id := o.Base().ID
	r.catalog.objects[id] = o
	r.at(address{class, oid, 0}, id)
}

// alias tells what stands for an object. What there is not has the OID 0.
func (r *reader) alias(a address, id ID) {
	if a.oid != 0 {
		r.byOID[a] = id
	}
}

// at tells where an object stands. byOID also has what only stands for it, such
// as its array type.
func (r *reader) at(a address, id ID) {
	r.byOID[a], r.own[a] = id, id
}

// userSchemas is the condition that leaves the system's schemas out, on the
// name of a schema.
const userSchemas = ` !~ '^pg_' AND n.nspname <> 'information_schema' `

// notMember leaves out what belongs to an extension. class is a regclass, oid
// an expression.
func notMember(class, oid string) string {
	return ` NOT EXISTS (SELECT FROM pg_catalog.pg_depend em WHERE em.classid = 'pg_catalog.` + class + `'::pg_catalog.regclass AND em.objid = ` + oid + ` AND em.deptype = 'e') `
}

func (r *reader) queries() []query {
	return slices.Concat(
		// With an empty path PostgreSQL qualifies every name in what it writes.
		[]query{setting("search_path", "''"), setting("jit", "off"), r.session()},
		r.schemas(), r.extensions(), r.types(), r.tables(), r.attachments(), r.columns(), r.sequences(), r.constraints(), r.indexes(),
		r.views(), r.functions(), r.triggers(), r.rules(), r.policies(),
		r.eventTriggers(), r.publications(), r.subscriptions(), r.statistics(), r.foreign(), r.collations(), r.operators(), r.textSearch(), r.languages(),
		r.defaultPrivileges(), []query{r.unsupported()},
		[]query{r.depends(), r.described(), r.securityLabels()},
	)
}

func setting(name, value string) query {
	return query{name, "SET LOCAL " + name + " = " + value, func(pgx.Rows) error { return nil }}
}

func (r *reader) session() query {
	return query{"session", "SELECT current_user::text, pg_catalog.pg_get_userbyid(10)::text", func(rows pgx.Rows) error {
		r.catalog.Major = r.major
		return rows.Scan(&r.catalog.User, &r.catalog.bootstrap)
	}}
}

// unsupported looks for what no kind of this package is. It must not be passed
// over in silence.
func (r *reader) unsupported() query {
	return query{
		"what is not modelled", `SELECT 'type ' || n.nspname || '.' || t.typname FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
  WHERE (t.typtype = 'b' AND t.typelem = 0 OR NOT t.typisdefined) AND n.nspname` + userSchemas + `AND` + notMember("pg_type", "t.oid") + `ORDER BY 1`,
		func(rows pgx.Rows) error {
			var name string
			err := rows.Scan(&name)
			r.catalog.Unsupported = append(r.catalog.Unsupported, name)
			return err
		},
	}
}

// depends reads who needs whom, of what was made by users.
func (r *reader) depends() query {
	return query{
		"pg_depend", `SELECT classid, objid, objsubid, refclassid, refobjid, refobjsubid, deptype::text FROM pg_catalog.pg_depend
WHERE deptype IN ('n', 'a', 'i', 'P', 'S') AND (refobjid >= 16384 OR refclassid = 'pg_catalog.pg_namespace'::pg_catalog.regclass)
UNION ALL SELECT classid, objid, 0, refclassid, refobjid, 0, deptype::text FROM pg_catalog.pg_depend WHERE deptype = 'e'`,
		func(rows pgx.Rows) error {
			var l link
			if err := rows.Scan(&l.from.class, &l.from.oid, &l.from.sub, &l.to.class, &l.to.oid, &l.to.sub, &l.kind); err != nil {
				return err
			}
			r.links = append(r.links, l)
			return nil
		},
	}
}

func (r *reader) described() query {
	return query{"pg_description", `SELECT classoid, objoid, objsubid, description FROM pg_catalog.pg_description
WHERE objoid >= 16384 OR classoid = 'pg_catalog.pg_namespace'::pg_catalog.regclass`, func(rows pgx.Rows) error {
		var c comment
		if err := rows.Scan(&c.of.class, &c.of.oid, &c.of.sub, &c.text); err != nil {
			return err
		}
		r.comments = append(r.comments, c)
		return nil
	}}
}

// finish joins what the queries brought.
func (r *reader) finish(options Options) {
	for _, x := range r.indexTables {
		if relation := r.relations[x.table]; relation != nil {
			x.index.Table = relation.Base().ID
			r.catalog.objects[x.index.ID] = x.index
		}
	}
	for _, p := range r.parts {
		*p.above = r.byOID[address{classClass, p.oid, 0}]
	}
	for _, c := range r.comments {
		if o := r.catalog.objects[r.own[c.of]]; o != nil {
			o.Base().Comment = c.text
		} else if column, ok := r.catalog.objects[r.byOID[c.of]].(*Column); ok && c.of.sub == 0 {
			column.IdentityComment = c.text // of its sequence
		}
	}
	// A member of an extension stands for the extension.
	for _, l := range r.links {
		if l.kind == "e" {
			if id, ok := r.byOID[l.to]; ok {
				r.byOID[l.from] = id
			}
		}
	}
	for _, l := range r.links {
		if l.kind == "e" {
			continue
		}
		from, known := r.resolve(l.from)
		to, too := r.resolve(l.to)
		if !known || !too || from == to || r.catalog.objects[to] == nil {
			continue
		}
		if l.kind == "P" && from.Kind != KindTrigger && to.Kind != KindTable {
			continue // a part of an index is Above's, and may have been there before
		}
		if from.Kind == KindSequence && to.Kind == KindColumn {
			continue // OWNED BY is said when both are there; the column's default needs the sequence
		}
		if o := r.catalog.objects[from]; o != nil {
			o.Base().Needs = append(o.Base().Needs, to)
		}
	}
	r.joinAttachments()
	for _, o := range r.catalog.objects {
		r.addOwnNeeds(o)
		r.catalog.normalOwner(o)
	}
	r.leaveOut(options)
}

// resolve finds the object that an address stands for: the column where there
// is one, else the whole.
func (r *reader) resolve(a address) (ID, bool) {
	if id, ok := r.byOID[a]; ok {
		return id, true
	}
	a.sub = 0
	id, ok := r.byOID[a]
	return id, ok
}

// addOwnNeeds adds what pg_depend doesn't have: that things need their schema
// and relation.
func (r *reader) addOwnNeeds(o Object) {
	base := o.Base()
	need := func(id ID) {
		if id != base.ID && r.catalog.objects[id] != nil {
			base.Needs = append(base.Needs, id)
		}
	}
	if base.ID.Schema != "" {
		need(ID{Kind: KindSchema, Name: base.ID.Schema})
	}
	if schema, name, ok := base.ID.Parent(); ok {
		for _, kind := range []Kind{KindTable, KindView, KindType} {
			need(ID{Kind: kind, Schema: schema, Name: name})
		}
		if base.ID.Kind == KindDefault {
			need(ID{Kind: KindColumn, Schema: schema, Name: name, Sub: base.ID.Sub})
		}
	}
	switch o := o.(type) {
	case *Index:
		need(o.Table)
	case *Extension:
		need(ID{Kind: KindSchema, Name: o.Schema})
	}
	slices.SortFunc(base.Needs, ID.Compare)
	base.Needs = slices.Compact(base.Needs)
}

// leaveOut removes the objects that nobody asked for.
func (r *reader) leaveOut(options Options) {
	excluded := func(id ID) bool {
		schema := id.Schema
		if id.Kind == KindSchema {
			schema = id.Name
		}
		if options.Schemas != nil && schema != "" && !slices.Contains(options.Schemas, schema) {
			return true
		}
		for _, e := range options.Exclude {
			if id.Schema == e.Schema && id.Name == e.Name {
				return true
			}
		}
		return false
	}
	patterns := len(options.ExcludePatterns)+len(options.IncludePatterns) > 0
	var out []ID
	for id := range r.catalog.objects {
		if excluded(id) || patterns && options.filtered(r.catalog, id) {
			out = append(out, id)
		}
	}
	for _, id := range out {
		delete(r.catalog.objects, id)
	}
	if len(out) == 0 {
		return
	}
	for _, o := range r.catalog.objects {
		o.Base().Needs = slices.DeleteFunc(o.Base().Needs, func(id ID) bool { return r.catalog.objects[id] == nil })
	}
}
