package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// service reads a section of libpq's connection service file: that of the user
// first, then that of the system. It answers the file that has it, too.
//
// pgx can read it as well, but doesn't tell what is in it, and so not whether
// it contradicts a variable.
func (c *Config) service(asked param, file string) (params, string, error) {
	files := []string{first(file, c.env.value("PGSERVICEFILE"), c.home(".pg_service.conf"))}
	if dir := c.env.value("PGSYSCONFDIR"); dir != "" {
		files = append(files, filepath.Join(dir, "pg_service.conf"))
	}
	for _, path := range files {
		if path == "" {
			continue
		}
		path = c.input.absolute(path)
		data, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, "", errorf("reading the service file: %v", err)
		}
		p, err := parseService(path, string(data), asked.value)
		if p != nil || err != nil {
			return p, path, err
		}
	}
	return nil, "", errorf("%s names the service %q, which no service file has", asked.from, asked.value).
		hint("looked in %s", strings.Join(files, " and "))
}

// parseService answers nil where the file has no such section.
func parseService(path, text, name string) (params, error) {
	var p params
	inside, number := false, 0
	for line := range strings.Lines(text) {
		number++
		line = strings.TrimSpace(line)
		switch {
		case line == "" || line[0] == '#':
		case line[0] == '[' && line[len(line)-1] == ']':
			if inside { // as in libpq, the first section of a name counts
				return p, nil
			}
			if inside = line[1:len(line)-1] == name; inside {
				p = params{}
			}
		case inside:
			key, value, found := strings.Cut(line, "=")
			if key = strings.TrimSpace(key); !found || !isKeyword(key) {
				return nil, errorf("%s:%d: expected keyword=value", path, number)
			}
			if key == "service" {
				return nil, errorf("%s:%d: a service can't name another", path, number)
			}
			if key == "database" {
				key = "dbname"
			}
			if value = strings.TrimSpace(value); value != "" {
				p[key] = param{value, "service \"" + name + "\""}
			}
		}
	}
	return p, nil
}

// home is a file in the user's home; empty where the environment names none.
func (c *Config) home(elements ...string) string {
	home := c.env.value("HOME")
	if home == "" {
		return ""
	}
	return filepath.Join(append([]string{home}, elements...)...)
}
