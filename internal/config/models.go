package config

import (
	"path/filepath"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/aludel-db/aludel"
)

type modelsTable struct {
	SQL        []string `toml:"sql"`
	Command    []string `toml:"command"`
	Commands   []hook   `toml:"commands"`
	SQLAlchemy []string `toml:"sqlalchemy"`
	Python     *string  `toml:"python"`
	Schemas    []string `toml:"schemas"`
	Include    []string `toml:"include"`
	Exclude    []string `toml:"exclude"`
	Owners     *bool    `toml:"owners"`
	Privileges *bool    `toml:"privileges"`
}

type shadowTable struct {
	URL      *databaseURL `toml:"url"`
	OnTarget *bool        `toml:"on_target"`
}

type autogenerateTable struct {
	Against *against `toml:"against"`
	Process []string `toml:"process"`
	Online  *bool    `toml:"online"`
}

type namingTable struct {
	PrimaryKey *indexNames   `toml:"primary_key"`
	Unique     *indexNames   `toml:"unique"`
	ForeignKey *foreignNames `toml:"foreign_key"`
	Check      *checkNames   `toml:"check"`
	Index      *indexNames   `toml:"index"`
	Exclude    *indexNames   `toml:"exclude"`
}

// Models say where the schema that is wanted comes from.
type Models struct {
	// SQL are files, folders and patterns, absolute.
	SQL []string
	// Commands print DDL.
	Commands [][]string
	// SQLAlchemy are arguments of the script that prints its models: module:attribute.
	SQLAlchemy []string
	// Python is the interpreter that has SQLAlchemy, a path or a name in PATH.
	Python string
	// Schemas are compared besides that of the configuration.
	Schemas          []string
	Include, Exclude []string
	// Owners and Privileges has them compared.
	Owners, Privileges bool
	// Naming are the names of what has none.
	Naming aludel.Naming
}

// None tells that nothing is configured.
func (m *Models) None() bool { return len(m.SQL)+len(m.Commands)+len(m.SQLAlchemy) == 0 }

// An Autogenerate says how revisions are written from models.
type Autogenerate struct {
	// Against is "database" or "migrations": what models are compared with.
	Against string
	// Online takes the forms that let others go on.
	Online bool
	// Process is a command that gets the changes as JSON and returns those to keep.
	Process []string
}

func (c *Config) loadModels() error {
	f, m := &c.settings.Models, &c.Models
	for _, path := range f.SQL {
		if path == "" {
			return errorf("%s: models.sql holds an empty path", c.shown()).hint("the folder of the file itself is \".\"")
		}
		m.SQL = append(m.SQL, c.relative(path))
	}
	commands := slices.Clone(f.Commands)
	if f.Command != nil {
		commands = append([]hook{f.Command}, commands...)
	}
	for i, command := range commands {
		if len(command) == 0 || command[0] == "" {
			return errorf("%s: models.command: number %d is empty", c.shown(), i+1).hint(`write a command as ["program", "argument"]`)
		}
		m.Commands = append(m.Commands, command)
	}
	m.SQLAlchemy, m.Python = f.SQLAlchemy, c.python()
	for _, schema := range f.Schemas {
		if err := checkSchema(schema); err != nil {
			return errorf("%s: models.schemas holds %v", c.shown(), err)
		}
	}
	m.Schemas, m.Include, m.Exclude = f.Schemas, f.Include, f.Exclude
	m.Owners, m.Privileges = or(f.Owners, false), or(f.Privileges, false)
	n := &c.settings.Naming
	m.Naming = aludel.Naming{
		PrimaryKey: or(n.PrimaryKey, indexNames{}).text, Unique: or(n.Unique, indexNames{}).text, ForeignKey: or(n.ForeignKey, foreignNames{}).text,
		Check: or(n.Check, checkNames{}).text, Index: or(n.Index, indexNames{}).text, Exclude: or(n.Exclude, indexNames{}).text,
	}
	a := &c.settings.Autogenerate
	if a.Process != nil && (len(a.Process) == 0 || a.Process[0] == "") {
		return errorf("%s: autogenerate.process is empty", c.shown()).hint(`write a command as ["program", "argument"]`)
	}
	c.Autogenerate = Autogenerate{Against: or(a.Against, against{"database"}).text, Process: a.Process, Online: or(a.Online, false)}
	return nil
}

// python is the interpreter of the project: the configured one, that of its or the
// active virtual environment, or that in PATH.
func (c *Config) python() string {
	if f := c.settings.Models.Python; f != nil {
		if filepath.Base(*f) == *f {
			return *f
		}
		return c.relative(*f)
	}
	for _, dir := range []string{c.env.value("VIRTUAL_ENV"), c.relative(".venv"), c.relative("venv")} {
		if path := filepath.Join(dir, "bin", "python"); dir != "" && exists(path) {
			return path
		}
	}
	return "python3"
}

// ShadowServer answers how to connect to the server on which throw-away databases
// are made: that of --shadow-url, of ALUDEL_SHADOW_URL, of shadow.url, or with
// shadow.on_target the configured database's. Nil is a server of aludel's own.
func (c *Config) ShadowServer() (*pgx.ConnConfig, error) {
	text, from := c.input.Flags.ShadowURL, "--shadow-url"
	if text == "" {
		text, from = c.env.value("ALUDEL_SHADOW_URL"), c.env.label("ALUDEL_SHADOW_URL")
	}
	file := &c.settings.Shadow
	if text == "" && file.URL != nil {
		text, from = file.URL.text, c.shown()+": shadow.url"
	}
	if text == "" {
		if or(file.OnTarget, false) && !c.Embedded {
			return c.Database()
		}
		return nil, nil
	}
	p, err := parseConnString(from, text)
	if err != nil {
		return nil, err
	}
	if err := c.addDefaults(p); err != nil {
		return nil, err
	}
	return connConfig(p)
}
