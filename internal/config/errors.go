package config

import (
	"fmt"
	"strings"
)

// An Error is something wrong in the configuration. A password is never part
// of it.
type Error struct {
	Message string
	Hint    string // the mend, a line each; may be empty
}

func (e *Error) Error() string { return e.Message }

func errorf(format string, args ...any) *Error { return &Error{Message: fmt.Sprintf(format, args...)} }

func (e *Error) hint(format string, args ...any) *Error {
	if e.Hint != "" {
		e.Hint += "\n"
	}
	e.Hint += fmt.Sprintf(format, args...)
	return e
}

// A NoDatabaseError says that no database is configured, or not enough of one.
type NoDatabaseError struct {
	// Missing are the variables that are not set while others of theirs are;
	// empty where there is nothing at all.
	Missing []string
}

func (e *NoDatabaseError) Error() string {
	if len(e.Missing) > 0 {
		return "the database is configured in part: " + strings.Join(e.Missing, " and ") + " not set"
	}
	return "no database is configured"
}

// Partly tells that something is configured, but not enough.
func (e *NoDatabaseError) Partly() bool { return len(e.Missing) > 0 }

// As makes it an [*Error] for whoever looks for one.
func (e *NoDatabaseError) As(target any) bool {
	config, ok := target.(**Error)
	if ok {
		*config = &Error{Message: e.Error(), Hint: "looked for POSTGRES_SERVER with POSTGRES_USER and POSTGRES_DB, DATABASE_URL, " +
			"PGHOST, PGDATABASE and PGSERVICE,\n--database-url, and [database] in aludel.toml\n" +
			"to try things out without a server: --embedded"}
	}
	return ok
}
