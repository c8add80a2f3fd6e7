package aludel

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"

	"github.com/jackc/pgx/v5"

	"github.com/aludel-db/aludel/internal/desired"
)

// A ModelSource is a place that the models' schema comes from: files of SQL, or
// a command that prints DDL.
type ModelSource struct {
	// Paths are files, folders with all below them, and patterns as in
	// [path/filepath.Glob]. The order of statements doesn't matter.
	Paths []string
	// Command is a program and its arguments, run in Dir with the variables
	// Environ; nil are those of this process.
	Command []string
	Dir     string
	Environ []string
	// Print prints DDL, in place of a command: that of [orm/gorm], say.
	//
	// [orm/gorm]: https://pkg.go.dev/github.com/aludel-db/aludel/orm/gorm
	Print func(io.Writer) error
	// Name is what messages call what is printed; default the command.
	Name string
}

// Models are the schema that is wanted. Several sources add up.
type Models struct {
	Sources []ModelSource
	// AllowEmpty has no statement at all be a state: an empty database.
	AllowEmpty bool
	// Show writes a path as people know it; nil leaves it as it is.
	Show func(path string) string
	// Naming are the names of constraints and indexes that have none.
	Naming Naming
}

// A ModelsError is something wrong in the models: SQL that doesn't load, a
// command that fails.
type ModelsError struct {
	// Path, Line and Column are the place, as far as it is known: Line 0 is not.
	Path         string
	Line, Column int
	// Source is that line.
	Source string
	// Detail and Hint are the server's, or ours.
	Detail, Hint string
	err          error
}

func (e *ModelsError) Error() string { return e.err.Error() }

// Unwrap is the server's error, where it is one.
func (e *ModelsError) Unwrap() error { return errors.Unwrap(e.err) }

func modelsError(err error) error {
	var statement *desired.StatementError
	var syntax *desired.SyntaxError
	var missing *desired.NoFileError
	var command *desired.CommandError
	switch {
	case errors.As(err, &statement):
		e := &ModelsError{Path: statement.Path, Line: statement.Line, Column: statement.Column, Source: statement.Source, err: err}
		e.Detail, e.Hint = statement.Err.Detail, statement.Hint
		if e.Hint == "" {
			e.Hint = statement.Err.Hint
		}
		return e
	case errors.As(err, &syntax):
		return &ModelsError{Path: syntax.Path, Line: syntax.Line, Column: syntax.Column, Source: syntax.Source, Hint: syntax.Hint, err: err}
	case errors.As(err, &missing):
		return &ModelsError{Path: missing.Path, err: err}
	case errors.As(err, &command):
		e := &ModelsError{err: err}
		if errors.Is(err, exec.ErrNotFound) {
			e.Hint = "is it installed, and in PATH?"
		}
		return e
	}
	return err
}

// loadedModels are what models ask for.
type loadedModels struct {
	*made
	renames        []Rename // that comments tell
	grants, owners bool     // whether they speak of privileges and owners
	overlooked     []string // what of them says nothing
	build          func(context.Context) (*pgx.Conn, error)
	// remake makes them once more, where they are known from an earlier run.
	remake func(context.Context) error
}

// Make loads the models into a database of the shadow and reads it. Unqualified
// names resolve in schema. It answers the renames that comments tell of, too.
func (models Models) Make(ctx context.Context, s *Shadow, schema string, options SnapshotOptions) (*Snapshot, []Rename, error) {
	m, err := models.load(ctx, s, schema, nil, loading{})
	if err != nil {
		return nil, nil, err
	}
	snapshot, err := m.snapshot.restricted(options)
	return snapshot, m.renames, errors.Join(err, m.kept())
}

// family names the models whatever they say, by where they come from.
func (models Models) family(s *Shadow, o desired.Options) string {
	parts := []string{"models", fmt.Sprintf("%q", o)}
	for _, source := range models.Sources {
		parts = append(parts, fmt.Sprintf("%q", source.Command), source.Dir, source.Name)
		for _, path := range source.Paths {
			whole, err := filepath.Abs(path)
			if err != nil {
				whole = path
			}
			parts = append(parts, whole)
		}
	}
	return s.scratch.Key(program(), parts...)
}

// loading is told of models that are not known from before.
type loading struct {
	begins   func() // may be nil
	describe bool   // has them described as well
}

// load makes the models, beside extensions.
func (models Models) load(ctx context.Context, s *Shadow, schema string, extensions []desired.Extension, told loading) (*loadedModels, error) {
	wanted, err := models.read(ctx)
	if err != nil {
		return nil, err
	}
	m := &loadedModels{grants: wanted.Grants, owners: wanted.Owners, overlooked: wanted.Overlooked()}
	for _, c := range wanted.Renames {
		m.renames = append(m.renames, renameOf(c))
	}
	options := desired.Options{Schema: schema, Extensions: extensions}
	m.build = func(ctx context.Context) (*pgx.Conn, error) {
		conn, err := s.scratch.Create(ctx, "")
		if err == nil {
			err = modelsError(wanted.Make(ctx, s.scratch, conn, options))
		}
		if err == nil {
			err = models.Naming.apply(ctx, s, conn)
		}
		return conn, err
	}
	r := recipe{
		parts: append(wanted.Parts(options), fmt.Sprintf("models %q", models.Naming)),
		build: m.build, begins: told.begins, describe: told.describe,
	}
	if models.Naming == (Naming{}) { // statements speak of the names in front of that
		r.edits = &edits{family: models.family(s, options), state: wanted, options: options}
	}
	m.remake = func(ctx context.Context) (err error) {
		again := r
		again.begins = nil
		m.made, err = s.make(ctx, s.key(r), again)
		return err
	}
	m.made, err = s.made(ctx, r)
	return m, err
}

// read reads the sources: it runs their commands.
func (models Models) read(ctx context.Context) (*desired.State, error) {
	sources := make([]desired.Source, len(models.Sources))
	for i, source := range models.Sources {
		sources[i] = desired.Source(source)
	}
	wanted, err := desired.Read(ctx, sources, models.Show)
	if err != nil {
		return nil, modelsError(err)
	}
	if wanted.Len() == 0 && !models.AllowEmpty {
		return nil, &ModelsError{err: errors.New("the models hold no statement at all"), Hint: "is the path right? By models without any table, all there are would have to be dropped"}
	}
	return wanted, nil
}

// extensionsOf are those of a database, the last one that was made first.
func extensionsOf(ctx context.Context, conn *pgx.Conn) ([]desired.Extension, error) {
	rows, err := conn.Query(ctx, `SELECT e.extname::text, n.nspname::text FROM pg_catalog.pg_extension e
  JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace WHERE e.oid >= 16384 ORDER BY e.oid DESC`)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[desired.Extension])
}

// schemasOf are the schemas of a database, but the system's.
func schemasOf(ctx context.Context, conn *pgx.Conn) ([]string, error) {
	rows, err := conn.Query(ctx, `SELECT nspname FROM pg_catalog.pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' ORDER BY nspname`)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}
