package shadow

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// neutral are connection settings for which pgx would otherwise take libpq's
// variables, which are about the user's own database.
const neutral = "sslmode=disable sslcertmode=allow channel_binding=disable target_session_attrs=any" +
	" min_protocol_version=3.0 max_protocol_version=3.0 user=" + superuser

// connConfig is how to connect, with nothing taken from the environment.
func connConfig(host string, port int, database, password string) (*pgx.ConnConfig, error) {
	config, err := pgx.ParseConfig(neutral)
	if err != nil {
		return nil, fmt.Errorf("preparing the connection settings: %w", err)
	}
	config.Host = host
	config.Port = uint16(port)
	config.Database = database
	config.Password = password
	config.RequireAuth = ""
	config.Fallbacks = nil
	config.RuntimeParams = map[string]string{}
	return config, nil
}

// Config is how to connect to a database of the server through its socket, as
// the superuser. The database need not exist yet.
func (s *Server) Config(database string) *pgx.ConnConfig {
	config := s.config.Copy()
	config.Database = database
	return config
}

// TCPConfig is Config by way of TCP, with the password; nil if the server was
// not asked to listen there.
func (s *Server) TCPConfig(database string) *pgx.ConnConfig {
	if !s.postmaster.tcp {
		return nil
	}
	config := s.Config(database)
	config.Host, config.Password = "127.0.0.1", s.password
	return config
}

// URL is Config as a connection URL, which libpq and psql understand too.
func (s *Server) URL(database string) string {
	return s.postmaster.url(database)
}

func (p postmaster) url(database string) string {
	query := url.Values{"host": {p.run}, "port": {strconv.Itoa(p.port)}}
	u := url.URL{Scheme: "postgres", User: url.User(superuser), Path: "/" + database, RawQuery: query.Encode()}
	return u.String()
}

// EnsureDatabase creates a database unless there is one of this name.
func (s *Server) EnsureDatabase(ctx context.Context, name string) error {
	return s.admin(ctx, "ensuring the database "+name, func(conn *pgx.Conn) error {
		var found bool
		err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", name).Scan(&found)
		if err != nil || found {
			return err
		}
		_, err = conn.Exec(ctx, s.createSQL(name, ""))
		// Two that create one name at once: the second sees the row of the
		// first only in the unique index.
		pgErr := (*pgconn.PgError)(nil)
		if errors.As(err, &pgErr) && (pgErr.Code == duplicateDatabase || pgErr.Code == uniqueViolation) {
			return nil
		}
		return err
	})
}

const (
	duplicateDatabase = "42P04"
	uniqueViolation   = "23505"
)

// CreateDatabase creates a database as a copy of another one, to which nobody
// may be connected; empty = template0, the empty one.
func (s *Server) CreateDatabase(ctx context.Context, name, template string) error {
	return s.admin(ctx, "creating the database "+name, func(conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, s.createSQL(name, template))
		return err
	})
}

// createSQL copies files where PostgreSQL lets us choose (15 and later), as
// all versions before do: writing whole databases to the log takes longer.
func (s *Server) createSQL(name, template string) string {
	if template == "" {
		template = "template0"
	}
	sql := "CREATE DATABASE " + quote(name) + " TEMPLATE " + quote(template)
	if s.version.Major >= 15 {
		sql += " STRATEGY file_copy"
	}
	return sql
}

// DropDatabase drops a database, if there is one of this name, and cuts off
// whoever is connected to it.
func (s *Server) DropDatabase(ctx context.Context, name string) error {
	return s.admin(ctx, "dropping the database "+name, func(conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, "DROP DATABASE IF EXISTS "+quote(name)+" WITH (FORCE)")
		return err
	})
}

func (s *Server) setPassword(ctx context.Context) error {
	err := s.admin(ctx, "setting the password", func(conn *pgx.Conn) error {
		// A failing statement would be written to the log, with the password.
		if _, err := conn.Exec(ctx, "SET log_min_error_statement = panic"); err != nil {
			return err
		}
		_, err := conn.Exec(ctx, "ALTER ROLE "+superuser+" PASSWORD '"+strings.ReplaceAll(s.password, "'", "''")+"'")
		return err
	})
	return err
}

// admin runs do on a connection to the database postgres; doing describes it
// for errors.
func (s *Server) admin(ctx context.Context, doing string, do func(*pgx.Conn) error) error {
	conn, err := pgx.ConnectConfig(ctx, s.Config("postgres"))
	if err == nil {
		err = errors.Join(do(conn), conn.Close(ctx))
	}
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return nil
}

func quote(name string) string { return pgx.Identifier{name}.Sanitize() }
