// Package desired makes the schema that models ask for in a throw-away
// database: it runs files of SQL, and the DDL that commands print. Whoever
// calls reads the database then; there is no other way to know what DDL means.
//
// It may import shadow, sqltext and pgx. It reads the files that it is told to
// and runs the commands that it is given, and knows nothing of catalogs.
package desired

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/aludel-db/aludel/internal/shadow"
	"github.com/aludel-db/aludel/internal/sqltext"
)

// A Source is one place that the desired state comes from. Several add up.
type Source struct {
	// Paths are files, folders with all below them, and patterns as in
	// [filepath.Glob].
	Paths []string
	// Command prints DDL: a program and its arguments. It runs in Dir with the
	// variables Environ, nil being those of this process.
	Command []string
	Dir     string
	Environ []string
	// Print prints DDL, in place of a command.
	Print func(io.Writer) error
	// Name is what messages call what is printed; default the command.
	Name string
}

// Options say how to make the state.
type Options struct {
	// Schema is where unqualified names resolve.
	Schema string
	// Extensions are made as well, unless a source does so itself.
	Extensions []Extension
}

// An Extension is one that the state has whatever the sources say.
type Extension struct{ Name, Schema string }

// A State is what sources say, before anything runs.
type State struct {
	// Renames are the comments that tell of old names.
	Renames []sqltext.RenamedFrom
	// Grants tells that some statement gives privileges, and Owners that one
	// gives an object to a role.
	Grants, Owners bool

	texts      []text
	statements []*statement
}

// Read reads sources: it runs their commands. show writes a path as people know
// it; nil leaves it as it is. A command that fails is a [*CommandError], text that
// can't be split into statements a [*SyntaxError].
func Read(ctx context.Context, sources []Source, show func(path string) string) (*State, error) {
	if show == nil {
		show = func(path string) string { return path }
	}
	state := &State{}
	for _, source := range sources {
		texts, err := source.read(ctx, show)
		if err != nil {
			return nil, err
		}
		for _, t := range texts {
			if err := state.take(t); err != nil {
				return nil, err
			}
		}
	}
	return state, nil
}

// Len is how many statements there are.
func (state *State) Len() int { return len(state.statements) }

// Parts are all that the state is made from, with the options' own: equal ones
// make an equal state.
func (state *State) Parts(o Options) []string {
	parts := []string{o.Schema}
	for _, e := range o.Extensions {
		parts = append(parts, e.Name, e.Schema)
	}
	for _, t := range state.texts {
		parts = append(parts, t.name, t.sql)
	}
	return parts
}

// Make makes the state in conn's database. What can't run is a
// [*StatementError].
func (state *State) Make(ctx context.Context, scratch *shadow.Scratch, conn *pgx.Conn, o Options) error {
	all, err := state.with(o.Extensions)
	if err != nil {
		return err
	}
	l := &loader{scratch: scratch, conn: conn, pending: all.statements}
	return l.run(ctx, o.Schema)
}

// with is the state with extensions.
func (state *State) with(extensions []Extension) (*State, error) {
	all := &State{statements: state.statements}
	for _, e := range extensions {
		if err := all.extend(e); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// extend puts an extension in front of what the sources say, and its schema
// behind it, in case that none of them makes it.
func (state *State) extend(e Extension) error {
	name := pgx.Identifier{e.Name}.Sanitize()
	if slices.ContainsFunc(state.statements, func(s *statement) bool {
		return s.Kind == "CREATE EXTENSION" && slices.ContainsFunc(strings.Fields(s.Text), func(word string) bool { return word == e.Name || word == name })
	}) {
		return nil
	}
	schema := pgx.Identifier{e.Schema}.Sanitize()
	models := state.statements
	state.statements = nil
	if err := state.take(text{name: "the extension " + e.Name, sql: "CREATE EXTENSION IF NOT EXISTS " + name + " SCHEMA " + schema}); err != nil {
		return err
	}
	state.statements = append(state.statements, models...)
	return state.take(text{name: "the extension " + e.Name, sql: "CREATE SCHEMA IF NOT EXISTS " + schema})
}

// A text is a script with its name.
type text struct {
	name, sql string
	printed   bool // by a command
}

// line is the one that an offset is in.
func (t *text) line(offset int) string {
	line, _, _ := strings.Cut(t.sql[strings.LastIndexByte(t.sql[:offset], '\n')+1:], "\n")
	return strings.TrimRight(line, "\r")
}

// A statement is one of a text.
type statement struct {
	sqltext.Statement
	text *text
}

type loader struct {
	scratch *shadow.Scratch
	conn    *pgx.Conn
	pending []*statement
	ran     []*statement
}

// take splits a script.
func (state *State) take(t text) error {
	state.texts = append(state.texts, t)
	statements, err := sqltext.Split(t.sql)
	var fault *sqltext.Error
	if errors.As(err, &fault) {
		at := sqltext.PositionAt(t.sql, fault.Offset)
		return &SyntaxError{Path: t.name, Line: at.Line, Column: at.Column, Source: t.line(fault.Offset), Message: fault.Message, Hint: fault.Hint}
	}
	if err != nil {
		return err
	}
	state.Renames = append(state.Renames, sqltext.RenamedFromComments(t.sql)...)
	for _, s := range statements {
		switch {
		case s.Class == sqltext.TransactionControl: // a file is tried statement by statement
			continue
		case s.Kind == "GRANT" || s.Kind == "REVOKE" || s.Kind == "ALTER DEFAULT PRIVILEGES":
			state.Grants = true
		case strings.Contains(strings.ToUpper(s.Text), " OWNER TO "):
			state.Owners = true
		}
		state.statements = append(state.statements, &statement{Statement: s, text: &t})
	}
	return nil
}

// run makes the schema, and loads the statements.
func (l *loader) run(ctx context.Context, schema string) error {
	// Bodies of functions may speak of what comes later; PostgreSQL looks at
	// them when they run.
	prepare := "SET check_function_bodies = off"
	if schema != "" {
		name := pgx.Identifier{schema}.Sanitize()
		prepare += "; CREATE SCHEMA IF NOT EXISTS " + name + "; SET search_path = " + name
		if schema != "public" {
			prepare += ", public" // as extensions are mostly there
		}
	}
	if err := l.scratch.Run(ctx, l.conn, prepare); err != nil {
		return err
	}
	if err := l.said(ctx, schema); err != nil {
		return err
	}
	return l.load(ctx)
}

// said takes a CREATE SCHEMA of the schema that is there already as done: dumps and
// people's files begin with one. Only its owner is left to be set. Behind a DROP
// SCHEMA it makes another one.
func (l *loader) said(ctx context.Context, schema string) error {
	for i, s := range l.pending {
		if s.Kind == "DROP SCHEMA" {
			return nil
		}
		if s.Kind != "CREATE SCHEMA" {
			continue
		}
		name, owner, ok := sqltext.CreatedSchema(s.Text)
		if !ok || !isIdent(name, schema) {
			continue
		}
		if owner != "" {
			err := l.scratch.Run(ctx, l.conn, "ALTER SCHEMA "+name+" OWNER TO "+owner)
			var pgErr *pgconn.PgError
			if errors.As(err, &pgErr) {
				pgErr.Position = 0 // in a statement that nobody wrote
				return s.failed(pgErr)
			}
			if err != nil {
				return err
			}
		}
		l.ran = append(l.ran, s)
		l.pending = slices.Delete(slices.Clone(l.pending), i, i+1)
		return nil
	}
	return nil
}

// isIdent tells that an identifier, as SQL text, stands for name.
func isIdent(text, name string) bool {
	if inner, quoted := strings.CutPrefix(text, `"`); quoted {
		return strings.ReplaceAll(strings.TrimSuffix(inner, `"`), `""`, `"`) == name
	}
	return strings.ToLower(text) == name
}

// load runs all statements: many in a message as long as their order allows it, then
// one by one.
func (l *loader) load(ctx context.Context) error {
	if err := l.atOnce(ctx); err != nil {
		return err
	}
	for len(l.pending) > 0 {
		var failed []*statement
		var first error
		for _, s := range l.pending {
			err := l.one(ctx, s)
			switch {
			case err == nil:
			case !missesSomething(err):
				return err
			default:
				if first == nil {
					first = err
				}
				failed = append(failed, s)
			}
		}
		if len(failed) == len(l.pending) {
			return first
		}
		l.pending = failed
	}
	return nil
}

// atOnce sends many statements in a message, as long as none fails, and leaves
// the others.
func (l *loader) atOnce(ctx context.Context) error {
	var texts []string
	for _, s := range l.pending {
		if s.Class != sqltext.Transactional {
			break
		}
		texts = append(texts, s.Text)
	}
	ran, err := l.scratch.RunAll(ctx, l.conn, texts)
	l.ran = append(l.ran, l.pending[:ran]...)
	l.pending = l.pending[ran:]
	var pgErr *pgconn.PgError
	if errors.As(err, &pgErr) && ctx.Err() == nil { // one by one it has its place
		return nil
	}
	return errors.Join(err, ctx.Err())
}

// one runs a statement. A setting that this server doesn't know comes from
// pg_dump of another version, and does nothing for a state.
func (l *loader) one(ctx context.Context, s *statement) error {
	err := l.scratch.Run(ctx, l.conn, s.Text)
	var pgErr *pgconn.PgError
	if !errors.As(err, &pgErr) {
		if err == nil {
			l.ran = append(l.ran, s)
		}
		return err
	}
	if s.Kind == "SET" && pgErr.Code == undefinedObject {
		return nil
	}
	failed := s.failed(pgErr)
	if before := l.maker(s, pgErr); before != nil {
		failed.Hint = before.place() + " makes it already"
	}
	if pgErr.Code == syntaxError && s.text.printed {
		failed.Hint = "what the command prints to stdout has to be SQL and nothing else; what is for people goes to stderr"
	}
	return failed
}

// maker is the statement that has made what err says is there already: one that
// begins alike, or else the first that names it. What stands on a table comes
// behind it.
func (l *loader) maker(s *statement, err *pgconn.PgError) *statement {
	if !slices.Contains(alreadyThere, err.Code) {
		return nil
	}
	for _, before := range l.ran {
		if before.beginning() == s.beginning() {
			return before
		}
	}
	_, name, _ := strings.Cut(err.Message, `"`)
	name, _, _ = strings.Cut(name, `"`)
	schema, named := s.names(name)
	for _, before := range l.ran {
		if other, also := before.names(name); named && also && (schema == "" || other == "" || schema == other) {
			return before
		}
	}
	return nil
}

const (
	undefinedObject = "42704"
	syntaxError     = "42601"
)

// alreadyThere: duplicate table, object, function, schema, column.
var alreadyThere = []string{"42P07", "42710", "42723", "42P06", "42701"}

// beginning are the words up to the first parenthesis, which name what a CREATE
// makes.
func (s *statement) beginning() string {
	words, _, _ := strings.Cut(s.Text, "(")
	return strings.ToLower(strings.Join(strings.Fields(words), " "))
}

// names tells that a CREATE speaks of a name in front of its first parenthesis,
// and with which schema. A schema is named by its own statement alone.
func (s *statement) names(name string) (schema string, ok bool) {
	if !strings.HasPrefix(s.Kind, "CREATE ") || s.Kind == "CREATE SCHEMA" {
		return "", false
	}
	for word := range strings.FieldsSeq(strings.ReplaceAll(s.beginning(), `"`, "")) {
		qualifier, last, qualified := strings.Cut(word, ".")
		if !qualified {
			qualifier, last = "", word
		}
		if last == strings.ToLower(name) {
			return qualifier, true
		}
	}
	return "", false
}

// failed points at the place in the text.
func (s *statement) failed(err *pgconn.PgError) *StatementError {
	offset := s.Offset
	if err.Position > 0 {
		offset += sqltext.OffsetOfCharacter(s.Text, int(err.Position))
	}
	at := sqltext.PositionAt(s.text.sql, offset)
	return &StatementError{Path: s.text.name, Line: at.Line, Column: at.Column, Source: s.text.line(offset), Statement: s.Text, Err: err}
}

// missesSomething tells that a statement may work when others have run:
// undefined table, column, function, object or schema, and what else a missing
// object looks like.
func missesSomething(err error) bool {
	var pgErr *pgconn.PgError
	return errors.As(err, &pgErr) && slices.Contains([]string{"42P01", "42703", "42883", undefinedObject, "3F000", "42P17", "42830", "55000"}, pgErr.Code)
}
