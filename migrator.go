package aludel

import (
	"context"
	"embed"
	"io/fs"
	"log/slog"
	"os"
	"os/user"
	"runtime/debug"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/aludel-db/aludel/internal/executor"
	"github.com/aludel-db/aludel/internal/revision"
	"github.com/aludel-db/aludel/internal/versiontable"
)

// Defaults of [Options].
const (
	DefaultSchema       = "public"
	DefaultVersionTable = "alembic_version"
	DefaultHistoryTable = "aludel_history"
	DefaultLockTimeout  = 2 * time.Second
	DefaultLockWait     = 10 * time.Minute
	DefaultMaxStall     = 300 * time.Millisecond
	DefaultFileTemplate = revision.DefaultFileTemplate
	DefaultTemplate     = revision.DefaultTemplate
	DefaultSlugLength   = revision.DefaultSlugLength
)

// A Folder is a place with revision files.
type Folder struct {
	// FS holds the files.
	FS fs.FS
	// Dir is the folder within FS; empty means its root.
	Dir string
	// Path names the folder in messages and, where new revisions are to be
	// written, on disk. Empty means that it can't be written to.
	Path string
}

// Options say where things are and how migrations run. The zero value of each
// field is its default.
type Options struct {
	// Path is the folder that fsys stands for, in messages and on disk;
	// empty where there is none, as with an embed.FS.
	Path string
	// More are further folders with revisions of the same graph, read after
	// the first.
	More []Folder
	// Recursive also reads the folders below each folder.
	Recursive bool

	// Revisions are those that are written in Go. In load order, which decides what
	// the graph leaves open, they come after the files.
	Revisions []GoRevision

	// Schema is where unqualified names resolve; default [DefaultSchema].
	Schema string
	// VersionTable is the version table's name; default [DefaultVersionTable].
	VersionTable string
	// VersionTableSchema holds the version table and the history; default
	// Schema.
	VersionTableSchema string
	// HistoryTable is the history's name. The default is
	// [DefaultHistoryTable], and with a VersionTable of another name than the
	// default that name with "_history" after it.
	HistoryTable string

	// MaxStall is how long others may have to wait because of a migration: it looks
	// who holds the locks that it needs before it queues for them, queues for no
	// longer than this, and is cancelled when somebody has waited for it as long,
	// which is a [StallError]. Default [DefaultMaxStall]; negative is no bound, as
	// for a database that nobody uses meanwhile.
	MaxStall time.Duration
	// LockTimeout bounds how long a statement waits for a lock, and so how
	// long others queue behind it; default [DefaultLockTimeout]; negative is
	// no bound.
	LockTimeout time.Duration
	// StatementTimeout bounds each statement; default no bound.
	StatementTimeout time.Duration
	// TransactionTimeout bounds each transaction, from PostgreSQL 17 on, and
	// IdleTimeout how long one may stand still; default no bound.
	TransactionTimeout, IdleTimeout time.Duration
	// Role is the one that migrations run as, by SET ROLE: the owner of what they
	// make. The version table and the history stay the connection's. Default none.
	Role string
	// BeforeEach and AfterEach are SQL that runs with each migration, in its
	// transaction where it has one: SET LOCAL work_mem = '1GB', NOTIFY migrated.
	BeforeEach, AfterEach string
	// BeforeEachFunc and AfterEachFunc are code that runs so too, behind the SQL, in a
	// transaction of its own where the migration has none. With one of them nothing is
	// sent ahead of its turn.
	BeforeEachFunc, AfterEachFunc func(ctx context.Context, tx pgx.Tx, step *Step) error
	// LockWait bounds the wait for another runner, and how long a migration
	// that runs into LockTimeout is tried again; default [DefaultLockWait];
	// negative is no wait.
	LockWait time.Duration
	// Redact leaves out the queries of those that a migration waits for: they may
	// hold what is nobody's business.
	Redact bool
	// SingleTransaction runs all pending migrations in one transaction rather
	// than each in its own.
	SingleTransaction bool

	// Template is the text/template of new files; default [DefaultTemplate].
	Template string
	// FileTemplate is the text/template of their names, without the ending;
	// default [DefaultFileTemplate].
	FileTemplate string
	// SlugLength is the most characters of the message in a file name;
	// default [DefaultSlugLength].
	SlugLength int
	// Location is the time zone of times in new files; default UTC.
	Location *time.Location

	// Logger is told what happens during a run, with the revision as an attribute;
	// nil is no log.
	Logger *slog.Logger
	// OnEvent hears what happens during a run, one thing at a time, while the verb
	// runs. It must not call the Migrator. Transactions are sent ahead
	// of their turn: when it hears of one step, the server may be at the next. When it
	// panics, the Logger is told, and the run goes on, as with Observers.
	OnEvent func(Event)
	// Observers hear of each run, from its start to its end.
	Observers []Observer
}

// A Migrator knows one graph of revisions. It is safe for concurrent use.
type Migrator struct {
	graph   *revision.Graph
	folders []revision.Folder
	code    map[string]executor.Code // of the revisions that are written in Go
	table   versiontable.Table
	options Options
	hooks   [2]executor.Hook // before and after each
	alone   bool             // in a throw-away database, as its superuser
}

// New reads and checks the revision files in the root of fsys. It needs no
// database. Every faulty file is reported, each by a [FileError]; files that
// don't form a graph by a [GraphError]. fsys may be nil where all revisions are
// written in Go.
func New(fsys fs.FS, options Options) (*Migrator, error) {
	m := &Migrator{options: options.withDefaults()}
	if fsys == nil {
		fsys = embed.FS{} // which is empty
	}
	m.folders = append(m.folders, revision.Folder{FS: fsys, Path: options.Path, Recursive: options.Recursive})
	for _, f := range options.More {
		m.folders = append(m.folders, revision.Folder{FS: f.FS, Dir: f.Dir, Path: f.Path, Recursive: options.Recursive})
	}
	m.setTable()
	for i, hook := range []struct {
		name, sql string
		code      func(context.Context, pgx.Tx, *Step) error
	}{{"before each", m.options.BeforeEach, m.options.BeforeEachFunc}, {"after each", m.options.AfterEach, m.options.AfterEachFunc}} {
		var err error
		if m.hooks[i], err = executor.ParseHook(hook.name, hook.sql); err != nil {
			return nil, err
		}
		if hook.code != nil {
			m.hooks[i].Code = func(ctx context.Context, tx pgx.Tx, s *revision.Step) error {
				step := m.publicStep(s)
				return hook.code(ctx, tx, &step)
			}
		}
	}
	revisions, err := revision.Load(m.folders...)
	if err != nil {
		return nil, publicErrors(err)
	}
	if revisions, err = m.addGo(revisions); err != nil {
		return nil, err
	}
	if m.graph, err = revision.New(revisions); err != nil {
		return nil, publicError(err)
	}
	return m, nil
}

// setTable names what is kept in the database.
func (m *Migrator) setTable() {
	m.table = versiontable.Table{
		Schema: m.options.VersionTableSchema, Name: m.options.VersionTable,
		History: m.options.HistoryTable, Target: m.options.Schema,
	}
}

// History is the name of the history table.
func (o Options) History() string { return o.withDefaults().HistoryTable }

func (o Options) withDefaults() Options {
	set := func(field *string, value string) {
		if *field == "" {
			*field = value
		}
	}
	set(&o.Schema, DefaultSchema)
	set(&o.VersionTable, DefaultVersionTable)
	set(&o.VersionTableSchema, o.Schema)
	if o.VersionTable == DefaultVersionTable {
		set(&o.HistoryTable, DefaultHistoryTable)
	}
	set(&o.HistoryTable, o.VersionTable+"_history")
	bound := func(field *time.Duration, value time.Duration) {
		if *field == 0 {
			*field = value
		}
		*field = max(*field, 0)
	}
	bound(&o.LockTimeout, DefaultLockTimeout)
	bound(&o.LockWait, DefaultLockWait)
	bound(&o.MaxStall, DefaultMaxStall)
	if o.Location == nil {
		o.Location = time.UTC
	}
	if o.OnEvent == nil {
		o.OnEvent = func(Event) {}
	}
	return o
}

// A planner makes a plan from the version rows.
type planner func(rows []string) (*revision.Plan, error)

// maxPlans is how often a plan is made anew because somebody else has changed
// the version rows meanwhile.
const maxPlans = 10

// run plans, takes the lock, plans again where the rows have changed while it
// waited, and runs. Without anything to do it takes no lock and writes nothing.
func (m *Migrator) run(ctx context.Context, conn *pgx.Conn, plan planner) (*Result, error) {
	rows, _, err := m.table.Heads(ctx, conn)
	if err != nil {
		return nil, publicError(err)
	}
	job, result, err := m.prepare(ctx, conn, plan, rows)
	if job == nil || err != nil {
		return result, err
	}
	lock, err := m.table.Lock(ctx, conn, m.options.LockWait, func(h versiontable.Holder) {
		m.tell(Event{Kind: LockAwaited, Holder: h.String()})
	})
	if err != nil {
		return nil, publicError(err)
	}
	defer lock.Unlock()
	options := m.executorOptions()
	options.Pooled, options.Session = lock.Pooled, lock.Session
	if err := m.awaitWriter(ctx, conn, options.LockWait); err != nil {
		return nil, publicError(err)
	}
	for range maxPlans {
		var again []string
		if again, _, err = m.table.Heads(ctx, conn); err != nil {
			return nil, publicError(err)
		}
		if !slices.Equal(again, rows) {
			rows = again
			if job, result, err = m.prepare(ctx, conn, plan, rows); job == nil || err != nil {
				return result, err
			}
		}
		if err = executor.Run(ctx, conn, job, options); !isStale(err) {
			break
		}
	}
	if err != nil {
		return nil, publicError(err)
	}
	return result, nil
}

// awaitWriter waits for what the server still does for a run that was killed or cut
// off, before the rows are read that the run is planned for.
func (m *Migrator) awaitWriter(ctx context.Context, conn *pgx.Conn, wait time.Duration) error {
	return m.table.AwaitWriter(ctx, conn, wait, func(h versiontable.Holder) {
		m.tell(Event{Kind: SessionAwaited, Holder: h.String()})
	})
}

// prepare makes a plan and reads what it needs; no job means nothing to do.
func (m *Migrator) prepare(ctx context.Context, conn *pgx.Conn, plan planner, rows []string) (*executor.Job, *Result, error) {
	p, err := plan(rows)
	if err != nil {
		return nil, nil, m.explain(ctx, conn, err)
	}
	result := &Result{Plan: *m.publicPlan(p)}
	if len(p.Steps) == 0 && (!p.Purge || len(p.From) == 0) {
		return nil, result, nil
	}
	job, err := executor.Prepare(p, m.code)
	if err != nil {
		return nil, nil, publicError(err)
	}
	return job, result, nil
}

func (m *Migrator) executorOptions() executor.Options {
	o := executor.Options{
		Table: &m.table, LockTimeout: m.options.LockTimeout, StatementTimeout: m.options.StatementTimeout,
		TransactionTimeout: m.options.TransactionTimeout, IdleTimeout: m.options.IdleTimeout, Role: m.options.Role,
		MaxStall: m.options.MaxStall, Redact: m.options.Redact, LockWait: m.options.LockWait, SingleTransaction: m.options.SingleTransaction,
		Host: host(), Program: "aludel " + Version(),
		OnEvent: func(e executor.Event) { m.tell(m.publicEvent(&e)) },
	}
	o.Before, o.After = m.hooks[0], m.hooks[1]
	if m.alone { // nobody waits, and roles of another server aren't there
		o.MaxStall, o.Role, o.NoRoles = 0, "", true
	}
	return o
}

// host is who runs this, for the history: the login name and the machine.
func host() string {
	name, err := os.Hostname()
	if err != nil {
		name = "unknown host"
	}
	if u, err := user.Current(); err == nil {
		return u.Username + "@" + name
	}
	return name
}

// Version is the version of this module in the running program, "devel" where
// it was built from a checkout.
func Version() string {
	const module = "github.com/aludel-db/aludel"
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "devel"
	}
	version := ""
	if info.Main.Path == module {
		version = info.Main.Version
	}
	for _, dependency := range info.Deps {
		if dependency.Path == module {
			version = dependency.Version
		}
	}
	if version == "" || version == "(devel)" {
		return "devel"
	}
	return version
}
