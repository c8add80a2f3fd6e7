package desired

import (
	"context"
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
	schema   string
	settings []*statement // the SETs in front
	run      []*statement
	less     bool
	drop     []string // relations, as SQL text
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
	settings := leadingSettings(all.statements)
	texts := make([]string, len(all.statements))
	for i, s := range all.statements {
		texts[i] = s.Text
		if _, alone := sqltext.DefinitionOf(s.Text); !alone && i >= settings {
			return nil, nil
		}
	}
	return texts, nil
}

// Edit answers what leads from earlier statements, those that [State.Statements] has
// answered for a state with the same options, to this one. owned are the names of the
// indexes and sequences that belonged to each table by then, whose name is in lower case. It is nil where that can't
// be said.
func (state *State) Edit(o Options, earlier []string, owned map[string][]string) (*Edit, error) {
	all, err := state.with(o.Extensions)
	if err != nil {
		return nil, err
	}
	e := &editor{Edit: Edit{schema: o.Schema, makes: map[string]bool{}, runs: map[string]bool{}, stays: map[string]bool{}}, owned: owned}
	if !e.compare(earlier, all.statements) || !e.close() {
		return nil, nil
	}
	return &e.Edit, nil
}

// leadingSettings counts the SETs in front. Their place among other statements would
// matter.
func leadingSettings(statements []*statement) int {
	n := slices.IndexFunc(statements, func(s *statement) bool { return s.Kind != "SET" })
	if n < 0 {
		return len(statements)
	}
	return n
}

// An editor finds an Edit.
type editor struct {
	Edit
	owned map[string][]string
	all   []candidate // what are the statements now, and behind them those that are no more
}

// A candidate is a statement that may be a part of an edit.
type candidate struct {
	sqltext.Definition
	statement *statement // nil of one that is no more
	in        bool
}

// compare finds what has changed. What has moved has changed as well: the order of
// the others is the same.
func (e *editor) compare(earlier []string, now []*statement) (ok bool) {
	texts := make([]string, len(now))
	for i, s := range now {
		texts[i] = s.Text
	}
	settings := leadingSettings(now)
	gone, come := changed(earlier, texts)
	if settings > len(earlier) || !slices.Equal(earlier[:settings], texts[:settings]) {
		return false
	}
	e.settings = now[:settings]
	take := func(text string, s *statement, changed bool) {
		d, alone := sqltext.DefinitionOf(text)
		ok = ok && alone && (!changed || d.Relation != "" || s != nil && d.Makes != "")
		e.all = append(e.all, candidate{Definition: d, statement: s, in: changed})
		if changed {
			e.name(d)
		}
	}
	ok = true
	for i, s := range now[settings:] {
		take(s.Text, s, come[settings+i])
	}
	for i, text := range earlier {
		if gone[i] {
			take(text, nil, true)
		}
	}
	return ok
}

// name takes the names of what a statement is about: those of the type of a table's
// rows, and of arrays of it, are the table's.
func (e *editor) name(d sqltext.Definition) {
	if d.Relation == "" {
		e.makes[sqltext.Bare(d.Makes)] = true
		return
	}
	if !slices.Contains(e.drop, d.Relation) {
		e.drop = append(e.drop, d.Relation)
	}
	bare := sqltext.Bare(d.Relation)
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
			if c.in || !slices.ContainsFunc(c.Names, func(name string) bool { return e.makes[name] }) {
				continue
			}
			if c.Relation == "" {
				return false
			}
			c.in, grown = true, true
			e.name(c.Definition)
		}
	}
	for _, c := range e.all {
		names := e.stays
		if c.in {
			names = e.runs
		}
		for _, name := range c.Names {
			names[name] = true
		}
		if c.in && c.statement != nil {
			e.run = append(e.run, c.statement)
		}
	}
	e.less = len(e.run) <= len(e.all)/2
	return true
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
	l := &loader{scratch: scratch, conn: conn, pending: e.settings}
	if err := l.run(ctx, e.schema); err != nil {
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
	l.pending = e.run
	if err := l.load(ctx); err != nil {
		return 0, err
	}
	_, err = scratch.RunAll(ctx, conn, keys)
	return len(keys), err
}

func queryTexts(ctx context.Context, conn *pgx.Conn, sql string, relations []string) ([]string, error) {
	rows, err := conn.Query(ctx, sql, relations)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

const (
	// droppedSQL are relations as far as they are there; an index stands for its table.
	droppedSQL = `WITH dropped (oid) AS (SELECT coalesce(i.indrelid, c.oid) FROM pg_catalog.unnest($1::text[]) AS name
  JOIN pg_catalog.pg_class c ON c.oid = pg_catalog.to_regclass(name) LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid)`

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
