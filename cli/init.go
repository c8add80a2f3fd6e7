package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/aludel-db/aludel"
)

// configTemplate is the aludel.toml of a new project; %q are the folder of the
// revisions and the template, %s the lines of the schema and of the models.
const configTemplate = `# Settings of Aludel. Paths are relative to this file.
# The database comes from the environment: POSTGRES_SERVER, POSTGRES_PORT, POSTGRES_USER,
# POSTGRES_PASSWORD and POSTGRES_DB, or DATABASE_URL, or libpq's PG* variables.

# The schema that migrations work in. Naming it here pins it: a POSTGRES_SCHEMA that differs
# is an error.
%s
# Read variables from a file beside this one; the real environment goes before it.
# env_file = ".env"

[migrations]
dir = %q
# The template of new files, and how they are called.
template = %q
# file_template = '{{.Created.Format "20060102150405"}}_{{.ID}}{{with .Slug}}_{{.}}{{end}}'

# Where the schema that is wanted comes from, for revision --autogenerate: sql = ["schema.sql"],
# command = ["go", "run", "./schema"], or sqlalchemy = ["app.models:Base"].
%s
# Names for constraints and indexes that the models give none; PostgreSQL's are like users_email_key.
# [naming]
# unique = "uq_{table}_{columns}"
# foreign_key = "fk_{table}_{columns}_{referred_table}"

[run]
# How long a statement may wait for a lock, and so let others queue behind it.
# lock_timeout = "2s"
# How long to wait for another run, or for a table that others use.
# lock_wait = "10m"

[safety]
# How long others may have to wait because of a migration; "0" for a database that nobody uses meanwhile.
# max_stall = "300ms"
`

func (a *app) initCommand() *cobra.Command {
	models := ""
	cmd := &cobra.Command{
		Use:     "init [DIRECTORY]",
		Short:   "Start a project: a folder for revisions, a template and aludel.toml",
		Example: "  aludel init migrations\n  aludel -c app/db/aludel.toml init app/db/migrations",
		Args:    arguments(0, 1, ""),
		RunE: func(cmd *cobra.Command, args []string) error {
			kind, known := modelsKinds[models]
			if !known && models != "" {
				return &usageError{err: fmt.Errorf("--models %s: there are %s", models, strings.Join(modelsNames(), ", ")), cmd: cmd}
			}
			dir := "migrations"
			if len(args) > 0 {
				dir = args[0]
			}
			return a.init(dir, kind)
		},
	}
	cmd.Flags().StringVar(&models, "models", "", "begin with models of `KIND` sql, gorm, bun, ent or sqlalchemy, for revision --autogenerate")
	return cmd
}

// init makes the folder first: when it can't, there is no configuration that
// names it.
func (a *app) init(dir string, models modelsKind) error {
	config := a.flags.ConfigPath
	if config == "" {
		config = "aludel.toml"
	}
	dir, config = a.absolute(dir), a.absolute(config)
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		return fmt.Errorf("Directory %s already exists and is not empty", a.shown(dir))
	}
	if models.isGo {
		if _, err := modulePath(filepath.Dir(config)); err != nil {
			return err
		}
	}
	versions := filepath.Join(dir, "versions")
	if err := os.MkdirAll(versions, 0o777); err != nil {
		return fmt.Errorf("creating %s: %w", a.shown(versions), reason(err))
	}
	a.out.say("Creating directory %s ...  done", a.shown(versions))
	template := filepath.Join(dir, "script.sql.tmpl")
	if err := a.generate(template, aludel.DefaultTemplate); err != nil {
		return err
	}
	if _, err := os.Stat(config); err == nil {
		a.out.say("File %s already exists, skipping", a.shown(config))
		a.out.say("Please set migrations.dir in %s to %s", a.shown(config), a.shown(versions))
		return nil
	}
	text, err := configFor(config, versions, template, a.flags.Schema, models.table)
	if err != nil {
		return err
	}
	if err := a.generate(config, text); err != nil {
		return err
	}
	if err := a.initModels(models, filepath.Dir(config)); err != nil {
		return err
	}
	for _, command := range models.next {
		a.out.say("Next: %s", command)
	}
	a.out.say("Next: set POSTGRES_SERVER, POSTGRES_USER, POSTGRES_PASSWORD and POSTGRES_DB (or use --embedded),")
	if models.table != "" {
		a.out.say("then: aludel revision --autogenerate -m \"create users\"")
	} else {
		a.out.say("then: aludel revision -m \"create users\"")
	}
	return nil
}

func configFor(config, versions, template, schema, models string) (string, error) {
	base := filepath.Dir(config)
	versions, err := filepath.Rel(base, versions)
	if err != nil {
		return "", err
	}
	if template, err = filepath.Rel(base, template); err != nil {
		return "", err
	}
	line := "# schema = \"public\"\n"
	if schema != "" {
		line = fmt.Sprintf("schema = %q\n", schema)
	}
	if models != "" {
		models = "[models]\n" + models + "\n"
	} else {
		models = "# [models]\n"
	}
	return fmt.Sprintf(configTemplate, line, filepath.ToSlash(versions), filepath.ToSlash(template), models), nil
}

// generate writes a file that must not exist yet.
func (a *app) generate(path, text string) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err == nil {
		_, err = file.WriteString(text)
		err = errors.Join(err, file.Close())
	}
	if err != nil {
		return fmt.Errorf("creating %s: %w", a.shown(path), reason(err))
	}
	a.out.say("Generating %s ...  done", a.shown(path))
	return nil
}

func (a *app) absolute(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(a.options.Dir, path)
}

// reason leaves out the path, which the message around it has.
func reason(err error) error {
	var pathError *fs.PathError
	if errors.As(err, &pathError) {
		return pathError.Err
	}
	return err
}
