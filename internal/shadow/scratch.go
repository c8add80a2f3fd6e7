package shadow

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// ScratchOptions say where throw-away databases are made.
type ScratchOptions struct {
	// Server is how to connect to a server on which databases may be made, and
	// from whose database that is done; nil is a throw-away server of our own.
	Server *pgx.ConnConfig
	// Major is the major version that the server has to have; 0 = any.
	Major int
	// Search finds the server of our own; its Major is not looked at.
	Search Search
	// CacheDir, TempDir and MemDir are as in [Options].
	CacheDir, TempDir, MemDir string
}

// A Scratch makes databases that go when it is closed. Roles and extensions are
// those of its server. It is safe for concurrent use, but for Close.
type Scratch struct {
	options ScratchOptions
	// installation is what a server of our own runs; its BinDir is empty where
	// the server is somebody else's.
	installation Installation
	major        int

	mu       sync.Mutex
	own      *Server         // nil until it is needed
	server   *pgx.ConnConfig // nil as long
	conns    []*pgx.Conn
	names    []string
	roles    []string  // those that were made because something named them
	keepsake *keepsake // nil: none
}

// scratchPrefix names the databases on a server that is not ours, with the time
// in Unix seconds behind it, for those that sweep up after a killed process.
const scratchPrefix = "aludel_shadow_"

// scratchAge is how old a database without sessions has to be to be swept.
const scratchAge = time.Hour

// VersionError is a server of another major version than the one asked for: it
// writes definitions in another way, and knows other ones.
type VersionError struct{ Major, Wanted int }

func (e *VersionError) Error() string {
	return fmt.Sprintf("the shadow server is PostgreSQL %d, and the database's is %d", e.Major, e.Wanted)
}

// OpenScratch finds the server, or connects to it. One of our own is started, or
// joined, by the first [Scratch.Create].
func OpenScratch(ctx context.Context, o ScratchOptions) (*Scratch, error) {
	s := &Scratch{options: o, server: o.Server}
	if o.Server == nil {
		search := o.Search
		search.Major = o.Major
		var err error
		s.installation, err = Find(search)
		s.major = s.installation.Major
		return s, err
	}
	err := s.admin(ctx, func(conn *pgx.Conn) error {
		var number string
		if err := conn.QueryRow(ctx, "SELECT current_setting('server_version_num')").Scan(&number); err != nil {
			return err
		}
		n, err := strconv.Atoi(number)
		if err != nil {
			return err
		}
		if s.major = n / 10000; o.Major != 0 && s.major != o.Major {
			return &VersionError{Major: s.major, Wanted: o.Major}
		}
		return sweepScratch(ctx, conn)
	})
	if err != nil {
		return nil, fmt.Errorf("opening the shadow server: %w", err)
	}
	return s, nil
}

// running answers how to connect to the server, and starts it where it is ours.
func (s *Scratch) running(ctx context.Context) (*pgx.ConnConfig, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.server != nil {
		return s.server, nil
	}
	err := s.start(ctx, Options{Name: "state"})
	return s.server, err
}

// start starts a server of our own.
func (s *Scratch) start(ctx context.Context, o Options) error {
	o.Installation, o.CacheDir, o.TempDir, o.MemDir = s.installation, s.options.CacheDir, s.options.TempDir, s.options.MemDir
	own, err := Start(ctx, o)
	if err != nil {
		return fmt.Errorf("starting a throw-away PostgreSQL: %w", err)
	}
	s.own, s.server = own, own.Config("postgres")
	return nil
}

// sweepScratch drops what a killed process has left.
func sweepScratch(ctx context.Context, conn *pgx.Conn) error {
	rows, err := conn.Query(ctx, `SELECT datname FROM pg_database d WHERE datname ~ ('^`+scratchPrefix+`[0-9]+_[0-9a-f]+$')
  AND split_part(datname, '_', 3)::bigint < extract(epoch FROM now()) - $1
  AND pg_has_role(datdba, 'USAGE') AND NOT EXISTS (SELECT FROM pg_stat_activity a WHERE a.datid = d.oid)`, int(scratchAge.Seconds()))
	if err != nil {
		return err
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	for _, name := range names {
		if err == nil {
			_, err = conn.Exec(ctx, "DROP DATABASE IF EXISTS "+quote(name))
		}
	}
	return err
}

// Major is the server's major version.
func (s *Scratch) Major() int { return s.major }

// BinDir has the server's programs; empty where the server is not ours.
func (s *Scratch) BinDir() string { return s.installation.BinDir }

// Create makes a database and connects to it. It is a copy of the one that
// [Scratch.Seal] answered; empty = a new one.
func (s *Scratch) Create(ctx context.Context, template string) (*pgx.Conn, error) {
	if template == "" {
		template = "template0"
	}
	var random [6]byte
	_, _ = rand.Read(random[:]) // never fails, by its contract
	name := scratchPrefix + strconv.FormatInt(time.Now().Unix(), 10) + "_" + hex.EncodeToString(random[:])
	sql := "CREATE DATABASE " + quote(name) + " TEMPLATE " + quote(template)
	if s.major >= 15 && s.BinDir() != "" { // as in Server.createSQL
		sql += " STRATEGY file_copy"
	}
	err := s.admin(ctx, func(conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, sql)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("creating a throw-away database: %w", err)
	}
	s.mu.Lock()
	s.names = append(s.names, name)
	s.mu.Unlock()
	return s.Connect(ctx, name)
}

// Connect connects to a database that was made before.
func (s *Scratch) Connect(ctx context.Context, name string) (*pgx.Conn, error) {
	server, err := s.running(ctx)
	if err != nil {
		return nil, err
	}
	config := server.Copy()
	config.Database = name
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("connecting to a throw-away database: %w", err)
	}
	s.mu.Lock()
	s.conns = append(s.conns, conn)
	s.mu.Unlock()
	return conn, nil
}

// Seal ends the connection to a database, so that others can be made of it.
func (s *Scratch) Seal(ctx context.Context, conn *pgx.Conn) (template string, err error) {
	return conn.Config().Database, conn.Close(ctx)
}

// Run executes SQL in one of the databases. A role that isn't there is made. The
// error of a statement is a [*pgconn.PgError].
func (s *Scratch) Run(ctx context.Context, conn *pgx.Conn, sql string) error {
	for {
		_, err := conn.Exec(ctx, sql, pgx.QueryExecModeSimpleProtocol)
		if !s.MakeRole(ctx, conn, err) {
			return err
		}
	}
}

// batchLength is how many statements go in one message, which is a transaction:
// one that made thousands of tables would need more locks than a server has.
const batchLength = 250

// RunAll executes statements, many at a time. It answers how many were: those of
// a message that fails have not run.
func (s *Scratch) RunAll(ctx context.Context, conn *pgx.Conn, statements []string) (ran int, err error) {
	for batch := range slices.Chunk(statements, batchLength) {
		if err := s.Run(ctx, conn, strings.Join(batch, ";\n")); err != nil {
			return ran, err
		}
		ran += len(batch)
	}
	return ran, nil
}

// MakeRole makes the role that err says is missing, where the server is our own:
// it has none of those that owners and privileges speak of. It tells whether what
// failed can be tried again.
func (s *Scratch) MakeRole(ctx context.Context, conn *pgx.Conn, err error) bool {
	role, missing := missingRole(err)
	if !missing || s.BinDir() == "" {
		return false
	}
	_, err = conn.Exec(ctx, "CREATE ROLE "+quote(role), pgx.QueryExecModeSimpleProtocol)
	s.mu.Lock()
	s.roles = append(s.roles, role)
	s.mu.Unlock()
	var pgErr *pgconn.PgError
	return err == nil || errors.As(err, &pgErr) && pgErr.Code == "42710" // another has just made it
}

// Close drops the databases and lets go of the server.
func (s *Scratch) Close(ctx context.Context) error {
	var err error
	for _, conn := range s.conns {
		err = errors.Join(err, conn.Close(ctx))
	}
	if s.own != nil {
		err = errors.Join(err, s.own.CloseSaving(ctx, s.names, s.saving()))
	} else {
		err = errors.Join(err, s.drop(ctx))
	}
	s.conns, s.names, s.keepsake = nil, nil, nil
	return err
}

func (s *Scratch) drop(ctx context.Context) error {
	if len(s.names) == 0 {
		return nil
	}
	return s.admin(ctx, func(conn *pgx.Conn) error {
		var err error
		for _, name := range s.names {
			_, dropErr := conn.Exec(ctx, "DROP DATABASE IF EXISTS "+quote(name)+" WITH (FORCE)")
			err = errors.Join(err, dropErr)
		}
		return err
	})
}

// admin runs do on a connection of its own.
func (s *Scratch) admin(ctx context.Context, do func(*pgx.Conn) error) error {
	server, err := s.running(ctx)
	if err != nil {
		return err
	}
	conn, err := pgx.ConnectConfig(ctx, server)
	if err != nil {
		return err
	}
	return errors.Join(do(conn), conn.Close(ctx))
}

// missingRole reads the name of the role that a statement misses.
func missingRole(err error) (string, bool) {
	var pgErr *pgconn.PgError
	if !errors.As(err, &pgErr) || pgErr.Code != "42704" {
		return "", false
	}
	role, isRole := strings.CutPrefix(pgErr.Message, `role "`)
	role, missing := strings.CutSuffix(role, `" does not exist`)
	return role, isRole && missing
}
