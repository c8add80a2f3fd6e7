// Package versiontable is what Aludel keeps in the database: the version table
// with a row for each head, exactly as Alembic has it, the history beside it,
// and the advisory lock that lets one runner work at a time.
//
// It reads rows, and writes the SQL that changes them: the executor sends that
// SQL in the same message as the migration it belongs to. The package knows
// nothing of revisions' files or graphs. It may import pgx, and sqltext for
// quoting.
package versiontable

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/aludel-db/aludel/internal/sqltext"
)

// A Table names the tables of one history of migrations.
type Table struct {
	// Schema holds both tables.
	Schema string
	// Name is the version table, usually "alembic_version".
	Name string
	// History is the history table, usually "aludel_history".
	History string
	// Target is the schema that migrations work in; it must exist as well.
	Target string
}

func (t *Table) version() string { return ident(t.Schema) + "." + ident(t.Name) }
func (t *Table) history() string { return ident(t.Schema) + "." + ident(t.History) }

// A SchemaError is a configured schema that the database doesn't have.
type SchemaError struct {
	Schema   string
	Database string
	Schemas  []string // those that are there, the system's left out
}

func (e *SchemaError) Error() string {
	return fmt.Sprintf("schema %q does not exist in database %q", e.Schema, e.Database)
}

// undefinedTable and others are SQLSTATE codes.
const (
	undefinedTable         = "42P01"
	invalidSchemaName      = "3F000"
	invalidTextForType     = "22P02"
	insufficientPrivileges = "42501"
	cardinalityViolation   = "21000"
)

func hasCode(err error, codes ...string) bool {
	var pgErr *pgconn.PgError
	if !errors.As(err, &pgErr) {
		return false
	}
	for _, code := range codes {
		if pgErr.Code == code {
			return true
		}
	}
	return false
}

// Heads reads the version rows in byte order. exists tells a table without
// rows from no table. It is one round trip where the table is there, and never
// writes.
func (t *Table) Heads(ctx context.Context, conn *pgx.Conn) (heads []string, exists bool, err error) {
	rows, err := query(ctx, conn, "SELECT version_num FROM "+t.version()+` ORDER BY version_num COLLATE "C"`)
	if hasCode(err, undefinedTable, invalidSchemaName) {
		return nil, false, t.checkSchemas(ctx, conn)
	}
	if err != nil {
		return nil, false, fmt.Errorf("reading version table %s: %w", t.version(), err)
	}
	for _, row := range rows {
		heads = append(heads, row[0])
	}
	return heads, true, nil
}

// checkSchemas answers a SchemaError if a configured schema is missing. A
// schema without any privilege counts as there: the statement that needs it
// says so best.
func (t *Table) checkSchemas(ctx context.Context, conn *pgx.Conn) error {
	rows, err := query(ctx, conn, "SELECT current_database(), nspname FROM pg_catalog.pg_namespace "+
		"WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' ORDER BY nspname")
	if err != nil {
		return fmt.Errorf("reading the schemas: %w", err)
	}
	database := conn.Config().Database
	var schemas []string
	for _, row := range rows {
		database = row[0]
		schemas = append(schemas, row[1])
	}
	for _, schema := range []string{t.Target, t.Schema} {
		if !contains(schemas, schema) {
			return &SchemaError{Schema: schema, Database: database, Schemas: schemas}
		}
	}
	return nil
}

func contains(list []string, s string) bool {
	for _, item := range list {
		if item == s {
			return true
		}
	}
	return false
}

// A State is what has to be known before something runs.
type State struct {
	Exists        bool // the version table
	HistoryExists bool
	// HistoryOld tells that the history is from before there were batches, or
	// what undoes a revision was kept.
	HistoryOld bool
	Width      int // characters that a version row holds; 0: no limit
}

// State looks at the tables, in one round trip.
func (t *Table) State(ctx context.Context, conn *pgx.Conn) (State, error) {
	rows, err := query(ctx, conn, `SELECT `+
		`pg_catalog.to_regclass(`+literal(t.version())+`) IS NOT NULL, `+
		`pg_catalog.to_regclass(`+literal(t.history())+`) IS NOT NULL, `+
		`coalesce((SELECT atttypmod - 4 FROM pg_catalog.pg_attribute WHERE attrelid = pg_catalog.to_regclass(`+
		literal(t.version())+`) AND attname = 'version_num' AND atttypmod > 4), 0), `+
		`(SELECT pg_catalog.count(*) < 2 FROM pg_catalog.pg_attribute WHERE attrelid = pg_catalog.to_regclass(`+
		literal(t.history())+`) AND attname IN ('batch', 'down'))`)
	if err != nil {
		return State{}, fmt.Errorf("looking at version table %s: %w", t.version(), err)
	}
	width, err := strconv.Atoi(rows[0][2])
	if err != nil {
		return State{}, fmt.Errorf("looking at version table %s: %w", t.version(), err)
	}
	s := State{Exists: rows[0][0] == "t", HistoryExists: rows[0][1] == "t", Width: width}
	s.HistoryOld = s.HistoryExists && rows[0][3] == "t"
	if !s.Exists {
		return s, t.checkSchemas(ctx, conn)
	}
	return s, nil
}

// alembicWidth is the length of Alembic's version_num.
const alembicWidth = 32

// CreateSQL creates what s lacks and makes the version column wide enough for
// ids of width characters; empty where nothing is to be done. Widening a
// varchar changes the catalog alone.
func (t *Table) CreateSQL(s State, width int) string {
	var b strings.Builder
	column := alembicWidth
	if width > alembicWidth {
		column = 255
	}
	switch {
	case !s.Exists:
		fmt.Fprintf(&b, "CREATE TABLE IF NOT EXISTS %s (\n    version_num VARCHAR(%d) NOT NULL,\n    CONSTRAINT %s PRIMARY KEY (version_num)\n);\n",
			t.version(), column, ident(t.Name+"_pkc"))
	case s.Width > 0 && s.Width < width:
		fmt.Fprintf(&b, "ALTER TABLE %s ALTER COLUMN version_num TYPE VARCHAR(%d);\n", t.version(), column)
	}
	if !s.HistoryExists {
		b.WriteString(t.historyDDL())
	}
	if s.HistoryOld {
		b.WriteString("ALTER TABLE " + t.history() + " ADD COLUMN IF NOT EXISTS batch jsonb, ADD COLUMN IF NOT EXISTS down text;\n")
	}
	return b.String()
}

// CreateSchemaSQL creates the configured schemas where they are missing.
func (t *Table) CreateSchemaSQL() string {
	sql := "CREATE SCHEMA IF NOT EXISTS " + ident(t.Target) + ";\n"
	if t.Schema != t.Target {
		sql += "CREATE SCHEMA IF NOT EXISTS " + ident(t.Schema) + ";\n"
	}
	return sql
}

// LockSQL keeps other runners, Alembic's included, from changing the rows
// until the transaction ends. Readers are not in its way.
func (t *Table) LockSQL() string {
	return "LOCK TABLE " + t.version() + " IN SHARE ROW EXCLUSIVE MODE;\n"
}

// staleHeads starts the value in the error that CheckSQL provokes.
const staleHeads = "aludel: the version table holds "

// CheckSQL fails unless the version rows are exactly heads, which are in byte
// order. It needs no function and no PL/pgSQL: the text of what was found is
// cast to an integer, and PostgreSQL quotes it in its refusal. The usual single
// head has a form of its own, which costs the server a fifth of the other: it
// runs with every migration.
func (t *Table) CheckSQL(heads []string) string {
	if len(heads) == 1 {
		return "SELECT CAST(nullif(" + literal(staleHeads) + " || coalesce((SELECT version_num FROM " + t.version() + "), ''), " +
			literal(staleHeads+heads[0]) + ") AS integer) AS heads_checked;\n"
	}
	return "SELECT CAST(nullif(" + literal(staleHeads) + " || coalesce(pg_catalog.string_agg(version_num, ',' ORDER BY version_num COLLATE \"C\"), ''), " +
		literal(staleHeads+strings.Join(heads, ",")) + ") AS integer) AS heads_checked FROM " + t.version() + ";\n"
}

// IsStale tells that err is CheckSQL's: somebody else has changed the rows.
func IsStale(err error) bool {
	var pgErr *pgconn.PgError
	return errors.As(err, &pgErr) && (pgErr.Code == invalidTextForType && strings.Contains(pgErr.Message, staleHeads) ||
		pgErr.Code == cardinalityViolation) // more rows than one
}

// RowsSQL removes and adds version rows. One for one is an UPDATE, as in
// Alembic.
func (t *Table) RowsSQL(removes, adds []string) string {
	table := t.version()
	var b strings.Builder
	if len(removes) == 1 && len(adds) == 1 {
		fmt.Fprintf(&b, "UPDATE %s SET version_num = %s WHERE version_num = %s;\n", table, literal(adds[0]), literal(removes[0]))
		return b.String()
	}
	for _, id := range removes {
		fmt.Fprintf(&b, "DELETE FROM %s WHERE version_num = %s;\n", table, literal(id))
	}
	for _, id := range adds {
		fmt.Fprintf(&b, "INSERT INTO %s (version_num) VALUES (%s);\n", table, literal(id))
	}
	return b.String()
}

// PurgeSQL removes all version rows.
func (t *Table) PurgeSQL() string { return "DELETE FROM " + t.version() + ";\n" }

func literal(s string) string  { return sqltext.QuoteLiteral(s) }
func ident(name string) string { return sqltext.QuoteIdent(name) }

// query runs one statement in the simple protocol, which is one round trip and
// leaves no prepared statement behind, and answers its rows as text, with NULL
// as the empty string.
func query(ctx context.Context, conn *pgx.Conn, sql string) ([][]string, error) {
	results, err := conn.PgConn().Exec(ctx, sql).ReadAll()
	if err != nil {
		return nil, err
	}
	var rows [][]string
	for _, values := range results[len(results)-1].Rows {
		row := make([]string, len(values))
		for i, v := range values {
			row[i] = string(v)
		}
		rows = append(rows, row)
	}
	return rows, nil
}
