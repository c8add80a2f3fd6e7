package config

import (
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// Flags are what the command line says; zero is not given.
type Flags struct {
	ConfigPath  string // -c: the file, or the folder that holds it
	Environment string // -n
	Dir         string // --dir: in place of migrations.dir
	URL         string // --database-url
	Schema      string // --schema
	ShadowURL   string // --shadow-url
	Embedded    *bool  // --embedded
	// In place of run.lock_timeout, run.statement_timeout, run.lock_wait and
	// safety.max_stall.
	LockTimeout, StatementTimeout, LockWait, MaxStall *time.Duration
	Transaction                                       string // in place of run.transaction
	Redact                                            bool   // has safety.redact be true
}

// An Input is all that the configuration is made from, the files apart.
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
	// Environment is the chosen [environments.NAME]; empty where none is.
	Environment string

	// Schema is where migrations work. SchemaPinned tells that the file names
	// it, and so nothing else may name another.
	Schema             string
	SchemaPinned       bool
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
		Hooks        [][]string // commands for a new file, {file} in their arguments
		Runner       []string   // the project's own command line, in Go; nil: none
	}

	Run struct {
		LockTimeout      time.Duration // 0 is none
		StatementTimeout time.Duration // 0 is none
		LockWait         time.Duration // 0 is none
		TransactionLimit time.Duration // 0 is none
		IdleTimeout      time.Duration // 0 is none
		Role             string        // empty: that of the connection

		BeforeEach, AfterEach string // SQL
		Transaction           string // "each" or "all"
	}

	// MaxStall is how long others may wait because of a migration; 0 is no bound.
	MaxStall time.Duration
	// Redact leaves out the queries of those that a migration waits for.
	Redact bool

	Models       Models
	Autogenerate Autogenerate

	// Embedded asks for the embedded server; Database is not to be asked then.
	Embedded bool
	// HandedOver tells that another aludel has started this program as
	// migrations.runner (ALUDEL_HANDED_OVER).
	HandedOver bool

	// PostgresBin is a folder with the server's programs (ALUDEL_POSTGRES_BIN),
	// SearchPath is PATH.
	PostgresBin, SearchPath string
	// CacheDir and TempDir are the user's; empty where unknown.
	CacheDir, TempDir string
	// Editor is EDITOR, or else VISUAL.
	Editor string
	// NoColor tells that NO_COLOR is set, and not empty.
	NoColor bool
	// UTF8 tells that the locale's characters are Unicode's.
	UTF8 bool

	input *Input
	env   environment
	// base is the file, overlay its chosen environment, nil where there is
	// none, and settings the one laid over the other.
	base, overlay, settings *settings
}

// Load reads file and environment and checks them. It doesn't ask for a
// database: see [Config.Database]. Every error is an [*Error], or several
// joined.
func Load(in Input) (*Config, error) {
	env := newEnvironment(in.Environ)
	path, err := in.find(env)
	if err != nil {
		return nil, err
	}
	c := &Config{Path: path, Root: in.WorkDir, input: &in, env: env, base: &settings{}}
	c.Environment = first(in.Flags.Environment, env.value("ALUDEL_ENV"))
	switch {
	case path != "":
		c.Root = filepath.Dir(path)
		if c.base, c.overlay, err = readFile(path, in.shown(path), c.Environment); err != nil {
			return nil, err
		}
	case c.Environment != "":
		return nil, errorf("environment %q is asked for, but there is no %s", c.Environment, FileName)
	}
	c.settings = c.base.with(c.overlay)
	if f := or(c.settings.EnvFile, ""); f != "" {
		if err := env.addFile(c.relative(f), in.shown(c.relative(f))); err != nil {
			return nil, err
		}
	}
	for _, step := range []func() error{c.loadSchema, c.loadTables, c.loadMigrations, c.loadRun, c.loadModels, c.loadEmbedded} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	c.loadSurroundings()
	return c, nil
}

// relative is a path of the file, which counts from the file.
func (c *Config) relative(path string) string {
	path = filepath.FromSlash(path)
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(c.Root, path)
}

func first(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}

// or is what a key sets, or else the default.
func or[T any](p *T, otherwise T) T {
	if p == nil {
		return otherwise
	}
	return *p
}

// loadSchema: a schema in the file pins it. Migrations must never land in
// another one because a variable says so.
func (c *Config) loadSchema() error {
	asked, source := c.input.Flags.Schema, "--schema"
	if asked == "" {
		asked, source = c.env.value("POSTGRES_SCHEMA"), c.env.label("POSTGRES_SCHEMA")
	}
	if asked != "" {
		if err := checkSchema(asked); err != nil {
			return errorf("%s is %v", source, err)
		}
	}
	c.Schema = first(asked, "public")
	if s := c.settings.Schema; s != nil {
		c.Schema, c.SchemaPinned = s.text, true
		if asked != "" && asked != c.Schema {
			return errorf("%s is %q, but %s pins the schema %q", source, asked, c.shown(), c.Schema).
				hint("unset %s, or change the line schema = %q", source, c.Schema)
		}
	}
	return nil
}

func (c *Config) loadTables() error {
	s := c.settings
	c.VersionTable = or(s.VersionTable, name{"alembic_version"}).text
	c.VersionTableSchema = or(s.VersionTableSchema, schemaName{c.Schema}).text
	c.HistoryTable = or(s.HistoryTable, name{}).text
	if c.HistoryTable == c.VersionTable {
		return errorf("%s: version_table and history_table are both %q", c.shown(), c.VersionTable)
	}
	return nil
}

func (c *Config) loadMigrations() error {
	m, f := &c.Migrations, &c.settings.Migrations
	dirs := []string{"migrations/versions"}
	switch {
	case f.Dir != nil && f.Dirs != nil:
		return errorf("%s: migrations.dir and migrations.dirs are both set", c.shown()).hint("one of them is enough")
	case f.Dir != nil:
		dirs = []string{*f.Dir}
	case f.Dirs != nil:
		dirs = f.Dirs
	}
	for _, dir := range dirs {
		if dir == "" {
			return errorf("%s: migrations.dir is empty", c.shown()).hint("the folder of the file itself is \".\"")
		}
		m.Dirs = append(m.Dirs, c.relative(dir))
	}
	if len(dirs) == 0 {
		return errorf("%s: migrations.dirs is empty", c.shown())
	}
	m.Template = filepath.Join(filepath.Dir(m.Dirs[0]), "script.sql.tmpl")
	if f.Template != nil {
		m.Template = c.relative(*f.Template)
	}
	if dir := c.input.Flags.Dir; dir != "" {
		m.Dirs = []string{c.input.absolute(dir)}
	}
	m.Recursive, m.FileTemplate, m.SlugLength = or(f.Recursive, false), or(f.FileTemplate, ""), or(f.SlugLength, 0)
	if f.SlugLength != nil && m.SlugLength < 1 {
		return errorf("%s: migrations.slug_length is %d, and wants at least 1", c.shown(), m.SlugLength)
	}
	for i, h := range f.Hooks {
		if len(h) == 0 || h[0] == "" {
			return errorf("%s: migrations.hooks: number %d is empty", c.shown(), i+1).hint(`write a command as ["program", "argument", "{file}"]`)
		}
		m.Hooks = append(m.Hooks, h)
	}
	if m.Runner = f.Runner; f.Runner != nil && (len(f.Runner) == 0 || f.Runner[0] == "") {
		return errorf("%s: migrations.runner is empty", c.shown()).hint(`write a command as ["go", "run", "./cmd/migrate"]`)
	}
	m.Timezone = or(f.Timezone, location{time.UTC}).Location
	return nil
}

func (c *Config) loadRun() error {
	r, f, flags := &c.Run, &c.settings.Run, &c.input.Flags
	r.Transaction = or(f.Transaction, transaction{"each"}).text
	if flags.Transaction != "" {
		var t transaction
		if err := t.UnmarshalText([]byte(flags.Transaction)); err != nil {
			return errorf("--transaction: %v", err)
		}
		r.Transaction = t.text
	}
	r.Role, r.BeforeEach, r.AfterEach = or(f.Role, ""), or(f.BeforeEach, ""), or(f.AfterEach, "")
	c.Redact = flags.Redact || or(c.settings.Safety.Redact, false)
	for _, d := range []struct {
		field  *time.Duration
		name   string
		flag   *time.Duration
		key    *duration
		preset time.Duration
	}{
		{&r.LockTimeout, "--lock-timeout", flags.LockTimeout, f.LockTimeout, 2 * time.Second},
		{&r.StatementTimeout, "--statement-timeout", flags.StatementTimeout, f.StatementTimeout, 0},
		{&r.LockWait, "--lock-wait", flags.LockWait, f.LockWait, 10 * time.Minute},
		{&r.TransactionLimit, "run.transaction_timeout", nil, f.TransactionLimit, 0},
		{&r.IdleTimeout, "run.idle_in_transaction_session_timeout", nil, f.IdleTimeout, 0},
		{&c.MaxStall, "--max-stall", flags.MaxStall, c.settings.Safety.MaxStall, 300 * time.Millisecond},
	} {
		*d.field = or(d.flag, time.Duration(or(d.key, duration(d.preset))))
		if err := checkDuration(*d.field); err != nil {
			return errorf("%s is %v", d.name, err)
		}
	}
	return nil
}

// loadSurroundings takes what other parts need of the environment.
func (c *Config) loadSurroundings() {
	c.HandedOver = c.env.value("ALUDEL_HANDED_OVER") != ""
	c.PostgresBin, c.SearchPath = c.env.value("ALUDEL_POSTGRES_BIN"), c.env.value("PATH")
	if c.PostgresBin != "" {
		c.PostgresBin = c.input.absolute(c.PostgresBin)
	}
	c.TempDir = c.env.value("TMPDIR")
	c.CacheDir = c.home(".cache")
	if runtime.GOOS == "darwin" {
		c.CacheDir = c.home("Library", "Caches")
	}
	// The XDG rules have a relative path ignored.
	if dir := c.env.value("XDG_CACHE_HOME"); filepath.IsAbs(dir) {
		c.CacheDir = dir
	}
	c.Editor = first(c.env.value("EDITOR"), c.env.value("VISUAL"))
	locale := strings.ToLower(first(c.env.value("LC_ALL"), c.env.value("LC_CTYPE"), c.env.value("LANG")))
	c.UTF8 = strings.Contains(locale, "utf-8") || strings.Contains(locale, "utf8")
	c.NoColor = c.env.value("NO_COLOR") != ""
}
