package config

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/aludel-db/aludel"
)

// The types below check a value while the file is read, so that the error has
// line and column. Those of texts are structs, since go-toml assigns to a type
// that is a string without asking UnmarshalText.

// A duration is written as in Go: "500ms", "2s", "10m"; "0" is none.
type duration time.Duration

// UnmarshalText reads a duration that PostgreSQL can have.
func (d *duration) UnmarshalText(text []byte) error {
	value, err := time.ParseDuration(string(text))
	if err != nil {
		return fmt.Errorf("%q is not a duration; write it as 500ms, 2s or 10m, or 0 for none", text)
	}
	*d = duration(value)
	return checkDuration(value)
}

// checkDuration takes what fits into the server's timeouts: whole milliseconds
// in 32 bits, where less than one would be rounded to 0, which is no timeout.
func checkDuration(d time.Duration) error {
	switch {
	case d < 0:
		return fmt.Errorf("%s, which is negative", d)
	case d > 0 && d < time.Millisecond:
		return fmt.Errorf("%s, which is less than a millisecond", d)
	case d > math.MaxInt32*time.Millisecond:
		return fmt.Errorf("%s, which is more than 24 days", d)
	}
	return nil
}

// maxName is how many bytes of a name PostgreSQL keeps.
const maxName = 63

// A name is that of a table.
type name struct{ text string }

// UnmarshalText refuses what the server would cut off.
func (n *name) UnmarshalText(text []byte) error {
	n.text = string(text)
	return checkName(string(text))
}

func checkName(s string) error {
	switch {
	case s == "":
		return errors.New("empty, where a name is wanted")
	case len(s) > maxName:
		return fmt.Errorf("%q, which is longer than %d bytes", s, maxName)
	case strings.ContainsRune(s, 0):
		return fmt.Errorf("%q, which holds a NUL byte", s)
	}
	return nil
}

// A schemaName is that of a schema that migrations may work in.
type schemaName struct{ text string }

// UnmarshalText refuses the system's schemas.
func (n *schemaName) UnmarshalText(text []byte) error {
	n.text = string(text)
	return checkSchema(string(text))
}

func checkSchema(s string) error {
	if err := checkName(s); err != nil {
		return err
	}
	// PostgreSQL reserves the prefix.
	if strings.HasPrefix(s, "pg_") || s == "information_schema" {
		return fmt.Errorf("%q, a schema of the system", s)
	}
	return nil
}

// A transaction is "each" or "all".
type transaction struct{ text string }

// UnmarshalText knows the two.
func (t *transaction) UnmarshalText(text []byte) error {
	if t.text = string(text); t.text != "each" && t.text != "all" {
		return fmt.Errorf(`%q; write "each" (a transaction for each migration) or "all"`, text)
	}
	return nil
}

// against is "database" or "migrations".
type against struct{ text string }

// UnmarshalText knows the two.
func (a *against) UnmarshalText(text []byte) error {
	if a.text = string(text); a.text != "database" && a.text != "migrations" {
		return fmt.Errorf(`%q; write "database" or "migrations"`, text)
	}
	return nil
}

// indexNames is a pattern of names that a schema has once.
type indexNames struct{ text string }

// UnmarshalText knows the placeholders.
func (n *indexNames) UnmarshalText(text []byte) error {
	n.text = string(text)
	return aludel.Naming{Index: n.text}.Validate()
}

// foreignNames is a pattern of names for foreign keys.
type foreignNames struct{ text string }

// UnmarshalText knows the placeholders.
func (n *foreignNames) UnmarshalText(text []byte) error {
	n.text = string(text)
	return aludel.Naming{ForeignKey: n.text}.Validate()
}

// checkNames is a pattern of names for checks.
type checkNames struct{ text string }

// UnmarshalText knows the placeholders.
func (n *checkNames) UnmarshalText(text []byte) error {
	n.text = string(text)
	return aludel.Naming{Check: n.text}.Validate()
}

// A hook is a program and its arguments.
type hook []string

// A location is the name of a time zone.
type location struct{ *time.Location }

// UnmarshalText looks it up.
func (l *location) UnmarshalText(text []byte) (err error) {
	if l.Location, err = time.LoadLocation(string(text)); err != nil {
		return fmt.Errorf("Can't locate timezone: %s", text)
	}
	return nil
}

// A databaseURL is a connection string without a password.
type databaseURL struct{ text string }

// UnmarshalText refuses a password.
func (u *databaseURL) UnmarshalText(text []byte) error {
	u.text = string(text)
	p, err := parseConnString("it", string(text))
	if err != nil {
		return err
	}
	if p.value("password") != "" || p.value("sslpassword") != "" {
		return errors.New("it holds a password; " + passwordAdvice)
	}
	return nil
}

const passwordAdvice = "a password doesn't belong into a file that is shared: " +
	"set POSTGRES_PASSWORD or POSTGRES_PASSWORD_FILE, or use .pgpass"
