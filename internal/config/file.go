package config

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
)

// FileName is what the configuration is called.
const FileName = "aludel.toml"

// A file is aludel.toml.
type file struct {
	settings
	Environments map[string]settings `toml:"environments"`
}

// settings are what a file, or an environment of it, sets; nil is not set.
type settings struct {
	Schema             *schemaName `toml:"schema"`
	VersionTable       *name       `toml:"version_table"`
	VersionTableSchema *schemaName `toml:"version_table_schema"`
	HistoryTable       *name       `toml:"history_table"`
	Embedded           *bool       `toml:"embedded"`
	EnvFile            *string     `toml:"env_file"`

	Migrations migrationsTable `toml:"migrations"`
	Database   databaseTable   `toml:"database"`
	Run        runTable        `toml:"run"`

	Models       modelsTable       `toml:"models"`
	Shadow       shadowTable       `toml:"shadow"`
	Autogenerate autogenerateTable `toml:"autogenerate"`
	Naming       namingTable       `toml:"naming"`
	Safety       safetyTable       `toml:"safety"`
}

type migrationsTable struct {
	Dir          *string   `toml:"dir"`
	Dirs         []string  `toml:"dirs"`
	Recursive    *bool     `toml:"recursive"`
	Template     *string   `toml:"template"`
	FileTemplate *string   `toml:"file_template"`
	SlugLength   *int      `toml:"slug_length"`
	Timezone     *location `toml:"timezone"`
	Hooks        []hook    `toml:"hooks"`
	Runner       []string  `toml:"runner"`
}

type databaseTable struct {
	URL          *databaseURL `toml:"url"`
	Host         *string      `toml:"host"`
	Port         *int         `toml:"port"`
	User         *string      `toml:"user"`
	Name         *string      `toml:"name"`
	PasswordFile *string      `toml:"password_file"`
	SSLMode      *string      `toml:"sslmode"`
	SSLRootCert  *string      `toml:"sslrootcert"`
	Service      *string      `toml:"service"`
}

type runTable struct {
	LockTimeout      *duration    `toml:"lock_timeout"`
	StatementTimeout *duration    `toml:"statement_timeout"`
	LockWait         *duration    `toml:"lock_wait"`
	TransactionLimit *duration    `toml:"transaction_timeout"`
	IdleTimeout      *duration    `toml:"idle_in_transaction_session_timeout"`
	Role             *string      `toml:"role"`
	BeforeEach       *string      `toml:"before_each"`
	AfterEach        *string      `toml:"after_each"`
	Transaction      *transaction `toml:"transaction"`
}

type safetyTable struct {
	MaxStall *duration `toml:"max_stall"`
	Redact   *bool     `toml:"redact"`
}

// with lays an environment over the file, key by key. The database is not
// taken from the outcome: there, the two are sources of different rank.
func (s *settings) with(overlay *settings) *settings {
	if overlay == nil {
		return s
	}
	merged := *s
	if overlay.Migrations.Dir != nil || overlay.Migrations.Dirs != nil { // two names of one thing
		merged.Migrations.Dir, merged.Migrations.Dirs = nil, nil
	}
	lay(reflect.ValueOf(&merged).Elem(), reflect.ValueOf(overlay).Elem())
	return &merged
}

func lay(under, over reflect.Value) {
	for i := range over.NumField() {
		switch field := over.Field(i); {
		case field.Kind() == reflect.Struct:
			lay(under.Field(i), field)
		case !field.IsNil():
			under.Field(i).Set(field)
		}
	}
}

// find answers the path of the configuration file, empty where there is none.
func (in *Input) find(env environment) (string, error) {
	path, source := in.Flags.ConfigPath, "-c"
	if path == "" {
		path, source = env.value("ALUDEL_CONFIG"), "ALUDEL_CONFIG"
	}
	if path == "" {
		return searchUp(in.WorkDir)
	}
	path = in.absolute(path)
	info, err := os.Stat(path)
	if err == nil && info.IsDir() {
		path = filepath.Join(path, FileName)
		_, err = os.Stat(path)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return "", errorf("there is no configuration file %s, which %s names", in.shown(path), source).
			hint("\"aludel -c %s init\" makes one", in.shown(path))
	}
	if err != nil {
		return "", errorf("reading the configuration: %v", err)
	}
	return path, nil
}

// searchUp looks for the file from dir upwards. One that can't be looked at is
// an error, since going on without it would use other settings.
func searchUp(dir string) (string, error) {
	for {
		path := filepath.Join(dir, FileName)
		info, err := os.Stat(path)
		switch {
		case err == nil && !info.IsDir():
			return path, nil
		case err != nil && !errors.Is(err, fs.ErrNotExist):
			return "", errorf("looking for the configuration: %v", err).hint("name the file with -c or ALUDEL_CONFIG")
		}
		above := filepath.Dir(dir)
		if above == dir {
			return "", nil
		}
		dir = above
	}
}

func (in *Input) absolute(path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(in.WorkDir, path)
}

// shown is a path as people would write it in the working folder.
func (in *Input) shown(path string) string {
	rel, err := filepath.Rel(in.WorkDir, path)
	if err != nil || rel == ".." || strings.HasPrefix(rel, ".."+string(filepath.Separator)) {
		return path
	}
	return rel
}

func (c *Config) shown() string { return c.input.shown(c.Path) }

// fileLabel names a key in messages, with the environment that sets it.
func (c *Config) fileLabel(s *settings, key string) string {
	if s == c.overlay {
		key = "environments." + c.Environment + "." + key
	}
	return c.shown() + ": " + key
}

// readFile reads a configuration file and one of its environments, nil where
// no name is given.
func readFile(path, shown, name string) (base, overlay *settings, err error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, errorf("reading the configuration: %v", err)
	}
	f, err := parseFile(shown, data)
	if err != nil || name == "" {
		return &f.settings, nil, err
	}
	s, ok := f.Environments[name]
	if !ok {
		e := errorf("%s has no [environments.%s]", shown, name)
		if len(f.Environments) == 0 {
			return nil, nil, e.hint("it has no environments at all")
		}
		return nil, nil, e.hint("it has %s", strings.Join(slices.Sorted(maps.Keys(f.Environments)), ", "))
	}
	return &f.settings, &s, nil
}
