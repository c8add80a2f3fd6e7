package revision

import (
	"errors"
	"fmt"
	"strings"
)

// A FileError is something wrong in a revision file.
type FileError struct {
	Path         string
	Line, Column int // 1-based; the column counts characters. 0: the file as a whole
	Message      string
	Hint         string // the mend; may be empty
}

func (e *FileError) Error() string {
	if e.Line == 0 {
		return e.Path + ": " + e.Message
	}
	return fmt.Sprintf("%s:%d:%d: %s", e.Path, e.Line, e.Column, e.Message)
}

// A RequestError is a request that the graph refuses: an ambiguous walk, a
// target on the wrong side, overlapping revisions. Message is Alembic's where
// the refusal is Alembic's.
type RequestError struct {
	Message string
	Hints   []string // what to do, one line each
}

func (e *RequestError) Error() string { return e.Message }

func (e *RequestError) hint(format string, args ...any) *RequestError {
	e.Hints = append(e.Hints, fmt.Sprintf(format, args...))
	return e
}

func requestErrorf(format string, args ...any) *RequestError {
	return &RequestError{Message: fmt.Sprintf(format, args...)}
}

// An UnknownRevisionError is a specifier, or a row of the version table, that
// leads to no revision, or to several.
type UnknownRevisionError struct {
	// Argument is the part that could not be resolved.
	Argument string
	// Reason is the finer text; empty where Argument is simply unknown.
	Reason string
	// Candidates are the revisions that an ambiguous prefix could mean.
	Candidates []*Revision
	// Suggestion is a known id or label close to Argument, or empty.
	Suggestion string
	// InDatabase tells that Argument is a row of the version table.
	InDatabase bool
}

func (e *UnknownRevisionError) Error() string {
	return fmt.Sprintf("Can't locate revision identified by '%s'", e.Argument)
}

// A MultipleHeadsError is a specifier that wants one head where there are
// several.
type MultipleHeadsError struct {
	// Argument is the specifier as given.
	Argument string
	// Heads are the heads that it could mean, in load order.
	Heads []*Revision
	// message replaces the text that upgrade and downgrade use.
	message string
}

func (e *MultipleHeadsError) Error() string {
	if e.message != "" {
		return e.message
	}
	return fmt.Sprintf("Multiple head revisions are present for given argument '%[1]s'; please "+
		"specify a specific target revision, '<branchname>@%[1]s' to narrow to a specific head, "+
		"or 'heads' for all heads", e.Argument)
}

// nameWhole makes the text of a MultipleHeadsError speak of the whole target.
func nameWhole(err error, target string) error {
	var heads *MultipleHeadsError
	if errors.As(err, &heads) {
		heads.Argument = target
	}
	return err
}

// A GraphError is a set of files that don't form a graph: a cycle, a parent
// that isn't there, an id or a label given twice.
type GraphError struct {
	Message string
	// Path, Line and Column are where the mend belongs, if one place can be
	// named; Line 0 otherwise.
	Path         string
	Line, Column int
	Hints        []string
	// Missing is the revision that a file names and none has; empty otherwise.
	Missing string
}

func (e *GraphError) Error() string {
	if e.Line == 0 {
		return e.Message
	}
	return fmt.Sprintf("%s:%d:%d: %s", e.Path, e.Line, e.Column, e.Message)
}

func quoteList(ids []string) string { return "'" + strings.Join(ids, "', '") + "'" }
