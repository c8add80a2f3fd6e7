package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/spf13/cobra"

	"github.com/aludel-db/aludel"
	"github.com/aludel-db/aludel/internal/shadow"
)

// stateHelp is what diff and dump say about their arguments.
const stateHelp = "A state is one of\n" +
	"  db                the configured database\n" +
	"  postgres://…      another one\n" +
	"  migrations        what the revisions make; migrations@REVISION up to one of them\n" +
	"  file:PATH         a file or a folder of SQL, in any order\n" +
	"  empty             a new database\n" +
	"What is not a database is made in a throw-away one, on a PostgreSQL that aludel runs itself."

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
	options.IncludeObjects, options.ExcludeObjects = objects.include, objects.exclude
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
			for _, what := range s.Unsupported() {
				a.out.note("warning: not looked at in %s: %s", shownState(names[i]), what)
			}
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
// where its database or its revisions are among the states, or to that of
// --schema. The version table and the history are no part of any state.
func (a *app) snapshotOptions(names []string) (aludel.SnapshotOptions, error) {
	c, err := a.config()
	if err != nil {
		return aludel.SnapshotOptions{}, err
	}
	tables := aludel.Options{VersionTable: c.VersionTable, HistoryTable: c.HistoryTable}
	options := aludel.SnapshotOptions{Exclude: [][2]string{{c.VersionTableSchema, c.VersionTable}, {c.VersionTableSchema, tables.History()}}}
	own := slices.ContainsFunc(names, func(n string) bool { return n == "db" || strings.HasPrefix(n, "migrations") })
	if own || a.flags.Schema != "" {
		options.Schemas = []string{c.Schema}
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
	if !isFile && !isMigrations {
		err := fmt.Errorf("%q is no state", name)
		if _, missing := os.Stat(name); missing == nil {
			err = fmt.Errorf("%w: of a file say file:%s", err, name)
		}
		return s, &usageError{err: err, cmd: cmd}
	}
	conn, err := a.throwAway(ctx, major)
	if err != nil {
		return s, err
	}
	if isFile {
		s.renames, err = a.loadFiles(ctx, conn, path)
	} else {
		err = a.replay(ctx, conn, target)
	}
	if err != nil {
		return s, err
	}
	s.Snapshot, err = aludel.ReadSnapshot(ctx, conn, options)
	return s, err
}

// throwAway answers a connection to a new database on a server that ends with
// the program.
func (a *app) throwAway(ctx context.Context, major int) (*pgx.Conn, error) {
	c, err := a.config()
	if err != nil {
		return nil, err
	}
	found, err := shadow.Find(shadow.Search{BinDir: c.PostgresBin, Path: c.SearchPath, Extra: []string{c.Root}, Major: major})
	if err != nil {
		return nil, err
	}
	server, err := shadow.Start(ctx, shadow.Options{Installation: found, Name: "state", CacheDir: c.CacheDir, TempDir: c.TempDir})
	if err != nil {
		return nil, fmt.Errorf("starting a throw-away PostgreSQL: %w", err)
	}
	a.closers = append(a.closers, func() error {
		ctx, cancel := context.WithTimeout(context.Background(), embeddedStopWait)
		defer cancel()
		return server.Close(ctx)
	})
	name := fmt.Sprintf("state_%d_%d", os.Getpid(), len(a.closers))
	if err := server.CreateDatabase(ctx, name, ""); err != nil {
		return nil, err
	}
	a.closers = append(a.closers, func() error { return server.DropDatabase(context.WithoutCancel(ctx), name) })
	return a.dial(ctx, server.Config(name))
}

// replay runs the revisions.
func (a *app) replay(ctx context.Context, conn *pgx.Conn, target string) error {
	m, err := a.migratorWith(nil)
	if err != nil {
		return err
	}
	if target == "" {
		target = "heads"
	}
	_, err = m.Upgrade(ctx, conn, aludel.UpgradeOptions{Target: target, CreateSchema: true})
	return err
}

// loadFiles runs the statements of a file or a folder. Those that miss
// something are tried again after the others, so that the order of statements
// doesn't matter.
func (a *app) loadFiles(ctx context.Context, conn *pgx.Conn, path string) (renames []aludel.Rename, err error) {
	if !filepath.IsAbs(path) {
		path = filepath.Join(a.options.Dir, path)
	}
	var pending []sqlFileStatement
	err = filepath.WalkDir(path, func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || file != path && filepath.Ext(file) != ".sql" {
			return err
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		statements, err := aludel.SplitSQL(a.shown(file), string(text))
		if err != nil {
			return err
		}
		renames = append(renames, aludel.RenamesInSQL(string(text))...)
		for _, s := range statements {
			pending = append(pending, sqlFileStatement{file: a.shown(file), line: s.Line, sql: s.SQL})
		}
		return nil
	})
	var pathError *fs.PathError
	if errors.As(err, &pathError) {
		return nil, fmt.Errorf("reading the state: %w", err)
	}
	if err != nil {
		return nil, err
	}
	if _, err := conn.Exec(ctx, "SET check_function_bodies = off", pgx.QueryExecModeSimpleProtocol); err != nil {
		return nil, err
	}
	for len(pending) > 0 {
		var failed []sqlFileStatement
		var first error
		for _, s := range pending {
			if err := s.run(ctx, conn); err != nil {
				if !missesSomething(err) {
					return nil, err
				}
				if first == nil {
					first = err
				}
				failed = append(failed, s)
			}
		}
		if len(failed) == len(pending) {
			return nil, first
		}
		pending = failed
	}
	return renames, nil
}

// A sqlFileStatement is one of a file that makes a state.
type sqlFileStatement struct {
	file string
	line int
	sql  string
}

func (s *sqlFileStatement) run(ctx context.Context, conn *pgx.Conn) error {
	err := shadow.Run(ctx, conn, s.sql)
	if pgErr := (*pgconn.PgError)(nil); errors.As(err, &pgErr) {
		return fmt.Errorf("%s:%d: %w", s.file, s.line, err)
	}
	return err
}

// missesSomething tells that a statement may work when others have run:
// undefined table, column, function, object or schema.
func missesSomething(err error) bool {
	var pgErr *pgconn.PgError
	return errors.As(err, &pgErr) && slices.Contains([]string{"42P01", "42703", "42883", "42704", "3F000", "42P17", "42830", "55000"}, pgErr.Code)
}
