package config

import (
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Flags are what the command line says; zero is not given.
type Flags struct {
	ConfigPath  string // -c
	Environment string // -n
	Dir         string // --dir: in place of migrations.dir
	URL         string // --database-url
	Schema      string // --schema
	Embedded    *bool  // --embedded
}

// An Input is all that the configuration is made from.
type Input struct {
	Flags   Flags
	Environ []string // as os.Environ
	WorkDir string   // absolute
}

// A Config is the outcome.
type Config struct {
	// Path is the aludel.toml that was read; empty where there is none.
	Path string
	// Root is the folder of that file, or else the working folder.
	Root string

	Schema             string
	VersionTable       string
	VersionTableSchema string
	HistoryTable       string // empty: the library's default

	Migrations struct {
		Dirs         []string // absolute, at least one
		Recursive    bool
		Template     string // path of the template of new files; it need not exist
		FileTemplate string // empty: the library's default
		SlugLength   int    // 0: the library's default
		Timezone     *time.Location
	}

	Run struct {
		LockTimeout      time.Duration // 0 is none
		StatementTimeout time.Duration // 0 is none
		LockWait         time.Duration // 0 is none
		Transaction      string        // "each" or "all"
	}

	// Embedded asks for the embedded server.
	Embedded bool
	// PostgresBin is a folder with the server's programs (ALUDEL_POSTGRES_BIN),
	// SearchPath is PATH.
	PostgresBin, SearchPath string
	// CacheDir and TempDir are the user's; empty where unknown.
	CacheDir, TempDir string
	// Editor is EDITOR, or else VISUAL.
	Editor  string
	NoColor bool

	input    *Input
	env      environment
	settings *settings
}

// Load reads file and environment and checks them. It doesn't ask for a
// database: see [Config.Database].
func Load(in Input) (*Config, error) {
	env := newEnvironment(in.Environ)
	path, err := in.find(env)
	if err != nil {
		return nil, err
	}
	c := &Config{Path: path, Root: in.WorkDir, input: &in, env: env, settings: &settings{}}
	name := first(in.Flags.Environment, env["ALUDEL_ENV"])
	switch {
	case path != "":
		c.Root = filepath.Dir(path)
		if c.settings, err = readFile(path, name); err != nil {
			return nil, err
		}
	case name != "":
		return nil, errorf("environment %q is asked for, but there is no %s", name, FileName)
	}
	if f := c.settings.EnvFile; f != nil {
		if err := env.addFile(c.relative(*f)); err != nil {
			return nil, err
		}
	}
	for _, step := range []func() error{c.loadSchema, c.loadMigrations, c.loadRun, c.loadEmbedded} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	c.loadSurroundings()
	return c, nil
}

// relative is a path of the file, which counts from the file.
func (c *Config) relative(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(c.Root, filepath.FromSlash(path))
}

func first(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}

func value[T any](p *T, otherwise T) T {
	if p == nil {
		return otherwise
	}
	return *p
}

// loadSchema: a schema in the file pins it. Migrations must never land in
// another one because a variable says so.
func (c *Config) loadSchema() error {
	s := c.settings
	asked, source := c.input.Flags.Schema, "--schema"
	if asked == "" {
		asked, source = c.env["POSTGRES_SCHEMA"], "POSTGRES_SCHEMA"
	}
	switch pinned := value(s.Schema, ""); {
	case s.Schema != nil && asked != "" && asked != pinned:
		return errorf("%s is %q, but %s pins the schema %q", source, asked, c.Path, pinned).
			hint("unset %s, or change the line schema = %q", source, pinned)
	case s.Schema != nil:
		c.Schema, source = pinned, c.Path+": schema"
	default:
		c.Schema = first(asked, "public")
	}
	if err := checkSchema(source, c.Schema); err != nil {
		return err
	}
	c.VersionTable = value(s.VersionTable, "alembic_version")
	c.VersionTableSchema = value(s.VersionTableSchema, c.Schema)
	c.HistoryTable = value(s.HistoryTable, "")
	for key, name := range map[string]string{
		"version_table": c.VersionTable, "version_table_schema": c.VersionTableSchema, "history_table": c.HistoryTable,
	} {
		if len(name) > maxName || name == "" && key != "history_table" {
			return errorf("%s: %s is %q: a name has 1 to %d bytes", c.Path, key, name, maxName)
		}
	}
	if c.HistoryTable != "" && c.HistoryTable == c.VersionTable {
		return errorf("%s: version_table and history_table are both %q", c.Path, c.VersionTable)
	}
	return nil
}

// maxName is how many bytes of a name PostgreSQL keeps.
const maxName = 63

func checkSchema(source, schema string) error {
	switch {
	case schema == "":
		return errorf("%s is empty", source)
	case len(schema) > maxName:
		return errorf("%s is %q, which is longer than %d bytes", source, schema, maxName)
	case strings.HasPrefix(schema, "pg_") || schema == "information_schema":
		return errorf("%s is %q, a schema of the system", source, schema)
	}
	return nil
}

func (c *Config) loadMigrations() error {
	m := &c.Migrations
	m.Timezone = time.UTC
	dirs := []string{"migrations/versions"}
	template := "migrations/script.sql.tmpl"
	if f := c.settings.Migrations; f != nil {
		if f.Dir != nil && f.Dirs != nil {
			return errorf("%s: migrations.dir and migrations.dirs are both set; one of them is enough", c.Path)
		}
		if f.Dir != nil {
			dirs = []string{*f.Dir}
		}
		if f.Dirs != nil {
			dirs = f.Dirs
		}
		if len(dirs) == 0 {
			return errorf("%s: migrations.dirs is empty", c.Path)
		}
		template = filepath.Join(filepath.Dir(dirs[0]), "script.sql.tmpl")
		template = value(f.Template, template)
		m.Recursive, m.FileTemplate, m.SlugLength = value(f.Recursive, false), value(f.FileTemplate, ""), value(f.SlugLength, 0)
		if m.SlugLength < 0 {
			return errorf("%s: migrations.slug_length is %d", c.Path, m.SlugLength)
		}
		if f.Timezone != nil {
			location, err := time.LoadLocation(*f.Timezone)
			if err != nil {
				return errorf("%s: Can't locate timezone: %s", c.Path, *f.Timezone).hint("write a name such as UTC or Europe/Paris")
			}
			m.Timezone = location
		}
	}
	m.Template = c.relative(template)
	if dir := c.input.Flags.Dir; dir != "" {
		m.Dirs = []string{c.input.absolute(dir)}
		return nil
	}
	for _, dir := range dirs {
		m.Dirs = append(m.Dirs, c.relative(dir))
	}
	return nil
}

func (c *Config) loadRun() error {
	r := &c.Run
	r.LockTimeout, r.LockWait, r.Transaction = 2*time.Second, 10*time.Minute, "each"
	if f := c.settings.Run; f != nil {
		r.LockTimeout = time.Duration(value(f.LockTimeout, duration(r.LockTimeout)))
		r.StatementTimeout = time.Duration(value(f.StatementTimeout, 0))
		r.LockWait = time.Duration(value(f.LockWait, duration(r.LockWait)))
		r.Transaction = value(f.Transaction, r.Transaction)
	}
	if r.Transaction != "each" && r.Transaction != "all" {
		return errorf("%s: run.transaction is %q", c.Path, r.Transaction).hint("write \"each\" (a transaction for each migration) or \"all\"")
	}
	return nil
}

// loadEmbedded: a flag decides; a variable that names a server contradicts the
// file or a variable that asks for the embedded one.
func (c *Config) loadEmbedded() error {
	if flag := c.input.Flags.Embedded; flag != nil {
		c.Embedded = *flag
		return nil
	}
	source := c.Path + ": embedded"
	c.Embedded = value(c.settings.Embedded, false)
	switch text := strings.ToLower(c.env["ALUDEL_EMBEDDED"]); text {
	case "":
	case "1", "true", "yes", "on":
		c.Embedded, source = true, "ALUDEL_EMBEDDED"
	case "0", "false", "no", "off":
		c.Embedded = false
	default:
		return errorf("ALUDEL_EMBEDDED is %q", text).hint("set it to 1 or 0")
	}
	for _, name := range []string{"DATABASE_URL", "POSTGRES_SERVER", "PGHOST", "PGSERVICE"} {
		if c.Embedded && c.env[name] != "" {
			return errorf("%s asks for the embedded PostgreSQL, but %s names a server", source, name).
				hint("unset one of them, or say --embedded or --embedded=false")
		}
	}
	if c.Embedded && c.input.Flags.URL != "" {
		c.Embedded = false
	}
	return nil
}

// loadSurroundings takes what other parts need of the environment.
func (c *Config) loadSurroundings() {
	c.PostgresBin, c.SearchPath = c.env["ALUDEL_POSTGRES_BIN"], c.env["PATH"]
	c.TempDir = c.env["TMPDIR"]
	c.CacheDir = c.env["XDG_CACHE_HOME"]
	if home := c.env["HOME"]; c.CacheDir == "" && home != "" {
		c.CacheDir = filepath.Join(home, ".cache")
	}
	if c.CacheDir == "" {
		c.CacheDir = os.TempDir()
	}
	c.Editor = first(c.env["EDITOR"], c.env["VISUAL"])
	c.NoColor = c.env["NO_COLOR"] != ""
}
