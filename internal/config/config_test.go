package config_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/aludel-db/aludel/internal/config"
)

// TestCases runs testdata/*.txtar: files of a project; "env" with variables,
// "flags" with settings of flags, "want" with lines that must stand in what
// comes out.
func TestCases(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			in := config.Input{WorkDir: dir}
			want := ""
			for _, f := range archive.Files {
				text := strings.ReplaceAll(string(f.Data), "$DIR", dir)
				switch f.Name {
				case "env":
					in.Environ = strings.Split(strings.TrimSpace(text), "\n")
				case "flags":
					setFlags(t, &in, text)
				case "want":
					want = text
				default:
					name := filepath.Join(dir, f.Name)
					if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
						t.Fatal(err)
					}
					if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
						t.Fatal(err)
					}
				}
			}
			got := describe(in)
			for line := range strings.Lines(want) {
				if !strings.Contains(got, line) {
					t.Errorf("%q is not in:\n%s", line, got)
				}
			}
			if strings.Contains(got, "s3cret") {
				t.Errorf("the password is shown:\n%s", got)
			}
		})
	}
}

func setFlags(t *testing.T, in *config.Input, text string) {
	t.Helper()
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		switch name {
		case "config":
			in.Flags.ConfigPath = value
		case "name":
			in.Flags.Environment = value
		case "dir":
			in.Flags.Dir = value
		case "url":
			in.Flags.URL = value
		case "schema":
			in.Flags.Schema = value
		case "embedded":
			on := value == "true"
			in.Flags.Embedded = &on
		case "workdir":
			in.WorkDir = filepath.Join(in.WorkDir, value)
		default:
			t.Fatalf("unknown flag %q", name)
		}
	}
}

func describe(in config.Input) string {
	c, err := config.Load(in)
	if err != nil {
		return describeError(err)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "path %s\nroot %s\nschema %s\nversion_table %s.%s\nhistory %q\n", c.Path, c.Root, c.Schema, c.VersionTableSchema, c.VersionTable, c.HistoryTable)
	fmt.Fprintf(&b, "dirs %s\ntemplate %s\nfile_template %q\nslug_length %d\ntimezone %s\nrecursive %v\n", strings.Join(c.Migrations.Dirs, " "),
		c.Migrations.Template, c.Migrations.FileTemplate, c.Migrations.SlugLength, c.Migrations.Timezone, c.Migrations.Recursive)
	fmt.Fprintf(&b, "lock_timeout %s\nstatement_timeout %s\nlock_wait %s\ntransaction %s\nembedded %v\neditor %q\nno_color %v\n",
		c.Run.LockTimeout, c.Run.StatementTimeout, c.Run.LockWait, c.Run.Transaction, c.Embedded, c.Editor, c.NoColor)
	d, err := c.Database()
	if err != nil {
		return b.String() + describeError(err)
	}
	fmt.Fprintf(&b, "database %s@%s:%d/%s password %d bytes\ntimeout %s\napplication %s\n", d.User, d.Host, d.Port, d.Database, len(d.Password),
		d.ConnectTimeout.Round(time.Second), d.RuntimeParams["application_name"])
	if _, ok := d.RuntimeParams["search_path"]; ok {
		b.WriteString("search_path is set\n")
	}
	return b.String()
}

// describeError shows joined errors one by one.
func describeError(err error) string {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var b strings.Builder
		for _, one := range joined.Unwrap() {
			b.WriteString(describeError(one))
		}
		return b.String()
	}
	var e *config.Error
	if !errors.As(err, &e) {
		return "NOT A CONFIGURATION ERROR: " + err.Error() + "\n"
	}
	text := "error: " + e.Message + "\n"
	if e.Hint != "" {
		text += "hint: " + strings.ReplaceAll(e.Hint, "\n", "\nhint: ") + "\n"
	}
	return text
}

// TestProcessEnvironment has pgx's own look at the environment go nowhere: what
// counts is the Input, which is how a library's user and the tests know what
// they get.
func TestProcessEnvironment(t *testing.T) {
	for _, name := range []string{"PGHOST", "PGDATABASE", "PGUSER", "PGPASSWORD", "PGPASSFILE", "PGAPPNAME", "PGOPTIONS", "PGTZ", "PGSSLROOTCERT"} {
		t.Setenv(name, "/nowhere")
	}
	t.Setenv("PGPORT", "1")
	t.Setenv("PGSSLMODE", "verify-full")
	t.Setenv("PGCONNECT_TIMEOUT", "99")
	t.Setenv("PGTARGETSESSIONATTRS", "read-write")
	c, err := config.Load(config.Input{WorkDir: t.TempDir(), Environ: []string{"DATABASE_URL=postgres://u@h/d"}})
	if err != nil {
		t.Fatal(err)
	}
	d, err := c.Database()
	if err != nil {
		t.Fatal(err)
	}
	if d.Host != "h" || d.User != "u" || d.Database != "d" || d.Port != 5432 || d.Password != "" || d.ConnectTimeout != 10*time.Second {
		t.Errorf("%s@%s:%d/%s, password %q, timeout %s", d.User, d.Host, d.Port, d.Database, d.Password, d.ConnectTimeout)
	}
	if len(d.RuntimeParams) != 1 || d.RuntimeParams["application_name"] != "aludel" || d.ValidateConnect != nil || len(d.Fallbacks) != 1 {
		t.Errorf("parameters %v, validated %v, %d fallbacks", d.RuntimeParams, d.ValidateConnect != nil, len(d.Fallbacks))
	}
}
