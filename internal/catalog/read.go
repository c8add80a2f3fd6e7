package catalog

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
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
	r, err := read(ctx, conn, options, everything, nil)
	var pgErr *pgconn.PgError
	if errors.As(err, &pgErr) && pgErr.Code == "XX000" {
		// The functions that write definitions look at the newest catalog, not
		// at the snapshot: somebody has just dropped something.
		r, err = read(ctx, conn, options, everything, nil)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the catalog: %w", err)
	}
	return r.catalog, nil
}

// An extent is how much is read.
type extent int

const (
	everything extent = iota
	partly            // some relations, and what is theirs
	needing           // these, and all that is none and that they may need
)

func read(ctx context.Context, conn *pgx.Conn, options Options, much extent, only []uint32) (r *reader, err error) {
	tx, err := conn.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, tx.Rollback(context.WithoutCancel(ctx))) }()
	r = &reader{
		options: options, much: much, only: only, major: Major(conn), superuser: conn.PgConn().ParameterStatus("is_superuser") == "on",
		catalog: New(), byOID: map[address]Object{}, standIns: map[address]Object{}, relations: map[uint32]Object{}, schemasByName: map[string]*Schema{},
	}
	queries := r.queries()
	batch := &pgconn.Batch{}
	for _, q := range queries {
		batch.ExecParams(q.sql, nil, nil, nil, nil)
	}
	results := conn.PgConn().ExecBatch(ctx, batch)
	defer func() { err = errors.Join(err, results.Close()) }()
	row := &row{types: conn.TypeMap(), seed: maphash.MakeSeed()}
	for _, q := range queries {
		if !results.NextResult() {
			return nil, fmt.Errorf("%s: %w", q.name, results.Close())
		}
		result := results.ResultReader()
		for result.NextRow() {
			row.fields, row.values = result.FieldDescriptions(), result.Values()
			if err := q.scan(row); err != nil {
				return nil, fmt.Errorf("%s: %w", q.name, err)
			}
		}
		if _, err := result.Close(); err != nil {
			return nil, fmt.Errorf("%s: %w", q.name, err)
		}
	}
	r.finish()
	return r, nil
}

// Major is the major version of the server behind a connection; 0 of one that
// says no number.
func Major(conn *pgx.Conn) int {
	version := conn.PgConn().ParameterStatus("server_version")
	digits := version
	if end := strings.IndexFunc(version, func(c rune) bool { return c < '0' || c > '9' }); end >= 0 {
		digits = version[:end]
	}
	major, _ := strconv.Atoi(digits)
	return major
}

// A query reads one kind of thing.
type query struct {
	name, sql string
	scan      func(*row) error
}

// An address is what pg_depend calls an object: its catalog, its OID, and the
// number of a column, in one number, which is looked up fast.
type address uint64

// addressOf makes an address. OIDs of catalogs are below 2^16, numbers of columns
// below 2^16 too.
func addressOf(class, oid uint32, column int) address {
	return address(oid)<<32 | address(class&0xffff)<<16 | address(column&0xffff)
}

// whole is the address of the relation that a column belongs to.
func (a address) whole() address { return a &^ 0xffff }

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
	options   Options
	much      extent
	only      []uint32 // relations, unless it is everything
	major     int
	superuser bool
	catalog   *Catalog
	byOID     map[address]Object
	// standIns are objects that what isn't one belongs to: a type's array type,
	// the members of an extension.
	standIns  map[address]Object
	relations map[uint32]Object // tables and views by their OID
	parts     []part
	// schemasByName are looked up for every object.
	schemasByName map[string]*Schema
}

// add takes an object in, complete but for what later queries bring.
func (r *reader) add(o Object, class, oid uint32) { r.addAt(o, addressOf(class, oid, 0)) }

func (r *reader) addAt(o Object, a address) {
	if r.options.excluded(o.Base().ID) {
		return
	}
	r.catalog.put(o)
	r.byOID[a] = o
	r.catalog.normalOwner(o)
	r.needsOwn(o)
	switch o.(type) {
	case *Table, *View:
		r.relations[uint32(a>>32)] = o //nolint:gosec // the OID
	}
}

// alias tells what stands for an object. What there is not has the OID 0.
func (r *reader) alias(class, oid uint32, o Object) {
	if oid != 0 && !r.options.excluded(o.Base().ID) {
		r.standIns[addressOf(class, oid, 0)] = o
	}
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
	// With an empty path PostgreSQL qualifies every name in what it writes.
	start := []query{setting("search_path", "''"), setting("jit", "off"), r.session()}
	var attachments []query
	switch r.much {
	case partly:
		return slices.Concat(start, r.schemas(), r.tables(), r.columns(), r.sequences(), r.constraints(), r.views(), r.indexes(), r.triggers(),
			r.rules(), r.policies(), []query{r.described(), r.securityLabels()})
	case everything:
		attachments = r.attachments()
	case needing: // without these
	}
	return slices.Concat(
		start, r.schemas(), r.extensions(), r.types(), r.tables(), attachments, r.columns(), r.sequences(), r.constraints(),
		r.views(), r.indexes(), r.functions(), r.triggers(), r.rules(), r.policies(),
		r.eventTriggers(), r.publications(), r.subscriptions(), r.statistics(), r.foreign(), r.collations(), r.operators(), r.textSearch(), r.languages(),
		r.defaultPrivileges(), []query{r.unsupported()},
		[]query{r.members(), r.depends(), r.described(), r.securityLabels()},
	)
}

func setting(name, value string) query {
	return query{name, "SET LOCAL " + name + " = " + value, func(*row) error { return nil }}
}

func (r *reader) session() query {
	return query{"session", "SELECT current_user::text, pg_catalog.pg_get_userbyid(10)::text", func(row *row) error {
		r.catalog.Major = r.major
		return row.scan(&r.catalog.User, &r.catalog.bootstrap)
	}}
}

// picked is the condition that leaves out all but the relations to read, on the
// OID of one.
func (r *reader) picked(oid string) string {
	if r.much == everything {
		return ""
	}
	list := make([]string, len(r.only))
	for i, oid := range r.only {
		list[i] = strconv.FormatUint(uint64(oid), 10)
	}
	return " AND " + oid + " = ANY ('{" + strings.Join(list, ",") + "}'::pg_catalog.oid[])"
}

// unsupported looks for what no kind of this package is. It must not be passed
// over in silence.
func (r *reader) unsupported() query {
	return query{
		"what is not modelled", `SELECT 'type ' || n.nspname || '.' || t.typname FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
  WHERE (t.typtype = 'b' AND t.typelem = 0 OR NOT t.typisdefined) AND n.nspname` + userSchemas + `AND` + notMember("pg_type", "t.oid") + `ORDER BY 1`,
		func(row *row) error {
			var name string
			err := row.scan(&name)
			r.catalog.Unsupported = append(r.catalog.Unsupported, name)
			return err
		},
	}
}

// members reads what belongs to extensions, which stand in for it.
func (r *reader) members() query {
	return query{
		"members of extensions", `SELECT classid, objid, refobjid FROM pg_catalog.pg_depend WHERE deptype = 'e'`,
		func(row *row) error {
			var class, oid, extension uint32
			err := row.scan(&class, &oid, &extension)
			if o := r.byOID[addressOf(classExtension, extension, 0)]; o != nil {
				r.alias(class, oid, o)
			}
			return err
		},
	}
}

// depends reads who needs whom, of what was made by users.
func (r *reader) depends() query {
	return query{
		"pg_depend", `SELECT classid, objid, objsubid::oid, refclassid, refobjid, refobjsubid::oid, deptype::text FROM pg_catalog.pg_depend
WHERE deptype IN ('n', 'a', 'i', 'P', 'S') AND (refobjid >= 16384 AND refclassid <> 2615 OR refclassid = 2615 AND classid = 6237)`,
		func(row *row) error {
			var class, oid, column, toClass, toOID, toColumn uint32
			var kind string
			if err := row.scan(&class, &oid, &column, &toClass, &toOID, &toColumn, &kind); err != nil {
				return err
			}
			from, to := r.resolve(addressOf(class, oid, int(column))), r.resolve(addressOf(toClass, toOID, int(toColumn)))
			if from == nil || to == nil || from == to || isLoose(from, to, kind) {
				return nil
			}
			need(from, to.Base().ID)
			return nil
		},
	}
}

// isLoose tells of a dependency that pg_depend has and that is no need.
func isLoose(from, to Object, kind string) bool {
	if kind == "P" {
		// A part of an index is Above's, and may have been there before.
		_, isTrigger := from.(*Trigger)
		_, isTable := to.(*Table)
		return !isTrigger && !isTable
	}
	// OWNED BY is said when both are there; the column's default needs the
	// sequence.
	_, isSequence := from.(*Sequence)
	_, isColumn := to.(*Column)
	return isSequence && isColumn
}

func (r *reader) described() query {
	return query{"pg_description", `SELECT classoid, objoid, objsubid::oid, description FROM pg_catalog.pg_description
WHERE objoid >= 16384 OR classoid = 'pg_catalog.pg_namespace'::pg_catalog.regclass`, func(row *row) error {
		var class, oid, number uint32
		var text string
		if err := row.scan(&class, &oid, &number, &text); err != nil {
			return err
		}
		of := addressOf(class, oid, int(number))
		if o := r.byOID[of]; o != nil {
			o.Base().Comment = text
		} else if column, ok := r.standIns[of].(*Column); ok && column.Sequence != nil {
			column.Sequence.Comment = text
		}
		return nil
	}}
}

// finish joins what the queries brought.
func (r *reader) finish() {
	for _, p := range r.parts {
		if o := r.resolve(addressOf(classClass, p.oid, 0)); o != nil {
			*p.above = o.Base().ID
		}
	}
	r.joinAttachments()
	if len(r.options.ExcludePatterns)+len(r.options.IncludePatterns) > 0 {
		r.catalog = r.catalog.Restricted(r.options)
	}
}

// resolve finds the object that an address stands for: the column where there
// is one, else the whole; nil if it is none.
func (r *reader) resolve(a address) Object {
	for _, a := range []address{a, a.whole()} {
		if o := r.byOID[a]; o != nil {
			return o
		}
		if o := r.standIns[a]; o != nil {
			return o
		}
	}
	return nil
}

// needsOwn adds what pg_depend doesn't have: that things need their schema and
// relation, which are read before them.
func (r *reader) needsOwn(o Object) {
	id := o.Base().ID
	if schema := r.schemasByName[id.Schema()]; schema != nil {
		need(o, schema.ID)
	}
	if _, _, ok := id.Parent(); ok {
		for _, kind := range []Kind{KindTable, KindView, KindType} {
			if relation := r.catalog.Get(id.As(kind)); relation != nil {
				need(o, relation.Base().ID)
				break
			}
		}
	}
	switch o := o.(type) {
	case *Default:
		need(o, id.With(KindColumn, id.Sub()))
	case *Index:
		need(o, o.Table)
	case *Extension:
		if schema := r.schemasByName[o.Schema]; schema != nil {
			need(o, schema.ID)
		}
	}
}

// need notes that an object needs another, in order and once.
func need(o Object, id ID) {
	b := o.Base()
	if at, found := slices.BinarySearchFunc(b.Needs, id, ID.Compare); !found {
		b.Needs = slices.Insert(b.Needs, at, id)
	}
}

// excluded tells that nobody asked for an object of this name.
func (o *Options) excluded(id ID) bool {
	if len(o.Exclude) == 0 && o.Schemas == nil {
		return false
	}
	schema, name := id.Schema(), id.Name()
	for _, e := range o.Exclude {
		if schema == e.Schema() && name == e.Name() {
			return true
		}
	}
	if id.Kind() == KindSchema {
		schema = name
	}
	return o.Schemas != nil && schema != "" && !slices.Contains(o.Schemas, schema)
}

// Restricted is what of the catalog [Read] would have read with other options.
func (c *Catalog) Restricted(o Options) *Catalog {
	c = c.Without(func(object Object) bool {
		index, isIndex := object.(*Index)
		return o.excluded(object.Base().ID) || isIndex && o.excluded(index.Table)
	})
	if len(o.ExcludePatterns)+len(o.IncludePatterns) == 0 {
		return c
	}
	return c.Without(func(object Object) bool { return o.filtered(c, object.Base().ID) })
}
