package tests

import (
	"errors"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// Two MetaData that refer to each other, types in schemas, hooks.
func TestSQLAlchemyKinds(t *testing.T) {
	t.Parallel()
	ddl, stderr, err := sqlalchemy(t, "all_kinds:everything")
	if err != nil {
		t.Fatalf("%v: %s", err, stderr)
	}
	load(t, ddl)
	for _, want := range []string{
		`CREATE SCHEMA IF NOT EXISTS "other schema"`, `CREATE TYPE types.letters`, `CREATE SEQUENCE numbers.kinds_big_seq`,
		`CREATE DOMAIN positive`, `LIKE '%x%'`, `DEFAULT '100% it''s'`, `IS 'a ''comment'' of 100%'`, `IS 'x'`,
	} {
		if !strings.Contains(ddl, want) {
			t.Errorf("no %s in\n%s", want, ddl)
		}
	}
}

// The platform's models are found through modules that are only imported, and
// the order is not Python's of sets.
func TestSQLAlchemyIsStable(t *testing.T) {
	t.Parallel()
	var first string
	for _, arguments := range [][]string{{"platform_models:Base"}, {"platform_models", "platform_models:Base.metadata"}} {
		ddl, stderr, err := sqlalchemy(t, arguments...)
		if err != nil {
			t.Fatalf("%v: %s", err, stderr)
		}
		if !strings.HasPrefix(ddl, "CREATE SCHEMA") || !strings.Contains(stderr, "models may print") {
			t.Errorf("what models print is not on stderr: %s", ddl)
		}
		if first == "" {
			first = ddl
		}
		if ddl != first {
			t.Errorf("%v prints\n%s\nnot\n%s", arguments, ddl, first)
		}
	}
}

// Errors are one line, with the place in the user's code.
func TestSQLAlchemyErrors(t *testing.T) {
	t.Parallel()
	for arguments, want := range map[string]string{
		"bad_import:Base":    `importing bad_import: bad_import.py:4: ZeroDivisionError: division by zero`,
		"bad_indirect:Base":  `importing bad_indirect: bad_import.py:4: ZeroDivisionError: division by zero`,
		"bad_syntax:Base":    `importing bad_syntax: bad_syntax.py:1: SyntaxError: .*`,
		"bad_column:Base":    `importing bad_column: bad_column.py:8: ArgumentError: .*NoKey.*primary key.*`,
		"bad_reference:Base": `NoReferencedTableError: .*'orders.user_id'.*'users'.*, in model Order \(bad_reference.py:7\)`,
		"bad_type:Base":      `CompileError: .*'note'.*, in model Order \(bad_type.py:8\)`,
		"bad_index:Base":     `table 'orders': its index of note has no name: give it one, or the naming_convention an "ix", in model Order \(bad_index.py:8\)`,
		"nowhere:Base":       `importing nowhere: ModuleNotFoundError: No module named 'nowhere'`,
		"empty:none":         `module empty \(empty.py\) has no attribute none; it has metadata`,
		"empty:other":        `empty:other \(int\) neither has metadata nor is a list of what has; it has metadata`,
		"empty:metadata":     `there are no tables in the metadata; .*`,
		"empty":              `no argument names an attribute: .*`,
	} {
		t.Run(arguments, func(t *testing.T) {
			t.Parallel()
			stdout, stderr, err := sqlalchemy(t, arguments)
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.ExitCode() != 1 {
				t.Errorf("%v, want exit status 1", err)
			}
			lines := strings.Split(strings.TrimSpace(stderr), "\n") // modules may have printed before
			if !regexp.MustCompile(`^aludel_ddl: ` + want + `$`).MatchString(lines[len(lines)-1]) {
				t.Errorf("%s\nwant %s", stderr, want)
			}
			if stdout != "" {
				t.Errorf("something was printed: %s", stdout)
			}
		})
	}
}

// sqlalchemy runs the script beside the test's models.
func sqlalchemy(t *testing.T, arguments ...string) (stdout, stderr string, err error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), python(t), append([]string{"../../../sqlalchemy/aludel_ddl.py"}, arguments...)...)
	cmd.Dir = "testdata/sqlalchemy"
	cmd.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1")
	var out, errs strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errs
	err = cmd.Run()
	return out.String(), errs.String(), err
}

// python is one that has SQLAlchemy: packages of the system are for the
// system's own. Tests are skipped where there is none, but for CI.
func python(t *testing.T) string {
	t.Helper()
	for _, python := range []string{"python3", "/usr/bin/python3"} {
		if exec.Command(python, "-c", "import sqlalchemy").Run() == nil {
			return python
		}
	}
	if os.Getenv("CI") == "true" {
		t.Fatal("SQLAlchemy is needed: scripts/install sqlalchemy")
	}
	t.Skip("no SQLAlchemy: scripts/install sqlalchemy")
	return ""
}
