// Package aludeltest gives each test a PostgreSQL database of its own in which a
// program's migrations have run: in tens of milliseconds, since they run once for
// all tests of all packages, and each test gets a copy.
//
//	//go:embed migrations/*.sql
//	var migrations embed.FS
//
//	func TestMain(m *testing.M) { os.Exit(aludeltest.Run(m)) }
//
//	func TestUsers(t *testing.T) {
//		t.Parallel()
//		db := aludeltest.New(t, migrations, aludeltest.Options{Dir: "migrations"})
//		pool, err := pgxpool.New(t.Context(), db.URL())
//		…
//	}
//
// The server is a throw-away one, run by PostgreSQL's programs on this machine
// (those in ALUDEL_TEST_POSTGRES_BIN, else in PATH and the usual places), or the
// one that ALUDEL_TEST_DATABASE_URL or [Options] names. Test processes that run at
// the same time share it. A test fails where there is none: one of a database that
// is skipped proves nothing.
package aludeltest

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/aludel-db/aludel"
	"github.com/aludel-db/aludel/internal/shadow"
)

// Options are those of [New].
type Options struct {
	// Dir is the folder of the revisions within the file system; default its root.
	Dir string
	// Migrations are the options of the revisions: schema, version table and so on.
	Migrations aludel.Options
	// Target is the revision to stop at; default "heads".
	Target string
	// Server is how to connect to a server on which databases may be made, in place
	// of a throw-away one.
	Server *pgx.ConnConfig
}

// patience bounds each step on the server that is not the test's own.
const patience = time.Minute

const (
	// templatePrefix begins the names of the databases that are copied.
	templatePrefix = "aludel_template_"
	testPrefix     = "aludel_test_"
)

// A Database is a test's own.
type Database struct{ config *pgx.ConnConfig }

// shared is this process's hold on the throw-away server. It is a variable of the
// package because testing has no way to hand a value to the tests.
var shared hold

type hold struct {
	mu     sync.Mutex
	users  int // tests, and Run
	server *shadow.Server
}

// Run runs the tests of a package and leaves the server after them; TestMain calls
// it. Without it the server is left whenever no test uses it, and the migrations
// run again for the next one.
func Run(m *testing.M) int {
	shared.mu.Lock()
	shared.users++
	shared.mu.Unlock()
	code := m.Run()
	if err := shared.leave(); err != nil {
		fmt.Fprintln(os.Stderr, "leaving the test server:", err)
		return 1
	}
	return code
}

// enter starts or joins the server.
func (h *hold) enter() (*pgx.ConnConfig, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.server == nil {
		found, err := shadow.Find(shadow.Search{BinDir: os.Getenv("ALUDEL_TEST_POSTGRES_BIN"), Path: os.Getenv("PATH")})
		if err != nil {
			return nil, err
		}
		o := shadow.Options{Installation: found, Name: "aludeltest", TempDir: os.TempDir(), Settings: map[string]string{"max_connections": "300"}}
		if cache, err := os.UserCacheDir(); err == nil { // without a home it is the temporary folder
			o.CacheDir = filepath.Join(cache, "aludel")
		}
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if h.server, err = shadow.Start(ctx, o); err != nil {
			return nil, err
		}
	}
	h.users++
	return h.server.Config("postgres"), nil
}

// leave ends one use.
func (h *hold) leave() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.users--; h.users > 0 || h.server == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	server := h.server
	h.server = nil
	return server.Close(ctx)
}

// New makes a database for a test, in which the revisions of fsys have run, and
// drops it behind the test.
func New(tb testing.TB, fsys fs.FS, options ...Options) *Database {
	tb.Helper()
	o := Options{Target: "heads"}
	if len(options) > 0 {
		o = options[0]
	}
	db, err := o.make(tb, fsys)
	if err != nil {
		tb.Fatalf("making a database for the test: %v", err)
	}
	return db
}

// URL is how to connect to the database. TLS is asked for where the server's own
// settings do.
func (d *Database) URL() string {
	c := d.config
	u := url.URL{Scheme: "postgres", User: url.User(c.User), Path: "/" + c.Database}
	if c.Password != "" {
		u.User = url.UserPassword(c.User, c.Password)
	}
	query := url.Values{"host": {c.Host}, "port": {strconv.Itoa(int(c.Port))}}
	if c.TLSConfig == nil {
		query.Set("sslmode", "disable")
	}
	u.RawQuery = query.Encode()
	return u.String()
}

// Config is the same for pgx; the caller may change it.
func (d *Database) Config() *pgx.ConnConfig { return d.config.Copy() }

// Connect opens a connection that the end of the test closes.
func (d *Database) Connect(tb testing.TB) *pgx.Conn {
	tb.Helper()
	conn, err := pgx.ConnectConfig(tb.Context(), d.config)
	if err != nil {
		tb.Fatal(err)
	}
	cleanup(tb, "closing a connection", conn.Close)
	return conn
}

// cleanup does something at the end of the test, when its context has ended.
func cleanup(tb testing.TB, doing string, do func(context.Context) error) {
	tb.Helper()
	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := do(ctx); err != nil {
			tb.Errorf("%s: %v", doing, err)
		}
	})
}

func (o *Options) make(tb testing.TB, fsys fs.FS) (*Database, error) {
	tb.Helper()
	if o.Dir != "" {
		var err error
		if fsys, err = fs.Sub(fsys, o.Dir); err != nil {
			return nil, err
		}
	}
	m, err := aludel.New(fsys, o.Migrations)
	if err != nil {
		return nil, err
	}
	server, err := o.server(tb)
	if err != nil {
		return nil, err
	}
	admin, err := pgx.ConnectConfig(tb.Context(), server)
	if err != nil {
		return nil, err
	}
	defer func() { _ = admin.Close(context.WithoutCancel(tb.Context())) }()
	template, err := o.template(tb.Context(), admin, m, fsys)
	if err != nil {
		return nil, err
	}
	name := testPrefix + strings.ToLower(rand.Text())
	if err := create(tb.Context(), admin, name, template); err != nil {
		return nil, err
	}
	cleanup(tb, "dropping the test's database", func(ctx context.Context) error { return drop(ctx, server, name) })
	config := server.Copy()
	config.Database = name
	return &Database{config}, nil
}

// server is the one that is named, or a throw-away one until the end of the test.
func (o *Options) server(tb testing.TB) (*pgx.ConnConfig, error) {
	tb.Helper()
	if o.Server != nil {
		return o.Server.Copy(), nil
	}
	if text := os.Getenv("ALUDEL_TEST_DATABASE_URL"); text != "" {
		return pgx.ParseConfig(text)
	}
	server, err := shared.enter()
	if err != nil {
		return nil, err
	}
	cleanup(tb, "leaving the test server", func(context.Context) error { return shared.leave() })
	return server, nil
}

// template is the database to copy. The first one who asks for it has the
// revisions run in it; it becomes a template when they have, and so half of one
// is never taken for a whole.
func (o *Options) template(ctx context.Context, admin *pgx.Conn, m *aludel.Migrator, fsys fs.FS) (string, error) {
	sum, err := o.content(fsys)
	if err != nil {
		return "", err
	}
	name := templatePrefix + hex.EncodeToString(sum[:8])
	ready := func() (is bool, err error) {
		err = admin.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1 AND datistemplate)", name).Scan(&is)
		return is, err
	}
	if is, err := ready(); is || err != nil {
		return name, err
	}
	lock := int64(binary.BigEndian.Uint64(sum[:8])) //nolint:gosec // any number will do
	if _, err := admin.Exec(ctx, "SELECT pg_advisory_lock($1)", lock); err != nil {
		return "", err
	}
	defer func() { _, _ = admin.Exec(context.WithoutCancel(ctx), "SELECT pg_advisory_unlock($1)", lock) }()
	if is, err := ready(); is || err != nil {
		return name, err
	}
	if _, err := admin.Exec(ctx, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)"); err != nil {
		return "", err
	}
	if err := create(ctx, admin, name, "template0"); err != nil {
		return "", err
	}
	if err := o.migrate(ctx, admin, m, name); err != nil {
		return "", errors.Join(err, drop(context.WithoutCancel(ctx), admin.Config(), name))
	}
	_, err = admin.Exec(ctx, "ALTER DATABASE "+name+" WITH IS_TEMPLATE true ALLOW_CONNECTIONS false")
	return name, err
}

func (o *Options) migrate(ctx context.Context, admin *pgx.Conn, m *aludel.Migrator, name string) error {
	config := admin.Config()
	config.Database = name
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return err
	}
	target := o.Target
	if target == "" {
		target = "heads"
	}
	_, err = m.Upgrade(ctx, conn, aludel.UpgradeOptions{Target: target, CreateSchema: true})
	return errors.Join(err, conn.Close(context.WithoutCancel(ctx)))
}

// content is a hash of all that the template is made of.
func (o *Options) content(fsys fs.FS) (sum [sha256.Size]byte, err error) {
	h := sha256.New()
	m := &o.Migrations
	fmt.Fprintf(h, "%q %q %q %q %q %q %q %q", o.Target, m.Schema, m.VersionTable, m.VersionTableSchema, m.HistoryTable, m.BeforeEach, m.AfterEach, m.Role)
	add := func(fsys fs.FS, dir string) error {
		return fs.WalkDir(fsys, dir, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			file, err := fsys.Open(path)
			if err != nil {
				return err
			}
			fmt.Fprintf(h, "%q", path)
			_, err = io.Copy(h, file)
			return errors.Join(err, file.Close())
		})
	}
	if len(m.Revisions) > 0 {
		err = hashCode(h, m.Revisions)
	}
	err = errors.Join(err, add(fsys, "."))
	for _, f := range m.More {
		dir := f.Dir
		if dir == "" {
			dir = "."
		}
		err = errors.Join(err, add(f.FS, dir))
	}
	copy(sum[:], h.Sum(nil))
	return sum, err
}

// hashCode adds revisions in Go: their headers, which functions they are, and the
// program, which alone says what these do.
func hashCode(h io.Writer, revisions []aludel.GoRevision) error {
	for i := range revisions {
		r := &revisions[i]
		fmt.Fprintf(h, "%q %q %q %q %q", r.ID, r.DownRevisions, r.DependsOn, r.BranchLabels, r.Role)
		for _, f := range []any{r.Up, r.UpConn} {
			if pointer := reflect.ValueOf(f).Pointer(); pointer != 0 {
				fmt.Fprintf(h, "%q", runtime.FuncForPC(pointer).Name())
			}
		}
	}
	path, err := os.Executable()
	if err != nil {
		return err
	}
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	_, err = io.Copy(h, file)
	return errors.Join(err, file.Close())
}

// create makes a database as a copy: of its files where PostgreSQL has that as a
// choice, since the default logs every page.
func create(ctx context.Context, admin *pgx.Conn, name, template string) error {
	sql := "CREATE DATABASE " + name + " TEMPLATE " + template
	if aludel.ServerMajor(admin) >= 15 {
		sql += " STRATEGY file_copy"
	}
	_, err := admin.Exec(ctx, sql)
	return err
}

func drop(ctx context.Context, server *pgx.ConnConfig, name string) error {
	conn, err := pgx.ConnectConfig(ctx, server)
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)")
	return errors.Join(err, conn.Close(ctx))
}
