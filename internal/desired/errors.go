package desired

import (
	"fmt"
	"io/fs"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// A SyntaxError is a script that can't be taken apart.
type SyntaxError struct {
	Path          string
	Line, Column  int    // 1-based; the column counts characters
	Source        string // that line
	Message, Hint string
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("%s:%d:%d: %s", e.Path, e.Line, e.Column, e.Message)
}

// A NoFileError is a path, or a pattern, of a source where nothing is.
type NoFileError struct{ Path string }

func (e *NoFileError) Error() string {
	if strings.ContainsAny(e.Path, "*?[") {
		return "no file is at " + e.Path
	}
	return "there is no file or folder " + e.Path
}

// Unwrap makes it an [fs.ErrNotExist].
func (e *NoFileError) Unwrap() error { return fs.ErrNotExist }

// A StatementError is a statement of a source that the server refused.
type StatementError struct {
	Path         string
	Line, Column int    // 1-based; the column counts characters
	Source       string // that line
	Statement    string
	Hint         string // more than the server says; may be empty
	Err          *pgconn.PgError
}

func (e *StatementError) Error() string {
	return fmt.Sprintf("%s:%d:%d: %s (SQLSTATE %s)", e.Path, e.Line, e.Column, e.Err.Message, e.Err.Code)
}

func (e *StatementError) Unwrap() error { return e.Err }

// A CommandError is a command of a source that ended with an error, couldn't be
// run, or printed nothing.
type CommandError struct {
	Command []string
	Name    string // of the source, where it has one
	Stderr  string
	Err     error
}

func (e *CommandError) Error() string {
	name := e.Name
	if name == "" {
		name = "the command `" + oneLine(e.Command) + "` for the models"
	}
	text := fmt.Sprintf("%s: %v", name, e.Err)
	if e.Stderr != "" {
		text += "\n" + e.Stderr
	}
	return text
}

func (e *CommandError) Unwrap() error { return e.Err }
