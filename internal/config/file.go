package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/pelletier/go-toml/v2"

	"github.com/aludel-db/aludel/internal/suggest"
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
	Schema             *string `toml:"schema"`
	VersionTable       *string `toml:"version_table"`
	VersionTableSchema *string `toml:"version_table_schema"`
	HistoryTable       *string `toml:"history_table"`
	Embedded           *bool   `toml:"embedded"`
	EnvFile            *string `toml:"env_file"`

	Migrations *struct {
		Dir          *string  `toml:"dir"`
		Dirs         []string `toml:"dirs"`
		Recursive    *bool    `toml:"recursive"`
		Template     *string  `toml:"template"`
		FileTemplate *string  `toml:"file_template"`
		SlugLength   *int     `toml:"slug_length"`
		Timezone     *string  `toml:"timezone"`
	} `toml:"migrations"`

	Database *struct {
		URL          *string `toml:"url"`
		Host         *string `toml:"host"`
		Port         *int    `toml:"port"`
		User         *string `toml:"user"`
		Name         *string `toml:"name"`
		PasswordFile *string `toml:"password_file"`
		SSLMode      *string `toml:"sslmode"`
		SSLRootCert  *string `toml:"sslrootcert"`
		Service      *string `toml:"service"`
	} `toml:"database"`

	Run *struct {
		LockTimeout      *duration `toml:"lock_timeout"`
		StatementTimeout *duration `toml:"statement_timeout"`
		LockWait         *duration `toml:"lock_wait"`
		Transaction      *string   `toml:"transaction"`
	} `toml:"run"`
}

// A duration is written as in Go: "500ms", "2s", "10m".
type duration time.Duration

// UnmarshalText reads a duration that is not negative.
func (d *duration) UnmarshalText(text []byte) error {
	value, err := time.ParseDuration(string(text))
	if err != nil || value < 0 {
		return fmt.Errorf("%q is not a duration; write it as 500ms, 2s or 10m", text)
	}
	*d = duration(value)
	return nil
}

// MarshalText writes what UnmarshalText reads.
func (d duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// find answers the path of the configuration file, empty where there is none.
func (in *Input) find(env environment) (string, error) {
	path, source := in.Flags.ConfigPath, "-c"
	if path == "" {
		path, source = env["ALUDEL_CONFIG"], "ALUDEL_CONFIG"
	}
	if path == "" {
		return searchUp(in.WorkDir), nil
	}
	path = in.absolute(path)
	info, err := os.Stat(path)
	if err == nil && info.IsDir() {
		path = filepath.Join(path, FileName)
		_, err = os.Stat(path)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return "", errorf("there is no configuration file %s, which %s names", path, source).
			hint("\"aludel -c %s init\" makes one", path)
	}
	if err != nil {
		return "", errorf("reading the configuration: %v", err)
	}
	return path, nil
}

// searchUp looks for the file from dir upwards.
func searchUp(dir string) string {
	for {
		path := filepath.Join(dir, FileName)
		if info, err := os.Stat(path); err == nil && !info.IsDir() {
			return path
		}
		above := filepath.Dir(dir)
		if above == dir {
			return ""
		}
		dir = above
	}
}

func (in *Input) absolute(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(in.WorkDir, path)
}

// readFile reads a configuration file and lays the environment over it.
func readFile(path, name string) (*settings, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, errorf("reading the configuration: %v", err)
	}
	var f file
	decoder := toml.NewDecoder(strings.NewReader(string(data)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&f); err != nil {
		return nil, fileError(path, err)
	}
	if name == "" {
		return &f.settings, nil
	}
	overlay, ok := f.Environments[name]
	if !ok {
		return nil, noEnvironment(path, name, f.Environments)
	}
	// What the environment sets goes over the rest, key by key.
	text, err := toml.Marshal(overlay)
	if err != nil {
		return nil, errorf("%s: environments.%s: %v", path, name, err)
	}
	if err := toml.Unmarshal(text, &f.settings); err != nil {
		return nil, errorf("%s: environments.%s: %v", path, name, err)
	}
	return &f.settings, nil
}

func noEnvironment(path, name string, known map[string]settings) error {
	var names []string
	for n := range known {
		names = append(names, n)
	}
	slices.Sort(names)
	e := errorf("%s has no [environments.%s]", path, name)
	if len(names) == 0 {
		return e.hint("it has no environments at all")
	}
	return e.hint("it has %s", strings.Join(names, ", "))
}

// fileError gives line and column to what go-toml says, and names the key
// that was meant.
func fileError(path string, err error) error {
	var unknown *toml.StrictMissingError
	if errors.As(err, &unknown) {
		e := &Error{}
		for i := range unknown.Errors {
			one := &unknown.Errors[i]
			row, column := one.Position()
			if e.Message != "" {
				e.Message += "\n"
			}
			e.Message += fmt.Sprintf("%s:%d:%d: unknown key %q", path, row, column, strings.Join(one.Key(), "."))
			if hint := keyHint(one.Key()); hint != "" {
				e.hint("%s", hint)
			}
		}
		return e
	}
	var decode *toml.DecodeError
	if errors.As(err, &decode) {
		row, column := decode.Position()
		text := strings.TrimPrefix(decode.Error(), "toml: ")
		return errorf("%s:%d:%d: %s", path, row, column, wrongType.ReplaceAllString(text, "expected a value of type $2, found a $1"))
	}
	return errorf("%s: %v", path, err)
}

// wrongType is how go-toml says that a value doesn't fit; it names Go's fields,
// which nobody knows.
var wrongType = regexp.MustCompile(`cannot decode TOML (\w+) into .* of type (\S+)`)

func keyHint(key []string) string {
	prefix := ""
	if len(key) > 2 && key[0] == "environments" {
		prefix, key = strings.Join(key[:2], ".")+".", key[2:]
	}
	name := strings.Join(key, ".")
	if name == "database.password" {
		return "a password doesn't belong into a file that is shared: set POSTGRES_PASSWORD or POSTGRES_PASSWORD_FILE, or use .pgpass"
	}
	keys := keysOf(reflect.TypeFor[settings](), "")
	if near := suggest.Closest(name, keys); near != "" {
		return fmt.Sprintf("did you mean %q?", prefix+near)
	}
	last := key[len(key)-1]
	for _, k := range keys { // the right key in the wrong table
		if k == last || strings.HasSuffix(k, "."+last) {
			return fmt.Sprintf("did you mean %q?", prefix+k)
		}
	}
	return ""
}

// keysOf are the keys that a file may set, dotted.
func keysOf(t reflect.Type, prefix string) []string {
	var keys []string
	for i := range t.NumField() {
		field := t.Field(i)
		name := prefix + field.Tag.Get("toml")
		if field.Type.Kind() == reflect.Pointer && field.Type.Elem().Kind() == reflect.Struct {
			keys = append(keys, name)
			keys = append(keys, keysOf(field.Type.Elem(), name+".")...)
		} else {
			keys = append(keys, name)
		}
	}
	return keys
}
