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
	// Missing are the variables that are not set while others of theirs are,
	// or keys of the file; empty where there is nothing at all.
	Missing []string
	partly  bool
}

func (e *NoDatabaseError) Error() string {
	if len(e.Missing) > 0 {
		return "the database is configured in part: " + strings.Join(e.Missing, " and ") + " not set"
	}
	return "no database is configured"
}

// Partly tells that somebody meant to configure a database, and that it would
// be wrong to go on as if there were none.
func (e *NoDatabaseError) Partly() bool { return e.partly }

// As makes it an [*Error] for whoever looks for one.
func (e *NoDatabaseError) As(target any) bool {
	config, ok := target.(**Error)
	if ok {
		*config = errorf("%s", e.Error()).
			hint("looked for POSTGRES_SERVER, POSTGRES_PORT, POSTGRES_USER, POSTGRES_PASSWORD (or POSTGRES_PASSWORD_FILE) and POSTGRES_DB,").
			hint("DATABASE_URL, PGHOST, PGDATABASE and PGSERVICE, --database-url,").
			hint("and database.url, .host, .user, .name and .service in %s", FileName).
			hint("to try things out without a server: --embedded")
	}
	return ok
}
