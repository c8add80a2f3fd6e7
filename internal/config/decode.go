package config

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"unicode/utf8"

	"github.com/pelletier/go-toml/v2"

	"github.com/aludel-db/aludel/internal/suggest"
)

// parseFile reads aludel.toml strictly. All unknown keys are reported at once.
func parseFile(shown string, data []byte) (*file, error) {
	f := &file{}
	decoder := toml.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	err := decoder.Decode(f)
	var unknown *toml.StrictMissingError
	var decode *toml.DecodeError
	switch {
	case err == nil:
	case errors.As(err, &unknown):
		all := make([]error, len(unknown.Errors))
		for i := range unknown.Errors {
			all[i] = unknownKey(position(shown, data, &unknown.Errors[i]), unknown.Errors[i].Key())
		}
		return f, errors.Join(all...)
	case errors.As(err, &decode):
		return f, errorf("%s: %s", position(shown, data, decode), wrongValue(decode))
	default:
		return f, errorf("%s: %v", shown, err)
	}
	return f, nil
}

// position is path:line:column. go-toml counts columns in bytes, editors in
// characters.
func position(shown string, data []byte, e *toml.DecodeError) string {
	row, column := e.Position()
	lines := bytes.SplitN(data, []byte("\n"), row+1)
	if row >= 1 && row <= len(lines) {
		line := lines[row-1]
		column = utf8.RuneCount(line[:min(max(column-1, 0), len(line))]) + 1
	}
	return fmt.Sprintf("%s:%d:%d", shown, row, column)
}

// wrongValue says in words of the file what go-toml says in those of Go.
func wrongValue(e *toml.DecodeError) string {
	text := strings.TrimPrefix(e.Error(), "toml: ")
	key := strings.Join(e.Key(), ".")
	_, rest := withinEnvironment(e.Key())
	name := strings.Join(rest, ".")
	for _, k := range fileKeys() {
		if k.name == name && strings.HasPrefix(text, "cannot decode TOML") {
			return key + " wants " + wanted(k.of)
		}
	}
	if key == "" {
		return text
	}
	return key + ": " + text
}

// wanted describes the values of a key.
func wanted(t reflect.Type) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case t == reflect.TypeFor[duration]():
		return `a duration in quotes, such as "2s"`
	case t == reflect.TypeFor[location]():
		return "the name of a time zone in quotes"
	case t.Kind() == reflect.Bool:
		return "true or false"
	case t.Kind() == reflect.Int:
		return "a whole number"
	case t == reflect.TypeFor[[]hook]():
		return `a list of commands, each one a list of texts: [["program", "{file}"]]`
	case t.Kind() == reflect.Slice:
		return "a list of texts in quotes"
	case t.Kind() == reflect.Struct, t.Kind() == reflect.Map:
		return "a table"
	}
	return "a text in quotes"
}

// unknownKey names the key that was meant.
func unknownKey(where string, key []string) *Error {
	e := errorf("%s: unknown key %q", where, strings.Join(key, "."))
	prefix, key := withinEnvironment(key)
	if strings.Join(key, ".") == "database.password" {
		return e.hint("%s", passwordAdvice)
	}
	if near := nearKey(key); near != "" {
		e.Message += fmt.Sprintf("; did you mean %q?", prefix+near)
	}
	return e
}

// nearKey is the key that is spelled alike, or else the right key in the wrong
// table.
func nearKey(key []string) string {
	if len(key) == 0 {
		return ""
	}
	var names []string
	for _, k := range fileKeys() {
		names = append(names, k.name)
	}
	if near := suggest.Closest(strings.Join(key, "."), names); near != "" {
		return near
	}
	last := key[len(key)-1]
	for _, name := range names {
		if name == last || strings.HasSuffix(name, "."+last) {
			return name
		}
	}
	return ""
}

// withinEnvironment takes environments.NAME off.
func withinEnvironment(key []string) (prefix string, rest []string) {
	if len(key) > 2 && key[0] == "environments" {
		return strings.Join(key[:2], ".") + ".", key[2:]
	}
	return "", key
}

// A fileKey is a key that a file may set, dotted, and what it holds.
type fileKey struct {
	name string
	of   reflect.Type
}

func fileKeys() []fileKey {
	keys := keysOf(reflect.TypeFor[settings](), "")
	return append(keys, fileKey{"environments", reflect.TypeFor[map[string]settings]()})
}

func keysOf(t reflect.Type, prefix string) []fileKey {
	var keys []fileKey
	for field := range t.Fields() {
		key := fileKey{prefix + field.Tag.Get("toml"), field.Type}
		keys = append(keys, key)
		if field.Type.Kind() == reflect.Struct {
			keys = append(keys, keysOf(field.Type, key.name+".")...)
		}
	}
	return keys
}
