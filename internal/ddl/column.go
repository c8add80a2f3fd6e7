package ddl

import (
	"slices"
	"strconv"
	"strings"

	"github.com/aludel-db/aludel/internal/catalog"
)

// columnClause is a column as in CREATE TABLE and ADD COLUMN.
func columnClause(c *catalog.Column) string {
	sql := ident(c.ID.Sub()) + " " + c.Type
	if len(c.ForeignOptions) > 0 {
		sql += foreignOptions(c.ForeignOptions)
	}
	if c.Collation != "" {
		sql += " COLLATE " + c.Collation
	}
	if c.Generated != "" {
		sql += " GENERATED ALWAYS AS (" + c.Expression + ") " + c.Generated
	}
	fromAbove := c.Identity != "" && c.Sequence == nil // comes when the table is attached
	if c.Identity != "" && !fromAbove {
		sql += " GENERATED " + c.Identity + " AS IDENTITY" + identityClause(c)
	}
	if c.NotNull && (c.Identity == "" || fromAbove || c.NotNullName != "") && !c.NotNullNotValid {
		if c.NotNullName != "" {
			sql += " CONSTRAINT " + ident(c.NotNullName)
		}
		sql += " NOT NULL"
		if c.NotNullNoInherit {
			sql += " NO INHERIT"
		}
	}
	return sql
}

// addColumn writes a new column with its default: without it NOT NULL would
// fail for the rows that are there.
func (w *writer) addColumn(c *catalog.Column) {
	sql, expression := columnClause(c), ""
	var folded *catalog.Default
	id := c.ID.With(catalog.KindDefault, c.ID.Sub())
	if at, ok := w.made[id]; ok && !slices.ContainsFunc(w.changes[at].Object().Base().Needs, func(needed catalog.ID) bool { return needed != c.ID && w.comesLater(needed) }) {
		d := w.changes[at].Object().(*catalog.Default)
		sql += " DEFAULT " + d.Expression
		expression, folded = d.Expression, d
		w.folded[id] = true
		w.foldBelow(d)
	}
	if w.fills(c, expression) { // every row gets a value of its own
		done, why := w.fillInBatches(c, folded)
		if !done {
			w.add(alterTable(c.ID)+"ADD COLUMN "+sql, Rewrite)
			w.statements[len(w.statements)-1].NotOnline = why
		}
	} else {
		w.add(alterTable(c.ID) + "ADD COLUMN " + sql)
	}
	w.columnExtras(c)
}

// foldBelow takes in the defaults of the columns that the tables below get with
// this one.
func (w *writer) foldBelow(d *catalog.Default) {
	for o := range w.from.Each {
		a, ok := o.(*catalog.Attachment)
		if !ok || !slices.Contains(a.Parents, tableOf(d.ID)) {
			continue
		}
		id := a.ID.With(catalog.KindDefault, d.ID.Sub())
		if at, ok := w.made[id]; ok {
			if below, isDefault := w.changes[at].Object().(*catalog.Default); isDefault && below.Expression == d.Expression {
				w.folded[id] = true
				w.foldBelow(below)
			}
		}
	}
}

// identityClause are the options of an identity's sequence that are not the
// defaults for its type.
func identityClause(c *catalog.Column) string {
	if c.Sequence == nil {
		return ""
	}
	options := sequenceClauses(standardSequence(c.Sequence.SequenceOptions), c.Sequence.SequenceOptions, false)
	if id := c.Sequence.ID; id.Name() != catalog.GeneratedName(c.ID.Name(), []string{c.ID.Sub()}, "seq") {
		options = slices.Insert(options, 0, "SEQUENCE NAME "+qualified(id.Schema(), id.Name()))
	}
	if len(options) == 0 {
		return ""
	}
	return " (" + strings.Join(options, " ") + ")"
}

// columnExtras writes what a column's clause can't say.
func (w *writer) columnExtras(c *catalog.Column) {
	w.columnState(&catalog.Column{Statistics: -1, Type: c.Type}, c)
	w.identityExtras(c)
	if c.NotNullNotValid {
		w.setNotNull(c)
	} else if c.NotNullComment != "" {
		w.notNullComment(c)
	}
}

// setNotNull is SET NOT NULL, or adds the constraint where more is to be said
// of it.
func (w *writer) setNotNull(c *catalog.Column) {
	if c.NotNullName == "" && !c.NotNullNoInherit && !c.NotNullNotValid {
		w.add(alterTable(c.ID) + "ALTER COLUMN " + ident(c.ID.Sub()) + " SET NOT NULL")
		w.scans(c.ID)
	} else {
		sql := alterTable(c.ID) + "ADD CONSTRAINT " + ident(notNullName(c)) + " NOT NULL " + ident(c.ID.Sub())
		if c.NotNullNoInherit {
			sql += " NO INHERIT"
		}
		if c.NotNullNotValid {
			sql += " NOT VALID"
		}
		w.add(sql)
		if !c.NotNullNotValid {
			w.scans(c.ID)
		}
	}
	if c.NotNullComment != "" {
		w.notNullComment(c)
	}
}

func notNullName(c *catalog.Column) string {
	if c.NotNullName != "" {
		return c.NotNullName
	}
	return catalog.GeneratedName(c.ID.Name(), []string{c.ID.Sub()}, "not_null")
}

func (w *writer) notNullComment(c *catalog.Column) {
	text := "NULL"
	if c.NotNullComment != "" {
		text = literal(c.NotNullComment)
	}
	w.add("COMMENT ON CONSTRAINT " + ident(notNullName(c)) + " ON " + qualified(c.ID.Schema(), c.ID.Name()) + " IS " + text)
	w.lock(AccessShare)
}

// alterNotNull changes what there is to NOT NULL besides itself.
func (w *writer) alterNotNull(from, to *catalog.Column) {
	if !from.NotNullNotValid && to.NotNullNotValid {
		w.add(alterTable(to.ID) + "DROP CONSTRAINT " + ident(notNullName(from)))
		w.setNotNull(to)
		return
	}
	if notNullName(from) != notNullName(to) {
		w.add(alterTable(to.ID) + "RENAME CONSTRAINT " + ident(notNullName(from)) + " TO " + ident(notNullName(to)))
	}
	if from.NotNullNoInherit != to.NotNullNoInherit {
		w.add(alterTable(to.ID) + "ALTER CONSTRAINT " + ident(notNullName(to)) + map[bool]string{true: " NO INHERIT", false: " INHERIT"}[to.NotNullNoInherit])
	}
	if from.NotNullNotValid && !to.NotNullNotValid {
		w.add(alterTable(to.ID) + "VALIDATE CONSTRAINT " + ident(notNullName(to)))
		w.lock(ShareUpdateExclusive, to.ID)
		w.scans(to.ID)
	}
	if from.NotNullComment != to.NotNullComment {
		w.notNullComment(to)
	}
}

// identityExtras writes what the sequence of a new identity has besides its
// options.
func (w *writer) identityExtras(c *catalog.Column) {
	sequence := c.Sequence
	if sequence == nil {
		return
	}
	// Before PostgreSQL 15 all sequences are logged.
	if table, ok := w.now(tableOf(c.ID)).(*catalog.Table); ok && w.from.Major >= 15 && table.Unlogged != sequence.Unlogged {
		w.setLogged(sequence)
	}
	if sequence.Comment != "" {
		w.comment(sequence)
	}
	if !w.options.NoPrivileges {
		owned := w.tablesOwn(c, sequence)
		w.privileges(owned, w.ownersOwn(owned, w.startingGrants(sequence)), sequence.Grants)
	}
}

// tablesOwn is an identity's sequence with the owner of its table, which it has
// always. A new table gets its owner once it is made.
func (w *writer) tablesOwn(c *catalog.Column, s *catalog.Sequence) *catalog.Sequence {
	owned := *s
	if table, ok := w.now(tableOf(c.ID)).(*catalog.Table); ok && (w.made[table.ID] != w.at || w.changes[w.at].Object() != catalog.Object(table)) {
		owned.Owner = table.Owner
	}
	return &owned
}

// columnState leaves the tables below alone, which have their own.
func (w *writer) columnState(from, to *catalog.Column) { w.columnStateOf(w.only(to.ID), from, to) }

func (w *writer) columnStateOf(table string, from, to *catalog.Column) {
	alter := table + "ALTER COLUMN " + ident(to.ID.Sub()) + " "
	if from.Storage != to.Storage {
		w.add(alter + "SET STORAGE " + orDefault(to.Storage, to.TypeStorage))
	}
	if from.Compression != to.Compression {
		w.add(alter + "SET COMPRESSION " + orDefault(to.Compression, "default"))
	}
	if from.Statistics != to.Statistics {
		w.add(alter + "SET STATISTICS " + strconv.Itoa(to.Statistics))
		w.lock(ShareUpdateExclusive, to.ID)
	}
	w.storage(ShareUpdateExclusive, to.ID, strings.TrimSpace(alter), from.Options, to.Options)
}

func (w *writer) alterColumn(from, to *catalog.Column, fields []string) {
	if e := w.expansions[to.ID]; e != nil {
		w.expand(e)
		return
	}
	alter := alterTable(to.ID) + "ALTER COLUMN " + ident(to.ID.Sub()) + " "
	if from.Generated != "" && to.Generated == "" {
		w.add(alter + "DROP EXPRESSION")
	}
	if from.Identity != "" && to.Identity == "" {
		w.add(alter + "DROP IDENTITY")
	}
	if from.NotNull && !to.NotNull {
		w.add(alter + "DROP NOT NULL")
		w.dropNotNullBelow(to)
	}
	if slices.Contains(fields, "Type") || slices.Contains(fields, "Collation") {
		w.retype(from, to)
	}
	if from.Expression != to.Expression && to.Generated != "" {
		if to.Generated == "STORED" {
			w.add(alter+"SET EXPRESSION AS ("+to.Expression+")", Rewrite)
		} else {
			w.add(alter + "SET EXPRESSION AS (" + to.Expression + ")")
		}
	}
	switch {
	case !from.NotNull && to.NotNull:
		if !w.setNotNullOnline(to) {
			w.setNotNull(to)
		} else if to.NotNullComment != "" {
			w.notNullComment(to)
		}
	case from.NotNull && to.NotNull:
		w.alterNotNull(from, to)
	}
	switch {
	case from.Identity == "" && to.Identity != "":
		w.add(alter + "ADD GENERATED " + to.Identity + " AS IDENTITY" + identityClause(to))
		w.identityExtras(to)
	case to.Identity != "" && from.Identity != "":
		w.alterIdentity(alter, from, to)
	}
	before := *from
	if slices.Contains(fields, "Type") || slices.Contains(fields, "Collation") { // which resets them
		before.Storage, before.Compression = "", ""
	}
	w.columnState(&before, to)
	w.foreignChange(alter+"OPTIONS ", from.ForeignOptions, to.ForeignOptions)
}

func (w *writer) alterIdentity(alter string, from, to *catalog.Column) {
	was, is := from.Sequence, to.Sequence
	if was == nil || is == nil {
		return
	}
	if was.ID != is.ID {
		w.add("ALTER " + name(was) + " RENAME TO " + ident(is.ID.Name()))
		w.lock(AccessShare)
	}
	if was.Unlogged != is.Unlogged && !w.tableLogs(to.ID) {
		w.setLogged(is)
	}
	if was.Comment != is.Comment {
		w.comment(is)
	}
	if !w.options.NoPrivileges {
		owned := w.tablesOwn(to, is)
		w.privileges(owned, w.ownersOwn(owned, was.Grants), is.Grants)
	}
	var changes []string
	if from.Identity != to.Identity {
		changes = append(changes, "SET GENERATED "+to.Identity)
	}
	for _, clause := range sequenceClauses(was.SequenceOptions, is.SequenceOptions, true) {
		if strings.HasPrefix(clause, "AS ") {
			continue // follows below: ALTER COLUMN doesn't take it
		}
		if !strings.HasPrefix(clause, "RESTART") {
			clause = "SET " + clause
		}
		changes = append(changes, clause)
	}
	if was.Type != is.Type {
		w.add("ALTER " + name(is) + " AS " + is.Type)
		w.lock(AccessShare)
	}
	if len(changes) > 0 {
		w.add(alter + strings.Join(changes, " "))
	}
}

// retype changes the type, with a cast where PostgreSQL wouldn't find one.
func (w *writer) retype(from, to *catalog.Column) {
	sql := alterTable(to.ID) + "ALTER COLUMN " + ident(to.ID.Sub()) + " TYPE " + to.Type
	if to.Collation != "" {
		sql += " COLLATE " + to.Collation
	}
	if table, ok := w.now(tableOf(to.ID)).(*catalog.Table); ok && table.Server != "" {
		w.add(sql) // USING is for tables that have their rows here
		return
	}
	if from.Type != to.Type && to.Generated == "" {
		sql += " USING " + converted(ident(to.ID.Sub()), from.Type, to.Type)
	}
	if rewrites(from.Type, to.Type) {
		w.add(sql, Rewrite)
		w.statements[len(w.statements)-1].NotOnline = w.notExpanded[to.ID]
	} else {
		w.add(sql)
	}
}

// converted is the value of a column as one of another type, for all rows, where
// there is a way to say that.
func converted(column, from, to string) string {
	element, becomesArray := strings.CutSuffix(to, "[]")
	of, wasArray := strings.CutSuffix(from, "[]")
	switch {
	case becomesArray && !wasArray: // of one element
		return "CASE WHEN " + column + " IS NOT NULL THEN ARRAY[" + column + through(from, element) + "::" + element + "] END"
	case (to == "json" || to == "jsonb") && (wasArray || family(from) != "text" && family(from) != "json"):
		return "pg_catalog.to_" + to + "(" + column + ")" // the text of few types is JSON
	case family(from) == "json" && !wasArray && family(to) != "json" && family(to) != "text": // the value in it
		return "(" + column + " #>> '{}')::" + to
	case wasArray && !becomesArray: // of one element, or there is no telling
		return "CASE WHEN pg_catalog.cardinality(" + column + ") = 1 THEN " + column + "[1]" + through(of, to) + "::" + to + " ELSE " + column + "::text::" + to + " END"
	}
	return column + through(from, to) + "::" + to
}

// through is "::text" between types that PostgreSQL may have no cast for: every
// type can be read from the text of another, as far as the values allow it.
func through(from, to string) string {
	array := ""
	if strings.HasSuffix(from, "[]") {
		array = "[]"
	}
	before, after := family(from), family(to)
	base, _ := modified(strings.TrimSuffix(from, "[]"))
	newBase, _ := modified(strings.TrimSuffix(to, "[]"))
	switch {
	case slices.Contains(casts[base], newBase):
		return ""
	case before == "boolean" && after == "number" || before == "number" && after == "boolean":
		return "::integer" + array // which alone has a cast
	case before == "text" || after == "text" || before != "" && before == after:
		return ""
	}
	return "::text" + array
}

// casts are PostgreSQL's between types of different families, where the text of a
// value isn't what the other type reads.
var casts = map[string][]string{
	"boolean":                     {"integer"},
	"integer":                     {"boolean", "bit"},
	"bigint":                      {"bit"},
	"bit":                         {"integer", "bigint"},
	"money":                       {"numeric"},
	"numeric":                     {"money"},
	"timestamp without time zone": {"time without time zone"},
	"timestamp with time zone":    {"time without time zone", "time with time zone"},
	"interval":                    {"time without time zone"},
	"time with time zone":         {"time without time zone"},
	"macaddr":                     {"macaddr8"},
	"macaddr8":                    {"macaddr"},
	"box":                         {"circle", "lseg", "point", "polygon"},
	"circle":                      {"box", "point", "polygon"},
	"polygon":                     {"box", "circle", "path", "point"},
}

// family groups types that can be cast to each other; empty for others.
func family(typ string) string {
	typ = strings.TrimSuffix(typ, "[]")
	if at := strings.IndexByte(typ, '('); at >= 0 {
		typ = strings.TrimSpace(typ[:at])
	}
	for name, types := range map[string][]string{
		"number": {"smallint", "integer", "bigint", "numeric", "real", "double precision"},
		"text":   {"text", "character varying", "character", "name", `"char"`},
		"time":   {"date", "timestamp without time zone", "timestamp with time zone", "timestamp"},
		"json":   {"json", "jsonb"},
		"net":    {"inet", "cidr"},
		"bits":   {"bit", "bit varying"},
	} {
		if slices.Contains(types, typ) {
			return name
		}
	}
	return typ // of a length or a precision alone
}
