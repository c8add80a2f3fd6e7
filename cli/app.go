package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/aludel-db/aludel"
	"github.com/aludel-db/aludel/internal/config"
)

// An app is one run of the program: what the flags say, and what has been
// opened so far.
type app struct {
	options  Options
	out      *printer
	flags    config.Flags
	embedded bool
	output   string
	verbose  bool
	// logFormat is text or json: how people's words go out.
	logFormat string
	run       summary
	telemetry telemetry
	// waitForDatabase is how long to try to reach the database.
	waitForDatabase time.Duration
	x               map[string]string // -x
	goFound         bool              // it was looked for Go revisions
	loaded          *config.Config
	shadows         map[int]*aludel.Shadow // by the major version that was asked for
	closers         []func() error
	live            bool      // the last line is that of batches
	told            time.Time // when a line last told of them
}

func (a *app) globalFlags(f *pflag.FlagSet) {
	f.StringVarP(&a.flags.ConfigPath, "config", "c", "", "configuration `FILE` (default: aludel.toml here or in a folder above)")
	f.StringVarP(&a.flags.Environment, "name", "n", "", "use the settings of [environments.`NAME`]")
	f.StringArrayP("x", "x", nil, "`KEY=VALUE` for the template of new files, as {{.X.KEY}}")
	f.StringVar(&a.flags.Dir, "dir", "", "`FOLDER` of revision files, in place of migrations.dir")
	f.StringVar(&a.flags.URL, "database-url", "", "`URL` of the database")
	f.StringVar(&a.flags.Schema, "schema", "", "`SCHEMA` that migrations work in")
	f.StringVar(&a.flags.ShadowURL, "shadow-url", "", "`URL` of a server on which throw-away databases may be made")
	f.BoolVar(&a.embedded, "embedded", false, "use a PostgreSQL that aludel runs itself, kept beside the configuration")
	f.StringVarP(&a.output, "output", "o", "text", "`FORMAT` of the result: text or json")
	f.StringVar(&a.logFormat, "log-format", "text", "`FORMAT` of what is said on the way, on stderr: text, or json for a line each with an \"ended\" as the last")
	f.BoolVarP(&a.out.quiet, "quiet", "q", false, "print results only")
	f.BoolVarP(&a.verbose, "verbose", "v", false, "print more")
}

func (a *app) checkFlags(cmd *cobra.Command) error {
	if err := a.startLog(cmd); err != nil {
		return err
	}
	switch a.output {
	case "text":
	case "json":
		a.out.json = true
	case "markdown":
		if cmd.Name() != "check" {
			return &usageError{err: errors.New("-o markdown: check alone writes that; the formats here are text and json"), cmd: cmd}
		}
	default:
		return &usageError{err: fmt.Errorf("-o %s: the formats are text and json", a.output), cmd: cmd}
	}
	if cmd.Flags().Changed("embedded") {
		a.flags.Embedded = &a.embedded
	}
	return a.parseX(cmd)
}

// parseX reads -x. For Alembic's users it is what their env.py looks at: a
// tenant, a phase of the deployment. Where it would do nothing, it is refused,
// for it may have been to keep the command off something.
func (a *app) parseX(cmd *cobra.Command) error {
	pairs, err := cmd.Flags().GetStringArray("x")
	if err != nil || len(pairs) == 0 {
		return err
	}
	if name := cmd.Name(); name != "revision" && name != "merge" {
		return &usageError{err: fmt.Errorf("-x has no effect on %s: it gives values to the template of new files", name), cmd: cmd}
	}
	a.x = make(map[string]string, len(pairs))
	for _, pair := range pairs {
		key, value, found := strings.Cut(pair, "=")
		if !found || key == "" {
			return &usageError{err: fmt.Errorf("-x wants KEY=VALUE, not %q", pair), cmd: cmd}
		}
		a.x[key] = value
	}
	return nil
}

// config reads file and environment, once.
func (a *app) config() (*config.Config, error) {
	if a.loaded == nil {
		c, err := config.Load(config.Input{Flags: a.flags, Environ: a.options.Environ, WorkDir: a.options.Dir})
		if err != nil {
			return nil, err
		}
		a.loaded = c
		a.out.color = a.out.stderr.terminal && !c.NoColor
	}
	return a.loaded, nil
}

// migrator reads the revisions.
func (a *app) migrator() (*aludel.Migrator, error) { return a.migratorWith(a.progress) }

func (a *app) migratorWith(onEvent func(aludel.Event)) (*aludel.Migrator, error) {
	c, err := a.config()
	if err != nil {
		return nil, err
	}
	options, err := a.libraryOptions(c)
	if err != nil {
		return nil, err
	}
	options.OnEvent, options.Revisions, options.Observers = onEvent, a.options.Revisions, a.options.Observers
	options.Logger = a.out.log
	if err := a.lookForGo(c); err != nil {
		return nil, err
	}
	if a.options.Migrations != nil && a.flags.Dir == "" {
		return a.carried(c, options)
	}
	folders := make([]aludel.Folder, len(c.Migrations.Dirs))
	for i, dir := range c.Migrations.Dirs {
		if info, err := os.Stat(dir); err != nil || !info.IsDir() {
			return nil, a.noFolder(c, dir)
		}
		folders[i] = aludel.Folder{FS: os.DirFS(dir), Path: a.shown(dir)}
	}
	options.Path, options.More = folders[0].Path, folders[1:]
	return aludel.New(folders[0].FS, options)
}

// carried reads the revisions that the program carries.
func (a *app) carried(c *config.Config, options aludel.Options) (*aludel.Migrator, error) {
	fsys := a.options.Migrations
	if dir := a.options.MigrationsDir; dir != "" {
		var err error
		if fsys, err = fs.Sub(fsys, dir); err != nil {
			return nil, fmt.Errorf("the program's MigrationsDir: %w", err)
		}
	}
	dir := c.Migrations.Dirs[0]
	if names, err := filepath.Glob(filepath.Join(dir, "*.sql")); err == nil {
		for _, path := range names {
			if _, err := fs.Stat(fsys, filepath.Base(path)); err != nil {
				a.out.note("warning: %s was written after this program was built, which doesn't carry it: build it again", a.shown(path))
			}
		}
	}
	if info, err := os.Stat(dir); err == nil && info.IsDir() {
		options.Path = a.shown(dir)
	}
	return aludel.New(fsys, options)
}

func (a *app) noFolder(c *config.Config, dir string) error {
	hint := "make one with \"aludel init\", or name it with -c or --dir"
	if c.Path != "" {
		hint = "migrations.dir in " + a.shown(c.Path) + " names it; make it, or mend that line"
	}
	return &config.Error{Message: "there is no folder of revisions at " + a.shown(dir), Hint: hint}
}

// shown is a path as people write it here: relative where it lies below the
// working folder. A program may ask for another folder than its own; files are
// opened by the path that is shown, so it is absolute then.
func (a *app) shown(path string) string {
	if own, err := os.Getwd(); err != nil || own != a.options.Dir {
		return path
	}
	if rel, err := filepath.Rel(a.options.Dir, path); err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator)) {
		return rel
	}
	return path
}

func (a *app) libraryOptions(c *config.Config) (aludel.Options, error) {
	options := aludel.Options{
		Recursive: c.Migrations.Recursive, Schema: c.Schema, VersionTable: c.VersionTable,
		VersionTableSchema: c.VersionTableSchema, HistoryTable: c.HistoryTable,
		LockTimeout: unbounded(c.Run.LockTimeout), StatementTimeout: c.Run.StatementTimeout, LockWait: unbounded(c.Run.LockWait),
		MaxStall:           unbounded(c.MaxStall),
		TransactionTimeout: c.Run.TransactionLimit, IdleTimeout: c.Run.IdleTimeout, Role: c.Run.Role,
		BeforeEach: c.Run.BeforeEach, AfterEach: c.Run.AfterEach,
		SingleTransaction: c.Run.Transaction == "all", Redact: c.Redact, FileTemplate: c.Migrations.FileTemplate,
		SlugLength: c.Migrations.SlugLength, Location: c.Migrations.Timezone,
	}
	template, err := os.ReadFile(c.Migrations.Template)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return options, fmt.Errorf("reading the template of new files: %w", err)
	}
	options.Template = string(template)
	return options, nil
}

// connect opens the configured database.
func (a *app) connect(ctx context.Context) (*pgx.Conn, error) {
	c, err := a.config()
	if err != nil {
		return nil, err
	}
	var settings *pgx.ConnConfig
	if c.Embedded {
		settings, err = a.embeddedDatabase(ctx, c)
	} else {
		settings, err = c.Database()
	}
	if err != nil {
		return nil, err
	}
	settings.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) {
		if n.Severity != "NOTICE" || a.verbose {
			a.out.note("%s:  %s", n.Severity, n.Message)
		}
	}
	return a.dial(ctx, settings)
}

// dial opens a connection for as long as the command runs.
func (a *app) dial(ctx context.Context, settings *pgx.ConnConfig) (*pgx.Conn, error) {
	conn, err := a.dialPatiently(ctx, settings)
	if err != nil {
		return nil, err
	}
	a.closers = append(a.closers, func() error { return conn.Close(context.WithoutCancel(ctx)) })
	return conn, nil
}

// dialAgain is between attempts to reach a server that is not there yet.
const dialAgain = 250 * time.Millisecond

// dialPatiently tries for as long as --wait-for-database says, where what is wrong
// may come right by itself: nobody answers, or the server is still starting.
func (a *app) dialPatiently(ctx context.Context, settings *pgx.ConnConfig) (*pgx.Conn, error) {
	for start, told := time.Now(), ""; ; {
		conn, err := pgx.ConnectConfig(ctx, settings)
		if err == nil {
			return conn, nil
		}
		said := connectError(settings, err)
		var server *pgconn.PgError
		const cannotConnectNow, tooManyConnections = "57P03", "53300"
		mayComeRight := !errors.As(err, &server) || server.Code == cannotConnectNow || server.Code == tooManyConnections
		if !mayComeRight || ctx.Err() != nil || time.Since(start)+dialAgain > a.waitForDatabase {
			return nil, said
		}
		if text := said.Error(); text != told {
			told = text
			a.out.note("%s; trying again", text)
		}
		select {
		case <-ctx.Done():
		case <-time.After(dialAgain):
		}
	}
}

// open reads the revisions and connects, both at once.
func (a *app) open(ctx context.Context) (*aludel.Migrator, *pgx.Conn, error) {
	c, err := a.config()
	if err != nil {
		return nil, nil, err
	}
	if err := a.lookForGo(c); err != nil { // another program will connect
		return nil, nil, err
	}
	type opened struct {
		m   *aludel.Migrator
		err error
	}
	reading := make(chan opened, 1)
	go func() {
		m, err := a.migrator()
		reading <- opened{m, err}
	}()
	conn, connectErr := a.connect(ctx)
	read := <-reading
	if read.err != nil && connectErr == nil {
		read.err = a.deletedIn(ctx, conn, read.err)
	}
	if read.err != nil {
		return nil, nil, read.err
	}
	return read.m, conn, connectErr
}

// deleted asks the database, where one is configured, about a revision that the files
// miss; err is why they don't form a graph.
func (a *app) deleted(ctx context.Context, err error) error {
	var graph *aludel.GraphError
	if !errors.As(err, &graph) || graph.Missing == "" {
		return err
	}
	conn, none := a.connectIfConfigured(ctx)
	if none != nil || conn == nil {
		return err
	}
	return a.deletedIn(ctx, conn, err)
}

func (a *app) deletedIn(ctx context.Context, conn *pgx.Conn, err error) error {
	options, none := a.libraryOptions(a.loaded)
	if none != nil {
		return err
	}
	return aludel.Deleted(ctx, conn, options, err)
}

// state reads the version table for marks in a list; nil where no database is
// configured or, with a warning, where it can't be reached. A list of files
// must not hang on a server unless the request itself does.
func (a *app) state(ctx context.Context, m *aludel.Migrator, needed bool) (*aludel.State, error) {
	c, err := a.config()
	if err != nil {
		return nil, err
	}
	if !c.Embedded && !needed {
		var none *config.NoDatabaseError
		if _, err := c.Database(); errors.As(err, &none) && !none.Partly() {
			return nil, nil
		}
	}
	conn, err := a.connect(ctx)
	if err != nil {
		var none *unreachable
		if !needed && errors.As(err, &none) && ctx.Err() == nil {
			a.out.note("warning: what is applied is not marked: %v", err)
			return nil, nil
		}
		return nil, err
	}
	return m.State(ctx, conn)
}

// close closes what was opened, the newest first.
func (a *app) close() error {
	var err error
	for i := len(a.closers) - 1; i >= 0; i-- {
		err = errors.Join(err, a.closers[i]())
	}
	a.closers = nil
	return err
}

// unbounded says "no bound" in the library's way, where 0 is the default.
func unbounded(d time.Duration) time.Duration {
	if d == 0 {
		return -1
	}
	return d
}
