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

func describeError(err error) string {
	var e *config.Error
	if !errors.As(err, &e) {
		return "NOT A CONFIGURATION ERROR: " + err.Error() + "\n"
	}
	return "error: " + e.Message + "\nhint: " + strings.ReplaceAll(e.Hint, "\n", "\nhint: ") + "\n"
}

// TestPasswordIsNeverShown tries connection strings that can't be read.
func TestPasswordIsNeverShown(t *testing.T) {
	t.Parallel()
	const secret = "s3cret"
	for _, url := range []string{
		"postgres://u:" + secret + "#x@host:5432/db", "postgres://u:" + secret + "/y@host/db", "postgres://u:%zz" + secret + "@host/db",
		"postgres://u:" + secret + "@host:port/db", "postgres://u:" + secret + "@ho st/db", "postgres://u:" + secret + "@host/db?sslmode=maybe",
		"postgres://u:" + secret + "@[::1/db", "host=h password=" + secret + " port=x", "password='" + secret, "mysql://u:" + secret + "@h/d", secret,
		"postgres://u:a:" + secret + "@h:1:2/d", "postgres://" + secret + "@@h/db?%zz",
	} {
		for _, in := range []config.Input{
			{Flags: config.Flags{URL: url}, WorkDir: t.TempDir()},
			{Environ: []string{"DATABASE_URL=" + url}, WorkDir: t.TempDir()},
			{Environ: []string{"DATABASE_URL=" + url, "POSTGRES_PASSWORD=other", "POSTGRES_SERVER=x"}, WorkDir: t.TempDir()},
		} {
			if got := describe(in); strings.Contains(got, secret) && !strings.Contains(got, "database ") {
				t.Errorf("%q:\n%s", url, got)
			}
		}
	}
}

func FuzzEnvFile(f *testing.F) {
	f.Add("A=1\nexport B='x y' # c\nC=\"a\\n\\\"\"\n# d\n")
	f.Fuzz(func(t *testing.T, text string) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, ".env"), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "aludel.toml"), []byte("env_file = \".env\"\n"), 0o666); err != nil {
			t.Fatal(err)
		}
		_, err := config.Load(config.Input{WorkDir: dir})
		var e *config.Error
		if err != nil && !errors.As(err, &e) {
			t.Errorf("%q: %v", text, err)
		}
	})
}
