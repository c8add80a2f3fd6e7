package executor

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/aludel-db/aludel/internal/revision"
	"github.com/aludel-db/aludel/internal/sqltext"
)

// A StatementError is a statement of a revision that the server refused.
type StatementError struct {
	Revision  string
	Direction revision.Direction
	Path      string
	Line      int // 1-based
	Column    int // 1-based, in characters
	Text      string
	// Source is the line of the file, for a caret under Column.
	Source string
	// AtCommit tells that every statement ran and the COMMIT failed, as
	// deferred constraints do; the place is that of the section then.
	AtCommit bool
	Err      *pgconn.PgError
}

func (e *StatementError) Error() string {
	if e.AtCommit {
		return fmt.Sprintf("%s:%d: at COMMIT: %s (SQLSTATE %s)", e.Path, e.Line, e.Err.Message, e.Err.Code)
	}
	return fmt.Sprintf("%s:%d:%d: %s (SQLSTATE %s)", e.Path, e.Line, e.Column, e.Err.Message, e.Err.Code)
}

func (e *StatementError) Unwrap() error { return e.Err }

// An IrreversibleError is a downgrade over a revision that has no way back.
type IrreversibleError struct {
	Revision string
	Path     string
	Reason   string // as the file gives it; empty where it has no down section
}

func (e *IrreversibleError) Error() string {
	if e.Reason == "" {
		return fmt.Sprintf("revision %s can't be downgraded: %s has no \"-- migrate:down\" section", e.Revision, e.Path)
	}
	return fmt.Sprintf("revision %s can't be downgraded: %s", e.Revision, e.Reason)
}

// A PartialError is a revision of which some statements have run and some
// have not.
type PartialError struct {
	Revision  string
	Direction string
	// Done of Total statements have run.
	Done, Total int
	// Rows are those that the next one, which runs in batches, has been through.
	Rows int64
	Err  error
}

func (e *PartialError) Error() string {
	rows := ""
	if e.Rows > 0 {
		rows = fmt.Sprintf(", the next one over %d rows", e.Rows)
	}
	return fmt.Sprintf("revision %s is partially applied (%s: %d of %d statements%s): %v",
		e.Revision, e.Direction, e.Done, e.Total, rows, e.Err)
}

func (e *PartialError) Unwrap() error { return e.Err }

var (
	errUnfinished = errors.New("it has to be finished before anything else runs")
	errEdited     = errors.New("the statements that have run were changed in the file since")
	errCodeEdited = errors.New("the batches that have run were changed in the code since")
)

// An InterruptedError is a run that ended because its context did. It is
// Cause, the context's error, for errors.Is.
type InterruptedError struct {
	Cause error
	Err   error // what became of the step that ran
}

func (e *InterruptedError) Error() string { return "interrupted: " + e.Err.Error() }
func (e *InterruptedError) Unwrap() error { return e.Err }

// Is is for errors.Is.
func (e *InterruptedError) Is(target error) bool { return target == e.Cause }

// An UnresolvedError is a step of which nobody knows how far it came: its
// connection was lost, and it could not be found out on another one.
type UnresolvedError struct {
	Revision string
	Lost     error // how the connection ended
	Err      error // why it could not be found out
}

func (e *UnresolvedError) Error() string {
	return fmt.Sprintf("the connection was lost (%v), and it is not known whether revision %s was applied: %v", e.Lost, e.Revision, e.Err)
}

func (e *UnresolvedError) Unwrap() error { return e.Err }

// A PoolerError is a section that runs outside a transaction, on a connection
// where each transaction gets another session of the server. Nothing ran.
type PoolerError struct {
	Revision string
	Path     string
	Line     int // of the section's marker
	reason   string
}

func (e *PoolerError) Error() string {
	return fmt.Sprintf("revision %s can't run through a pooler that gives each transaction another session of the server: %s", e.Revision, e.reason)
}

// A ForeignIndexError is an index that a revision is to build CONCURRENTLY, and that
// was there before. It is left alone.
type ForeignIndexError struct {
	Revision string
	Path     string
	Line     int
	Index    string
}

func (e *ForeignIndexError) Error() string {
	return fmt.Sprintf("%s:%d: there is an index %s already, which revision %s has not made: look at it, and drop or rename it", e.Path, e.Line, e.Index, e.Revision)
}

// duplicateTable is how an error ends that says the name is taken.
const duplicateTable = "(SQLSTATE 42P07)"

// A StaleError says that the version rows are no longer those that the plan
// was made for. Nothing of the step was applied.
type StaleError struct{ Err error }

func (e *StaleError) Error() string {
	return "the version table was changed by somebody else: " + e.Err.Error()
}
func (e *StaleError) Unwrap() error { return e.Err }

// A LockTimeoutError is a step that could not get its locks in time. Nothing of
// it was applied.
type LockTimeoutError struct {
	Tries    int // that queued
	Waited   time.Duration
	Blockers []Blocker // who held them at the end, as far as it was seen
	Err      error     // of the last try; nil where others held the locks all the time
}

func (e *LockTimeoutError) Error() string {
	text := "its locks were held by others for " + e.Waited.Round(100*time.Millisecond).String()
	if e.Err != nil {
		text = fmt.Sprintf("%v (gave up after %d tries in %s)", e.Err, e.Tries, e.Waited.Round(100*time.Millisecond))
	}
	for i := range e.Blockers {
		text += "\n" + e.Blockers[i].String()
	}
	return text
}

func (e *LockTimeoutError) Unwrap() error { return e.Err }

// A StallError is a statement that was cancelled since somebody had waited for it
// as long as MaxStall allows. Nothing of its transaction was applied.
type StallError struct {
	Stall
	Budget time.Duration
	Err    error // that the server gave to the statement
}

func (e *StallError) Error() string {
	where := ""
	if e.Relation != "" {
		where = " for " + e.Relation
	}
	return fmt.Sprintf("cancelled, as pid %d had to wait%s longer than %s because of it: %v", e.PID, where, e.Budget, e.Err)
}

func (e *StallError) Unwrap() error { return e.Err }

// A CodeError is a section written in Go that failed.
type CodeError struct {
	Revision  string
	Direction revision.Direction
	Path      string // of the code, as far as it is known
	Line      int
	Err       error
}

func (e *CodeError) Error() string {
	return fmt.Sprintf("revision %s, %s in Go (%s:%d): %v", e.Revision, e.Direction, e.Path, e.Line, e.Err)
}

func (e *CodeError) Unwrap() error { return e.Err }

// statementError finds the place in the file of an error in a section.
// character is the 1-based character within the section, 0 where the server
// gave none; index is the statement that failed.
func statementError(step *revision.Step, s *revision.Section, err *pgconn.PgError, character, index int) error {
	offset := 0
	text := ""
	if index >= 0 && index < len(s.Statements) {
		offset, text = s.Statements[index].Offset, s.Statements[index].Text
	}
	if character > 0 {
		offset = sqltext.OffsetOfCharacter(s.SQL, character)
	}
	path, line, column := s.Position(offset)
	return &StatementError{
		Revision: step.Revision.ID, Direction: step.Direction, Path: path, Line: line, Column: column,
		Text: text, Source: sourceLine(s.SQL, offset), Err: err,
	}
}

// commitError is a COMMIT that the server refused after the step's section.
func commitError(step *revision.Step, s *revision.Section, err *pgconn.PgError) error {
	path, line, column := s.Position(0)
	return &StatementError{
		Revision: step.Revision.ID, Direction: step.Direction, Path: path, Line: line, Column: column,
		Text: "COMMIT", AtCommit: true, Err: err,
	}
}

// sourceLine is the line of sql that holds offset.
func sourceLine(sql string, offset int) string {
	start := strings.LastIndexByte(sql[:offset], '\n') + 1
	line, _, _ := strings.Cut(sql[start:], "\n")
	return strings.TrimRight(line, "\r")
}
