package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// An environment holds variables by name.
type environment map[string]variable

type variable struct {
	value string
	file  string // the .env file that it is from, if it is
}

func newEnvironment(environ []string) environment {
	env := make(environment, len(environ))
	for _, entry := range environ {
		if name, value, ok := strings.Cut(entry, "="); ok {
			env[name] = variable{value: value}
		}
	}
	return env
}

func (env environment) value(name string) string { return env[name].value }

// label names a variable in messages.
func (env environment) label(name string) string {
	if file := env[name].file; file != "" {
		return name + " (" + file + ")"
	}
	return name
}

// addFile adds the variables of a .env file that are not set; one that is set
// and empty stays so. A file that isn't there adds none: where the real
// environment says everything, it is not needed.
func (env environment) addFile(path, shown string) error {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return errorf("reading env_file: %v", err)
	}
	variables, err := parseEnv(shown, string(data))
	if err != nil {
		return err
	}
	for _, name := range []string{"ALUDEL_CONFIG", "ALUDEL_ENV"} {
		if _, ok := variables[name]; ok {
			return errorf("%s sets %s, which has no effect there: it says where to find that file", shown, name)
		}
	}
	for name, v := range variables {
		if _, set := env[name]; !set {
			env[name] = v
		}
	}
	return nil
}

// parseEnv reads lines KEY=VALUE, with "export " in front, quotes around the
// value and comments as shells have them. Nothing is expanded.
func parseEnv(path, text string) (environment, error) {
	env := environment{}
	number := 0
	for line := range strings.Lines(strings.TrimPrefix(text, "\ufeff")) {
		number++
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, value, ok := strings.Cut(strings.TrimSpace(strings.TrimPrefix(line, "export ")), "=")
		if name = strings.TrimSpace(name); !ok || !isName(name) {
			// The line is not shown: it may be half of a password.
			return nil, errorf("%s:%d: expected NAME=VALUE", path, number)
		}
		value, err := envValue(strings.TrimSpace(value))
		if err != nil {
			return nil, errorf("%s:%d: %s: %v", path, number, name, err)
		}
		env[name] = variable{value: value, file: path}
	}
	return env, nil
}

func isName(s string) bool {
	for i, c := range s {
		letter := c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return s != ""
}

// envValue takes the quotes off. In double quotes \n, \" and \\ are escapes; in
// single quotes nothing is; without quotes " #" starts a comment.
func envValue(s string) (string, error) {
	if s == "" || s[0] != '"' && s[0] != '\'' {
		if at := strings.Index(s, " #"); at >= 0 {
			s = strings.TrimSpace(s[:at])
		}
		return s, nil
	}
	quote := s[0]
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == quote:
			if rest := strings.TrimSpace(s[i+1:]); rest != "" && rest[0] != '#' {
				return "", fmt.Errorf("something stands behind the closing quote")
			}
			return b.String(), nil
		case c == '\\' && quote == '"' && i+1 < len(s):
			i++
			switch s[i] {
			case 'n':
				b.WriteByte('\n')
			case '"', '\\':
				b.WriteByte(s[i])
			default:
				b.WriteString(s[i-1 : i+1])
			}
		default:
			b.WriteByte(c)
		}
	}
	return "", fmt.Errorf("the quote is not closed")
}
