package aludel

import (
	"context"
	"errors"

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
	// Name is what messages call the command's output; default the command.
	Name string
}

// Models are the schema that is wanted. Several sources add up.
type Models struct {
	Sources []ModelSource
	// Show writes a path as people know it; nil leaves it as it is.
	Show func(path string) string
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
		return &ModelsError{Path: syntax.Path, Line: syntax.Line, Column: syntax.Column, Hint: syntax.Hint, err: err}
	case errors.As(err, &command):
		return &ModelsError{err: err}
	}
	return err
}

// A made state is a snapshot with what its sources told besides.
type made struct {
	*Snapshot
	conn           *pgx.Conn
	renames        []Rename
	grants, owners bool
}

// Make loads the models into a database of the shadow and reads it. Unqualified
// names resolve in schema. It answers the renames that comments tell of, too.
func (models Models) Make(ctx context.Context, s *Shadow, schema string, options SnapshotOptions) (*Snapshot, []Rename, error) {
	m, err := models.make(ctx, s, schema, options)
	if err != nil {
		return nil, nil, err
	}
	return m.Snapshot, m.renames, nil
}

// make is Make, with statements that run before the models'.
func (models Models) make(ctx context.Context, s *Shadow, schema string, options SnapshotOptions, before ...string) (*made, error) {
	conn, err := s.scratch.Create(ctx, "")
	if err != nil {
		return nil, err
	}
	for _, sql := range before {
		if err := s.scratch.Run(ctx, conn, sql); err != nil {
			return nil, err
		}
	}
	sources := make([]desired.Source, len(models.Sources))
	for i, source := range models.Sources {
		sources[i] = desired.Source(source)
	}
	loaded, err := desired.Load(ctx, s.scratch, conn, sources, desired.Options{Schema: schema, Show: models.Show})
	if err != nil {
		return nil, modelsError(err)
	}
	m := &made{conn: conn, grants: loaded.Grants, owners: loaded.Owners}
	for _, c := range loaded.Renames {
		m.renames = append(m.renames, renameOf(c))
	}
	m.Snapshot, err = ReadSnapshot(ctx, conn, options)
	return m, err
}
