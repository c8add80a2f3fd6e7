package desired

import (
	"context"
	"regexp"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/aludel-db/aludel/internal/shadow"
	"github.com/aludel-db/aludel/internal/sqltext"
)

// An Edit leads from what earlier statements have made to what a state makes. Of a
// large schema few statements change at a time, and PostgreSQL takes as long for
// each of the others as for these.
//
// Relations that a changed statement is about are dropped, with all that stands on
// them, and what was dropped is made anew by the state's own statements. Which
// statements that takes is told by their words alone, and rather too many than too
// few: all that name something of a relation that is made anew, and what these are
// about in turn. A foreign key from elsewhere is put back as it was.
type Edit struct {
	schema string
	run    []*statement // with all settings, each in its place
	less   bool
	drop   []string // names of relations, as [sqltext.Bare] has them
	// makes are the names of all that is made anew, as [sqltext.Bare] has them; runs
	// those that the statements which run speak of, and stays those of the others.
	makes, runs, stays map[string]bool
}

// Statements are all that make the state, in order, for a later [State.Edit]; nil
// where one of them isn't about what it names alone.
func (state *State) Statements(o Options) ([]string, error) {
	all, err := state.with(o.Extensions)
	if err != nil {
		return nil, err
	}
	texts := make([]string, len(all.statements))
	for i, s := range all.statements {
		texts[i] = s.Text
		if _, alone := sqltext.DefinitionOf(s.Text); !alone && !isSetting(s.Text) {
			return nil, nil
		}
	}
	return texts, nil
}

// Edit answers what leads from earlier statements, those that [State.Statements] has
// answered for a state with the same options, to this one. owned are the names of the
// indexes and sequences that belonged to each table by then, whose name is in lower
// case. It is nil where that can't be said.
func (state *State) Edit(o Options, earlier []string, owned map[string][]string) (*Edit, error) {
	all, err := state.with(o.Extensions)
	if err != nil {
		return nil, err
	}
	e := &editor{
		Edit:  Edit{schema: o.Schema, makes: map[string]bool{}, runs: map[string]bool{}, stays: map[string]bool{}},
		owned: owned, captured: map[string]bool{}, dropped: map[string]bool{},
	}
	if !e.compare(earlier, all.statements) || !e.close() {
		return nil, nil
	}
	return &e.Edit, nil
}

// setsConfig is a SET as pg_dump writes it.
var setsConfig = regexp.MustCompile(`(?i)^select\s+(pg_catalog\s*\.\s*)?set_config\s*\(`)

// isSetting tells of what holds for the statements behind it.
func isSetting(text string) bool {
	word, _, _ := strings.Cut(text, " ")
	return strings.EqualFold(word, "SET") || strings.EqualFold(word, "RESET") || setsConfig.MatchString(text)
}

// An editor finds an Edit.
type editor struct {
	Edit
	owned map[string][]string
	all   []candidate // what are the statements now, and behind them those that are no more
	// captured are names of relations of which there are others now, or fewer: what a
	// foreign key leads to depends on that.
	captured map[string]bool
	dropped  map[string]bool // drop as a set
}

// A candidate is a statement that may be a part of an edit.
type candidate struct {
	sqltext.Definition
	statement        *statement // nil of one that is no more
	changed, setting bool
	in               bool // in the edit
}

// compare finds what has changed. What has moved has changed as well: the order of
// the others is the same. Settings are the same, and hold for the same others.
func (e *editor) compare(earlier []string, now []*statement) (ok bool) {
	texts := make([]string, len(now))
	for i, s := range now {
		texts[i] = s.Text
	}
	gone, come := changed(earlier, texts)
	for i, s := range now {
		if !e.take(candidate{statement: s, changed: come[i]}, s.Text) {
			return false
		}
	}
	for i, text := range earlier {
		if gone[i] && !e.take(candidate{changed: true}, text) {
			return false
		}
	}
	e.capture()
	return true
}

// take answers false of a statement that no edit can have.
func (e *editor) take(c candidate, text string) (ok bool) {
	if c.setting = isSetting(text); !c.setting {
		c.Definition, ok = sqltext.DefinitionOf(text)
		ok = ok && (!c.changed || c.Relation != "" || c.statement != nil && c.Makes != "")
	} else {
		ok = !c.changed
	}
	if c.in = c.changed; c.in && ok {
		e.name(c.Definition)
	}
	e.all = append(e.all, c)
	return ok
}

// capture finds the names that not the same relations have as before.
func (e *editor) capture() {
	count := map[string]int{} // of each name as it is written: how many more there are
	for _, c := range e.all {
		switch {
		case !c.changed || !c.Creates:
		case c.statement != nil:
			count[c.Relation]++
		default:
			count[c.Relation]--
		}
	}
	for relation, n := range count {
		if n != 0 {
			e.captured[sqltext.Bare(relation)] = true
		}
	}
}

// name takes the names of what a statement is about: those of the type of a table's
// rows, and of arrays of it, are the table's.
func (e *editor) name(d sqltext.Definition) {
	if d.Relation == "" {
		e.makes[sqltext.Bare(d.Makes)] = true
		return
	}
	bare := sqltext.Bare(d.Relation)
	if !e.dropped[bare] {
		e.dropped[bare] = true
		e.drop = append(e.drop, bare)
	}
	e.nameTable(bare)
	for table, names := range e.owned { // it may be an index
		if slices.ContainsFunc(names, func(name string) bool { return strings.EqualFold(name, bare) }) {
			e.nameTable(table)
		}
	}
}

func (e *editor) nameTable(bare string) {
	e.makes[bare], e.makes["_"+bare] = true, true
	for _, name := range e.owned[bare] {
		e.makes[strings.ToLower(name)] = true
	}
}

// close takes in what names something that is made anew, until nothing is left that
// does. What is not about a relation can't be dropped and made anew by itself.
func (e *editor) close() (ok bool) {
	for grown := true; grown; {
		grown = false
		for i := range e.all {
			c := &e.all[i]
			if c.in || !e.concerns(c.Definition) {
				continue
			}
			if c.Relation == "" {
				return false
			}
			c.in, grown = true, true
			e.name(c.Definition)
		}
	}
	settings := 0
	for _, c := range e.all {
		names := e.stays
		if c.in {
			names = e.runs
		}
		for _, name := range c.Names {
			names[name] = true
		}
		if c.setting {
			settings++
		}
		if (c.in || c.setting) && c.statement != nil {
			e.run = append(e.run, c.statement)
		}
	}
	e.less = len(e.run)-settings <= len(e.all)/2
	return true
}

// concerns tells that a statement may come out in another way.
func (e *editor) concerns(d sqltext.Definition) bool {
	return slices.ContainsFunc(d.Names, func(name string) bool { return e.makes[name] }) ||
		slices.ContainsFunc(d.References, func(name string) bool { return e.captured[name] })
}

// Less tells that the edit is not most of the work.
func (e *Edit) Less() bool { return e.less }

// InTransactions tells that all statements run in transactions, and so can be watched.
func (e *Edit) InTransactions() bool {
	return !slices.ContainsFunc(e.run, func(s *statement) bool { return s.Class != sqltext.Transactional })
}

// Makes tells that something of that name, without its schema, is made anew, or
// belongs to what is.
func (e *Edit) Makes(name string) bool { return e.makes[strings.ToLower(name)] }

// Leaves tells that no statement that stays as it was names what is called so: it
// would be about that now.
func (e *Edit) Leaves(name string) bool { return !e.stays[strings.ToLower(name)] }

// Names tells that some statement names it.
func (e *Edit) Names(name string) bool {
	name = strings.ToLower(name)
	return e.stays[name] || e.runs[name]
}

// Make runs the edit in a database that holds what the earlier statements have made.
// It answers the foreign keys that it has put back.
func (e *Edit) Make(ctx context.Context, scratch *shadow.Scratch, conn *pgx.Conn) (putBack int, err error) {
	if err := scratch.Run(ctx, conn, "SET search_path = ''"); err != nil { // so that names have their schemas
		return 0, err
	}
	keys, err := queryTexts(ctx, conn, foreignKeysSQL, e.drop)
	if err != nil {
		return 0, err
	}
	drops, err := queryTexts(ctx, conn, dropsSQL, e.drop)
	if err != nil {
		return 0, err
	}
	if _, err := scratch.RunAll(ctx, conn, drops); err != nil {
		return 0, err
	}
	l := &loader{scratch: scratch, conn: conn, pending: e.run}
	if err := l.run(ctx, e.schema); err != nil {
		return 0, err
	}
	_, err = scratch.RunAll(ctx, conn, keys)
	return len(keys), err
}

func queryTexts(ctx context.Context, conn *pgx.Conn, sql string, names []string) ([]string, error) {
	rows, err := conn.Query(ctx, sql, names)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

const (
	// droppedSQL are the relations of some names, in whatever schema: all statements that
	// name one of them run again. An index stands for its table.
	droppedSQL = `WITH dropped (oid) AS (SELECT DISTINCT coalesce(i.indrelid, c.oid) FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid
  WHERE pg_catalog.lower(c.relname) = ANY ($1::text[]) AND c.relkind NOT IN ('c', 't') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend e WHERE e.classid = 1259 AND e.objid = c.oid AND e.deptype = 'e'))`

	// foreignKeysSQL writes the foreign keys that lead to some relations from others. Of
	// a partitioned table those of its partitions come with its own.
	foreignKeysSQL = droppedSQL + `
SELECT pg_catalog.format('ALTER TABLE %s ADD CONSTRAINT %I %s', c.conrelid::pg_catalog.regclass, c.conname, pg_catalog.pg_get_constraintdef(c.oid))
FROM pg_catalog.pg_constraint c WHERE c.contype = 'f' AND c.conparentid = 0
  AND c.confrelid IN (SELECT oid FROM dropped) AND c.conrelid NOT IN (SELECT oid FROM dropped) ORDER BY c.oid`

	// dropsSQL writes the statements that drop relations.
	dropsSQL = droppedSQL + `
SELECT pg_catalog.format('DROP %s IF EXISTS %s CASCADE', CASE relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW'
  WHEN 'S' THEN 'SEQUENCE' WHEN 'f' THEN 'FOREIGN TABLE' ELSE 'TABLE' END, oid::pg_catalog.regclass)
FROM pg_catalog.pg_class WHERE oid IN (SELECT oid FROM dropped) ORDER BY relkind = 'S', oid DESC`
)
