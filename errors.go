package aludel

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/aludel-db/aludel/internal/executor"
	"github.com/aludel-db/aludel/internal/revision"
	"github.com/aludel-db/aludel/internal/versiontable"
)

// A FileError is something wrong in a revision file.
type FileError struct {
	Path         string
	Line, Column int // 1-based; the column counts characters. 0: the file as a whole
	Message      string
	Hint         string // the mend; may be empty
	err          error
}

func (e *FileError) Error() string { return e.err.Error() }

// A GraphError is a set of files that don't form a graph: a cycle, a parent
// that isn't there, an id or a label given twice.
type GraphError struct {
	Message      string
	Path         string // where the mend belongs, if one place can be named
	Line, Column int
	Hints        []string // what to do, one line each
	// Missing is the revision that a file names as its parent or dependency, and
	// that no file has; empty where something else is wrong.
	Missing string
	err     error
}

func (e *GraphError) Error() string { return e.err.Error() }

// A DeletedError is an applied revision whose file is gone, while others stand on
// it. It unwraps to the [GraphError] that [New] answers.
type DeletedError struct {
	Revision string
	// WrittenBy is who applied it, as the history has it.
	WrittenBy string
	graph     *GraphError
}

func (e *DeletedError) Error() string {
	return fmt.Sprintf("the file of revision %s was deleted, which the database has applied and on which %s stands", e.Revision, e.graph.Path)
}

// Unwrap is the [GraphError].
func (e *DeletedError) Unwrap() error { return e.graph }

// Deleted looks whether the revision that files miss is one that the database has
// applied, and answers a [DeletedError] then. Any other error it answers as it is. options
// are those that were given to [New].
func Deleted(ctx context.Context, db Database, options Options, err error) error {
	var graph *GraphError
	if !errors.As(err, &graph) || graph.Missing == "" {
		return err
	}
	m := &Migrator{options: options.withDefaults()}
	m.setTable()
	by, askErr := using(ctx, db, func(conn *pgx.Conn) (string, error) {
		applied, err := m.table.Applied(ctx, conn)
		if err != nil || !applied[graph.Missing] {
			return "", err
		}
		return m.writtenBy(ctx, conn, graph.Missing), nil
	})
	if askErr != nil || by == "" {
		return err // the files are what is wrong, whatever the database says
	}
	return &DeletedError{Revision: graph.Missing, WrittenBy: by, graph: graph}
}

// A RequestError is a request that the graph refuses: an ambiguous walk, a
// target on the wrong side, overlapping revisions.
type RequestError struct {
	Message string
	Hints   []string // what to do, one line each
}

func (e *RequestError) Error() string { return e.Message }

// An UnknownRevisionError is a specifier, or a row of the version table, that
// leads to no revision or to several.
type UnknownRevisionError struct {
	// Argument is the part that could not be resolved.
	Argument string
	// Reason is more than "unknown"; may be empty.
	Reason string
	// Candidates are the revisions that an ambiguous prefix could mean.
	Candidates []Revision
	// Suggestion is a known id or label close to Argument; may be empty.
	Suggestion string
	// InDatabase tells that Argument is a row of the version table. WrittenBy
	// then says who wrote it, as far as the history knows.
	InDatabase bool
	WrittenBy  string
	// ReplacedBy is the id of the revision that Argument was squashed into; empty
	// where it was not.
	ReplacedBy string
	err        error
}

func (e *UnknownRevisionError) Error() string { return e.err.Error() }

// A MultipleHeadsError is a specifier that wants one head where there are
// several.
type MultipleHeadsError struct {
	Argument string
	Heads    []string // ids, in load order
	err      error
}

func (e *MultipleHeadsError) Error() string { return e.err.Error() }

// A SchemaError is a configured schema that the database doesn't have.
type SchemaError struct {
	Schema, Database string
	Schemas          []string // those that are there, the system's left out
	err              error
}

func (e *SchemaError) Error() string { return e.err.Error() }

// A LockedError says that another run held the migration lock for longer than
// [Options].LockWait.
type LockedError struct {
	PID    int // 0 where the holder could not be seen
	Waited time.Duration
	err    error
}

func (e *LockedError) Error() string { return e.err.Error() }

// A LockTimeoutError is a migration that could not get its locks, because
// others were using the objects. Nothing of it was applied.
type LockTimeoutError struct {
	Tries  int // that queued for locks
	Waited time.Duration
	// Blockers are who held the locks at the end, as far as it was seen.
	Blockers []Blocker
	err      error
}

func (e *LockTimeoutError) Error() string { return e.err.Error() }

// Unwrap is the error of the last try.
func (e *LockTimeoutError) Unwrap() error { return publicError(errors.Unwrap(e.err)) }

// A StallError is a migration that was cancelled because somebody had to wait for
// it as long as [Options].MaxStall allows. Nothing of its transaction was applied.
type StallError struct {
	PID      int           // of the session that waited
	Relation string        // for which; empty where it was a row
	Waited   time.Duration // as far as it was seen
	MaxStall time.Duration
	// Statement is the one that was cancelled.
	Statement string
	err       error
}

func (e *StallError) Error() string { return e.err.Error() }

// Unwrap is the error that the server gave to the statement.
func (e *StallError) Unwrap() error { return publicError(errors.Unwrap(e.err)) }

// A StatementError is a statement of a revision that the server refused. It
// unwraps to the server's own [pgconn.PgError].
type StatementError struct {
	Revision     string
	Direction    Direction
	Path         string
	Line, Column int // 1-based; the column counts characters
	// Source is that line of the file.
	Source string
	// Statement is the whole statement.
	Statement                              string
	SQLState, Message, Detail, Hint, Where string
	err                                    error
}

func (e *StatementError) Error() string { return e.err.Error() }

// Unwrap is the server's error.
func (e *StatementError) Unwrap() error { return errors.Unwrap(e.err) }

// A GoError is a section written in Go that failed. Nothing of it was applied where
// it runs in a transaction. It unwraps to the error that the function returned.
type GoError struct {
	Revision  string
	Direction Direction
	// Path and Line are where the function is written, as the compiler saw it.
	Path string
	Line int
	err  error
}

func (e *GoError) Error() string { return e.err.Error() }

// Unwrap is the function's error.
func (e *GoError) Unwrap() error { return publicError(errors.Unwrap(e.err)) }

// An IrreversibleError is a downgrade over a revision that has no way back.
// Nothing ran.
type IrreversibleError struct {
	Revision, Path string
	Reason         string // as the file gives it; empty where it has no down section
	err            error
}

func (e *IrreversibleError) Error() string { return e.err.Error() }

// A PartialError is a revision of which some statements have run and some
// have not: a section outside a transaction failed on its way.
type PartialError struct {
	Revision    string
	Direction   Direction
	Done, Total int // statements
	// Rows are those that the next statement, which runs in batches, has been
	// through.
	Rows int64
	err  error
}

func (e *PartialError) Error() string { return e.err.Error() }

// Unwrap is the reason.
func (e *PartialError) Unwrap() error { return publicError(errors.Unwrap(e.err)) }

// A PoolerError is a migration that has to run outside a transaction, on a
// connection through a pooler that gives each transaction another session of the
// server, as pgbouncer does in its transaction mode. Nothing ran.
type PoolerError struct {
	Revision, Path string
	Line           int
	err            error
}

func (e *PoolerError) Error() string { return e.err.Error() }

// A TamperedError is an upgrade over applied revisions whose files were edited
// since. Nothing ran.
type TamperedError struct{ Revisions []Revision }

func (e *TamperedError) Error() string {
	var list []string
	for _, r := range e.Revisions {
		list = append(list, fmt.Sprintf("%s (%s)", r.ID, r.Path))
	}
	if len(list) == 1 {
		return "revision " + list[0] + " was edited after it was applied"
	}
	return fmt.Sprintf("%d revisions were edited after they were applied: %s", len(list), strings.Join(list, ", "))
}

// An AheadError is a database that a newer version of the program has migrated:
// it has all that these files have, and stands at revisions that they don't.
// The history tells.
type AheadError struct {
	// Rows are the version rows without a file, WrittenBy who wrote each.
	Rows, WrittenBy []string
}

func (e *AheadError) Error() string {
	return fmt.Sprintf("the database is ahead of these files: it stands at %s, which no file has, and all that the files have is applied",
		strings.Join(e.Rows, ", "))
}

// An UnresolvedError is a migration of which nobody knows whether it was applied:
// the connection was lost, and it could not be found out on another one. The
// database itself is sound, and the next run finds out.
type UnresolvedError struct {
	Revision string
	err      error
}

func (e *UnresolvedError) Error() string { return e.err.Error() }

// Unwrap is why it could not be found out.
func (e *UnresolvedError) Unwrap() error { return errors.Unwrap(e.err) }

// An InterruptedError is a run that ended because its context did, and is that
// context's error for errors.Is.
type InterruptedError struct{ err *executor.InterruptedError }

func (e *InterruptedError) Error() string { return e.err.Error() }

// Is is for errors.Is.
func (e *InterruptedError) Is(target error) bool { return e.err.Is(target) }

// Unwrap is what became of the migration that ran.
func (e *InterruptedError) Unwrap() error { return publicError(e.err.Err) }

// publicError converts what the layers below answer. Errors that nobody acts
// on stay as they are.
func publicError(err error) error {
	if err == nil {
		return nil
	}
	switch e := err.(type) { //nolint:errorlint // the layers answer these unwrapped
	case *revision.FileError:
		return &FileError{Path: e.Path, Line: e.Line, Column: e.Column, Message: e.Message, Hint: e.Hint, err: err}
	case *revision.GraphError:
		return &GraphError{Message: e.Message, Path: e.Path, Line: e.Line, Column: e.Column, Hints: e.Hints, Missing: e.Missing, err: err}
	case *revision.RequestError:
		return &RequestError{Message: e.Message, Hints: e.Hints}
	case *revision.MultipleHeadsError:
		heads := make([]string, len(e.Heads))
		for i, r := range e.Heads {
			heads[i] = r.ID
		}
		return &MultipleHeadsError{Argument: e.Argument, Heads: heads, err: err}
	}
	return runError(err)
}

// runError converts errors of the database's side.
func runError(err error) error {
	switch e := err.(type) { //nolint:errorlint // as above
	case *versiontable.SchemaError:
		return &SchemaError{Schema: e.Schema, Database: e.Database, Schemas: e.Schemas, err: err}
	case *versiontable.LockedError:
		return &LockedError{PID: e.Holder.PID, Waited: e.Waited, err: err}
	case *executor.InterruptedError:
		return &InterruptedError{err: e}
	case *executor.LockTimeoutError:
		return &LockTimeoutError{Tries: e.Tries, Waited: e.Waited, Blockers: publicBlockers(e.Blockers), err: err}
	case *executor.StallError:
		public := &StallError{PID: e.PID, Relation: e.Relation, Waited: e.Waited, MaxStall: e.Budget, err: err}
		if statement := (*executor.StatementError)(nil); errors.As(err, &statement) {
			public.Statement = statement.Text
		}
		return public
	case *executor.BatchError:
		return &FileError{Path: e.Path, Line: e.Line, Column: e.Column, Message: e.Message, Hint: e.Hint, err: err}
	case *executor.PoolerError:
		return &PoolerError{Revision: e.Revision, Path: e.Path, Line: e.Line, err: err}
	case *executor.UnresolvedError:
		return &UnresolvedError{Revision: e.Revision, err: err}
	case *executor.IrreversibleError:
		return &IrreversibleError{Revision: e.Revision, Path: e.Path, Reason: e.Reason, err: err}
	case *executor.PartialError:
		return &PartialError{Revision: e.Revision, Direction: e.Direction, Done: e.Done, Total: e.Total, Rows: e.Rows, err: err}
	case *executor.CodeError:
		return &GoError{Revision: e.Revision, Direction: Direction(e.Direction), Path: e.Path, Line: e.Line, err: err}
	case *executor.StatementError:
		return &StatementError{
			Revision: e.Revision, Direction: Direction(e.Direction), Path: e.Path, Line: e.Line, Column: e.Column,
			Source: e.Source, Statement: e.Text, SQLState: e.Err.Code, Message: e.Err.Message, Detail: e.Err.Detail,
			Hint: e.Err.Hint, Where: e.Err.Where, err: err,
		}
	}
	return err
}

// publicErrors does the same for each of several joined errors.
func publicErrors(err error) error {
	var joined interface{ Unwrap() []error }
	if !errors.As(err, &joined) {
		return publicError(err)
	}
	var public []error
	for _, one := range joined.Unwrap() {
		public = append(public, publicError(one))
	}
	return errors.Join(public...)
}

func isStale(err error) bool {
	var stale *executor.StaleError
	return errors.As(err, &stale)
}

// explain converts the error of a planner, and asks the database who wrote a
// version row that no file has.
func (m *Migrator) explain(ctx context.Context, conn *pgx.Conn, err error) error {
	var unknown *revision.UnknownRevisionError
	if !errors.As(err, &unknown) {
		return publicError(err)
	}
	public := &UnknownRevisionError{
		Argument: unknown.Argument, Reason: unknown.Reason, Candidates: m.publicRevisions(unknown.Candidates, nil),
		Suggestion: unknown.Suggestion, InDatabase: unknown.InDatabase, err: err,
	}
	if r := m.graph.ReplacedBy(unknown.Argument); r != nil {
		public.ReplacedBy = r.ID
	}
	if !unknown.InDatabase || conn == nil {
		return public
	}
	if ahead, err := m.ahead(ctx, conn); err == nil && ahead != nil {
		return ahead
	}
	public.WrittenBy = m.writtenBy(ctx, conn, unknown.Argument)
	return public
}

// writtenBy says who wrote a version row, empty where the history doesn't know.
func (m *Migrator) writtenBy(ctx context.Context, conn *pgx.Conn, id string) string {
	e, err := m.table.LastWriter(ctx, conn, id)
	if err != nil || e == nil {
		return ""
	}
	return fmt.Sprintf("%q, written by %s as %s at %s with %s",
		e.Message, e.Host, e.By, e.Finished.UTC().Format("2006-01-02 15:04:05Z"), e.Program)
}

// ahead tells from the history whether the version rows without a file are those
// of a newer version of the files, and stand above all that these have.
func (m *Migrator) ahead(ctx context.Context, conn *pgx.Conn) (*AheadError, error) {
	rows, _, err := m.table.Heads(ctx, conn)
	if err != nil {
		return nil, err
	}
	_, unknown := m.graph.Applied(rows)
	applied, err := m.table.Applied(ctx, conn)
	if err != nil {
		return nil, err
	}
	for _, id := range unknown {
		if !applied[id] || m.graph.ReplacedBy(id) != nil {
			return nil, nil
		}
	}
	// A stamp may have jumped over those below, but it can't have stood on them
	// without their being applied.
	var stood []string
	for id := range applied {
		if m.graph.Get(id) != nil {
			stood = append(stood, id)
		}
	}
	behind, _ := m.graph.Applied(stood)
	if len(behind) == 0 || slices.Contains(behind, false) {
		return nil, nil
	}
	ahead := &AheadError{Rows: unknown}
	for _, id := range unknown {
		ahead.WrittenBy = append(ahead.WrittenBy, m.writtenBy(ctx, conn, id))
	}
	return ahead, nil
}
