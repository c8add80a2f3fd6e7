package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/spf13/cobra"

	"github.com/aludel-db/aludel"
	"github.com/aludel-db/aludel/internal/config"
	"github.com/aludel-db/aludel/orm/sqlalchemy"
)

// stateHelp is what diff and dump say about their arguments.
const stateHelp = "A state is one of\n" +
	"  db                the configured database\n" +
	"  postgres://…      another one\n" +
	"  models            what the models ask for ([models] in aludel.toml)\n" +
	"  migrations        what the revisions make; migrations@REVISION up to one of them\n" +
	"  file:PATH         a file or a folder of SQL, in any order\n" +
	"  empty             a new database\n" +
	"What is not a database is made in a throw-away one, on a PostgreSQL that aludel runs itself, or on that of --shadow-url."

// A state is what a database held, or would.
type state struct {
	*aludel.Snapshot
	renames []aludel.Rename // that its files tell
}

// states reads several states, databases first: what has to be made is made on
// a server of their version.
func (a *app) states(cmd *cobra.Command, objects objectFilter, names ...string) ([]state, error) {
	ctx := cmd.Context()
	snapshots := make([]state, len(names))
	options, err := a.snapshotOptions(names)
	if err != nil {
		return nil, err
	}
	options.IncludeObjects = append(options.IncludeObjects, objects.include...)
	options.ExcludeObjects = append(options.ExcludeObjects, objects.exclude...)
	major := 0
	for i, name := range names {
		if name != "db" && !isURL(name) {
			continue
		}
		conn, err := a.stateConnection(ctx, name)
		if err != nil {
			return nil, err
		}
		if snapshots[i].Snapshot, err = aludel.ReadSnapshot(ctx, conn, options); err != nil {
			return nil, err
		}
		if major != 0 && snapshots[i].Major() != major {
			return nil, fmt.Errorf("one server is PostgreSQL %d and the other %d: they write definitions in different ways", major, snapshots[i].Major())
		}
		major = snapshots[i].Major()
	}
	for i, name := range names {
		if snapshots[i].Snapshot != nil || name == "empty" {
			continue
		}
		if snapshots[i], err = a.madeState(cmd, name, major, options); err != nil {
			return nil, err
		}
		major = snapshots[i].Major()
	}
	for i, s := range snapshots {
		if s.Snapshot != nil {
			a.unsupported(shownState(names[i]), s.Unsupported())
		}
	}
	for i, name := range names {
		if name != "empty" {
			continue
		}
		for _, other := range snapshots {
			if other.Snapshot != nil {
				snapshots[i].Snapshot = other.Empty()
			}
		}
		if snapshots[i].Snapshot == nil {
			return nil, errors.New("both states are empty")
		}
	}
	return snapshots, nil
}

func (a *app) unsupported(where string, list []string) {
	for _, what := range list {
		a.out.note("warning: not looked at in %s: %s", where, what)
	}
}

// shownState leaves the password out that a URL may hold.
func shownState(name string) string {
	if isURL(name) {
		return "the database of the URL"
	}
	return name
}

func isURL(name string) bool {
	return strings.HasPrefix(name, "postgres://") || strings.HasPrefix(name, "postgresql://")
}

// snapshotOptions restrict what is read: to the schema of the configuration
// where its database, its models or its revisions are among the states, or to
// that of --schema. The version table and the history are no part of any state.
func (a *app) snapshotOptions(names []string) (aludel.SnapshotOptions, error) {
	c, err := a.config()
	if err != nil {
		return aludel.SnapshotOptions{}, err
	}
	tables := aludel.Options{VersionTable: c.VersionTable, HistoryTable: c.HistoryTable}
	options := aludel.SnapshotOptions{Exclude: [][2]string{{c.VersionTableSchema, c.VersionTable}, {c.VersionTableSchema, tables.History()}}}
	own := slices.ContainsFunc(names, func(n string) bool { return n == "db" || n == "models" || strings.HasPrefix(n, "migrations") })
	if own || a.flags.Schema != "" {
		options.Schemas = []string{c.Schema}
	}
	if slices.Contains(names, "models") {
		options.Schemas = append(options.Schemas, c.Models.Schemas...)
		options.IncludeObjects, options.ExcludeObjects = slices.Clone(c.Models.Include), slices.Clone(c.Models.Exclude)
	}
	return options, nil
}

func (a *app) stateConnection(ctx context.Context, name string) (*pgx.Conn, error) {
	if name == "db" {
		return a.connect(ctx)
	}
	settings, err := pgx.ParseConfig(name)
	if err != nil {
		return nil, errors.New("the URL of a state can't be read") // its text may hold a password
	}
	return a.dial(ctx, settings)
}

// madeState makes a state in a throw-away database.
func (a *app) madeState(cmd *cobra.Command, name string, major int, options aludel.SnapshotOptions) (s state, err error) {
	ctx := cmd.Context()
	path, isFile := strings.CutPrefix(name, "file:")
	_, target, _ := strings.Cut(name, "@")
	isMigrations := name == "migrations" || strings.HasPrefix(name, "migrations@")
	if !isFile && !isMigrations && name != "models" {
		err := fmt.Errorf("%q is no state", name)
		if _, missing := os.Stat(name); missing == nil {
			err = fmt.Errorf("%w: of a file say file:%s", err, name)
		}
		return s, &usageError{err: err, cmd: cmd}
	}
	if isMigrations {
		m, err := a.migratorWith(nil)
		if err != nil {
			return s, err
		}
		shadow, err := a.shadow(ctx, major)
		if err != nil {
			return s, err
		}
		s.Snapshot, err = m.Replay(ctx, shadow, target, options)
		return s, err
	}
	models := aludel.Models{Show: a.shown}
	schema := ""
	if isFile {
		models.AllowEmpty = true
		models.Sources = []aludel.ModelSource{{Paths: []string{a.absolute(path)}}}
	} else if models, err = a.models(); err != nil {
		return s, err
	} else {
		schema = a.loaded.Schema
	}
	shadow, err := a.shadow(ctx, major)
	if err != nil {
		return s, err
	}
	s.Snapshot, s.renames, err = models.Make(ctx, shadow, schema, options)
	return s, err
}

// noModels tells that neither the configuration nor the program has any.
func (a *app) noModels() bool { return a.loaded.Models.None() && a.options.Models == nil }

// models are those of the configuration.
func (a *app) models() (aludel.Models, error) {
	c, err := a.config()
	if err != nil {
		return aludel.Models{}, err
	}
	models := aludel.Models{Show: a.shown, Naming: c.Models.Naming}
	if a.options.Models != nil {
		models.Sources = append(models.Sources, aludel.ModelSource{Print: a.options.Models})
	}
	if a.noModels() {
		where := "aludel.toml"
		if c.Path != "" {
			where = a.shown(c.Path)
		}
		return models, &config.Error{
			Message: "no models are configured", Hint: "say in " + where + " where the schema that you want comes from:\n" +
				"[models]\nsql = [\"schema.sql\"]                  # files, folders, patterns\ncommand = [\"go\", \"run\", \"./schema\"]   # or a command that prints DDL\nsqlalchemy = [\"app.models:Base\"]        # or models of SQLAlchemy",
		}
	}
	if len(c.Models.SQL) > 0 {
		models.Sources = append(models.Sources, aludel.ModelSource{Paths: c.Models.SQL})
	}
	for _, command := range c.Models.Commands {
		models.Sources = append(models.Sources, aludel.ModelSource{Command: command, Dir: c.Root, Environ: a.options.Environ})
	}
	if len(c.Models.SQLAlchemy) > 0 {
		source, err := a.sqlAlchemy(c)
		if err != nil {
			return models, err
		}
		models.Sources = append(models.Sources, source)
	}
	return models, nil
}

// sqlAlchemy has the project's Python run our script, which lies in a temporary
// folder meanwhile.
func (a *app) sqlAlchemy(c *config.Config) (aludel.ModelSource, error) {
	dir, err := os.MkdirTemp(c.TempDir, "aludel-")
	if err != nil {
		return aludel.ModelSource{}, err
	}
	a.closers = append(a.closers, func() error { return os.RemoveAll(dir) })
	script := filepath.Join(dir, "aludel_ddl.py")
	err = os.WriteFile(script, []byte(sqlalchemy.Script), 0o600)
	return aludel.ModelSource{
		Command: append([]string{c.Models.Python, script}, c.Models.SQLAlchemy...), Dir: c.Root,
		Environ: append(slices.Clone(a.options.Environ), "PYTHONDONTWRITEBYTECODE=1"), Name: "models of SQLAlchemy",
	}, err
}

// shadow is where throw-away databases of a major version are made, 0 for any.
// It is opened once and ends with the program.
func (a *app) shadow(ctx context.Context, major int) (*aludel.Shadow, error) {
	if s := a.shadows[major]; s != nil {
		return s, nil
	}
	c, err := a.config()
	if err != nil {
		return nil, err
	}
	server, err := c.ShadowServer()
	if err != nil {
		return nil, err
	}
	s, err := aludel.OpenShadow(ctx, aludel.ShadowOptions{
		Server: server, Major: major, BinDir: c.PostgresBin, Path: c.SearchPath, Extra: []string{c.Root, filepath.Dir(c.Root)},
		CacheDir: c.CacheDir, TempDir: c.TempDir,
	})
	var version *aludel.ShadowVersionError
	if server != nil && err != nil && !errors.As(err, &version) {
		err = connectError(server, err)
	}
	if err != nil {
		return nil, err
	}
	if a.shadows == nil {
		a.shadows = map[int]*aludel.Shadow{}
	}
	a.shadows[major], a.shadows[s.Major()] = s, s
	a.closers = append(a.closers, func() error {
		ctx, cancel := context.WithTimeout(context.Background(), embeddedStopWait)
		defer cancel()
		return s.Close(ctx)
	})
	return s, nil
}
