// Package observe describes what a database holds without any of the code that
// plans changes: by pg_dump where it is at hand, else by plain queries. What a
// migration was to bring about is proven by comparing two descriptions. It may
// import pgx and the standard library.
package observe

import (
	"context"
	_ "embed" // describe.sql
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
)

// PgDump is the path of pg_dump in a folder of PostgreSQL's programs, empty
// where it has none: the servers from npm come without.
func PgDump(binDir string) string {
	program := filepath.Join(binDir, "pg_dump")
	if _, err := os.Stat(program); binDir == "" || err != nil {
		return ""
	}
	return program
}

// dumpNoise is what pg_dump writes beside definitions: its headings, the
// settings it works under, and the random key of \restrict. Headings are told
// by their three lines from comments in the bodies of functions.
var dumpNoise = regexp.MustCompile(`(?m)^(--\n-- (Name: .*; Type: .*|PostgreSQL database dump( complete)?)\n--` +
	`|-- Dumped (from|by) .*|SET [a-z_]+ = .*;|SELECT pg_catalog\.set_config\(.*;|\\(un)?restrict .*)\n`)

var emptyLines = regexp.MustCompile(`\n{2,}`)

// Dump is what pg_dump --schema-only writes of a database, without its noise.
// arguments are further ones.
func Dump(ctx context.Context, program string, config *pgx.ConnConfig, arguments ...string) (string, error) {
	cmd := exec.CommandContext(ctx, program, append([]string{
		"--schema-only", "--host=" + config.Host, "--port=" + strconv.Itoa(int(config.Port)),
		"--username=" + config.User, "--dbname=" + config.Database, "--no-password",
	}, arguments...)...)
	cmd.Env = []string{"LC_ALL=C", "PATH=/usr/bin:/bin"} // and no PGOPTIONS
	out, err := cmd.Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return "", fmt.Errorf("pg_dump: %w: %s", err, exit.Stderr)
	}
	if err != nil {
		return "", fmt.Errorf("pg_dump: %w", err)
	}
	text := dumpNoise.ReplaceAllString(string(out), "")
	return strings.TrimLeft(emptyLines.ReplaceAllString(text, "\n"), "\n"), nil
}

//go:embed describe.sql
var describeSQL string

// Describe is the same by queries, which know the common kinds of objects: one
// line each. Two databases of one server have the same structure only if the
// lines are equal.
func Describe(ctx context.Context, conn *pgx.Conn) (string, error) {
	var text strings.Builder
	err := describe(ctx, conn, describeSQL, func(_ uint32, line []byte) {
		text.Write(line)
		text.WriteByte('\n')
	})
	return text.String(), err
}

// describe runs the queries; each hears of every line, and of the table, view or
// sequence that it is about.
func describe(ctx context.Context, conn *pgx.Conn, sql string, each func(about uint32, line []byte)) error {
	// The description's own search path must not stay.
	results := conn.PgConn().Exec(ctx, "BEGIN;"+strings.Replace(sql, "SET search_path", "SET LOCAL search_path", 1)+"ROLLBACK")
	var wrong error
	for results.NextResult() {
		rows := results.ResultReader()
		for rows.NextRow() {
			about, err := strconv.ParseUint(string(rows.Values()[0]), 10, 32)
			wrong = errors.Join(wrong, err)
			each(uint32(about), rows.Values()[1]) //nolint:gosec // an OID has 32 bits
		}
	}
	if err := errors.Join(wrong, results.Close()); err != nil {
		_, rollback := conn.Exec(ctx, "ROLLBACK")
		return fmt.Errorf("describing the database: %w", errors.Join(err, rollback))
	}
	return nil
}

// A Scope says what of a database to look at: schemas, all where none are named,
// without owners and privileges, and without some of their tables.
type Scope struct {
	Schemas []string
	// Without are tables, each with its schema, with all that is theirs.
	Without [][2]string
}

// Lines describes a scope for comparison: sorted, and without what may differ
// between two ways to the same state, the order of columns above all.
func (s Scope) Lines(ctx context.Context, program string, conn *pgx.Conn) ([]string, error) {
	if program == "" {
		text, err := Describe(ctx, conn)
		return s.of(Lines(text)), err
	}
	arguments := []string{"--no-owner", "--no-privileges"}
	for _, schema := range s.Schemas {
		arguments = append(arguments, "--schema="+exactly(schema))
	}
	for _, table := range s.Without {
		arguments = append(arguments, "--exclude-table="+exactly(table[0])+"."+exactly(table[1]))
	}
	text, err := Dump(ctx, program, conn.Config(), arguments...)
	// The schemas themselves are whoever's who keeps the server.
	return slices.DeleteFunc(Statements(text), func(statement string) bool {
		return strings.HasPrefix(statement, "COMMENT ON SCHEMA ") || strings.HasPrefix(statement, "CREATE SCHEMA ")
	}), err
}

// exactly is a name as a pattern of pg_dump's that picks it alone.
func exactly(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// Statements are those of a dump, sorted, the lines of a table sorted too: the
// order of columns and of statements doesn't count, and what can be written in
// several ways is written in one.
func Statements(dump string) []string {
	var statements []string
	for statement := range strings.SplitSeq(dump, ";\n") {
		var lines []string
		for line := range strings.Lines(statement) {
			line = parameters.ReplaceAllStringFunc(strings.TrimRight(line, ",\n "), sortedParameters)
			line = columnLists.ReplaceAllStringFunc(line, sortedColumns)
			if line != "" && !strings.HasPrefix(line, "--") && !strings.HasPrefix(line, "\\") && !strings.HasPrefix(line, "SET ") {
				lines = append(lines, line)
			}
		}
		if len(lines) == 0 {
			continue
		}
		if createsTable.MatchString(lines[0]) || slices.Contains(lines, "OPTIONS (") || strings.HasSuffix(lines[0], "OPTIONS (") {
			slices.Sort(lines)
		}
		statements = append(statements, strings.Join(lines, "\n"))
	}
	slices.Sort(statements)
	return statements
}

var (
	createsTable = regexp.MustCompile(`^CREATE (UNLOGGED |FOREIGN )?TABLE `)
	// parameters stand in the order in which they were set.
	parameters = regexp.MustCompile(`WITH \([a-z_.]+=[^)]*\)`)
	// columnLists are those of publications and statistics, which go by the order
	// of the table's columns.
	columnLists = regexp.MustCompile(`^(?:ALTER PUBLICATION .* TABLE ONLY \S+ \([a-z0-9_, ]*\)|CREATE STATISTICS .* ON [a-z0-9_, ]* FROM )`)
)

func sortedColumns(text string) string {
	at := max(strings.LastIndex(text, " ("), strings.LastIndex(text, " ON ")+2) + 2
	end := strings.LastIndexAny(strings.TrimSuffix(text, " FROM "), ")") // of a publication
	if end < at {
		end = len(text) - len(" FROM ")
	}
	columns := strings.Split(text[at:end], ", ")
	slices.Sort(columns)
	return text[:at] + strings.Join(columns, ", ") + text[end:]
}

// sortedParameters writes switches as true and false, as they may be on and off.
func sortedParameters(with string) string {
	list := strings.Split(strings.TrimSuffix(strings.TrimPrefix(with, "WITH ("), ")"), ", ")
	for i, p := range list {
		p = strings.ReplaceAll(p, "'", "")
		name, value, _ := strings.Cut(p, "=")
		switch value {
		case "on", "yes":
			value = "true"
		case "off", "no":
			value = "false"
		}
		list[i] = name + "=" + value
	}
	slices.Sort(list)
	return "WITH (" + strings.Join(list, ", ") + ")"
}

var (
	// loose are the position of a column, and lists.
	loose = regexp.MustCompile(` [0-9]{4} | acl=(?:\{[^}]*\}|\S*)| options=\S*`)
	owned = regexp.MustCompile(` owner=\S*`)
	// numbered are names that PostgreSQL gives, with a number where one was taken.
	numbered = regexp.MustCompile(`_not_null[0-9]* |_fkey_[0-9_]+ `)
)

// Lines are those of a description, sorted, without where columns stand, and
// without what can be written in two ways: there the catalog has to do.
func Lines(description string) []string {
	text := strings.ReplaceAll(description, " AS text", "")
	if strings.Contains(text, " acl=") { // as all that has a position or options
		text = loose.ReplaceAllString(text, " ")
	}
	if strings.Contains(text, "_not_null") || strings.Contains(text, "_fkey_") {
		text = numbered.ReplaceAllString(text, "_not_null ")
	}
	lines := strings.Split(text, "\n")
	for i, l := range lines {
		if s, ok := strings.CutPrefix(l, "statistics "); ok {
			lines[i] = columnLists.ReplaceAllStringFunc(s, sortedColumns)
		}
		if strings.Contains(l, " AND ") || strings.Contains(l, " OR ") { // which the parser nests
			lines[i] = strings.NewReplacer("(", "", ")", "").Replace(l)
		}
	}
	lines = slices.DeleteFunc(lines, func(l string) bool { return l == "" || strings.Contains(l, "ARRAY[") })
	slices.Sort(lines)
	return lines
}

// of picks the lines of a description that are in the scope, without owners.
func (s Scope) of(lines []string) []string {
	scope := newScopeFilter(s)
	for i := range lines {
		lines[i] = owned.ReplaceAllString(lines[i], "")
	}
	return slices.DeleteFunc(lines, func(line string) bool { return !scope.has(line) })
}

// A scopeFilter knows the lines of a scope by the names in them.
type scopeFilter struct{ inside, outside []string }

func newScopeFilter(s Scope) *scopeFilter {
	f := &scopeFilter{}
	for _, schema := range s.Schemas {
		f.inside = append(f.inside, " "+schema+".", " "+pgx.Identifier{schema}.Sanitize()+".")
	}
	for _, table := range s.Without {
		f.outside = append(f.outside, table[0]+"."+table[1], pgx.Identifier{table[0]}.Sanitize()+"."+pgx.Identifier{table[1]}.Sanitize())
	}
	return f
}

func (f *scopeFilter) has(line string) bool {
	in := func(part string) bool { return strings.Contains(line, part) }
	return (len(f.inside) == 0 || slices.ContainsFunc(f.inside, in)) && !slices.ContainsFunc(f.outside, in)
}

// Compare tells in a few lines how two descriptions differ; empty where they
// are equal.
func Compare(want, got []string) string {
	seen := make(map[string]bool, len(want))
	for _, line := range want {
		seen[line] = false
	}
	var less, more strings.Builder
	for _, line := range got {
		if _, wanted := seen[line]; wanted {
			seen[line] = true
		} else {
			mark(&more, "+ ", line)
		}
	}
	for _, line := range want {
		if !seen[line] {
			mark(&less, "- ", line)
		}
	}
	return less.String() + more.String()
}

func mark(b *strings.Builder, sign, line string) {
	b.WriteString(sign + strings.ReplaceAll(line, "\n", "\n  ") + "\n")
}
