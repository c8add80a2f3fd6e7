package pgtest

import (
	_ "embed" // describe.sql
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// Dump describes all schemas of the database as text. Two databases of one
// server have the same structure if and only if their dumps are equal. It is
// pg_dump's where the server's installation has that, which sees all there is;
// else, as with the servers from npm, it is read from the catalogs by
// describe.sql, which knows the common kinds of objects.
func (d *DB) Dump(tb testing.TB) string {
	tb.Helper()
	program := filepath.Join(d.server.Installation().BinDir, "pg_dump")
	if _, err := os.Stat(program); err != nil {
		return d.describe(tb)
	}
	return d.dumpWith(tb, program)
}

// dumpNoise is what pg_dump writes beside definitions: its headings, the
// settings it works under, and the random key of \restrict. Headings are told
// by their three lines from comments in the bodies of functions.
var dumpNoise = regexp.MustCompile(`(?m)^(--\n-- (Name: .*; Type: .*|PostgreSQL database dump( complete)?)\n--` +
	`|-- Dumped (from|by) .*|SET [a-z_]+ = .*;|SELECT pg_catalog\.set_config\(.*;|\\(un)?restrict .*)\n`)

var emptyLines = regexp.MustCompile(`\n{2,}`)

func (d *DB) dumpWith(tb testing.TB, program string) string {
	tb.Helper()
	cmd := exec.CommandContext(tb.Context(), program, "--schema-only", "--host="+d.Host,
		"--port="+strconv.Itoa(int(d.Port)), "--username="+d.User, "--dbname="+d.Name, "--no-password")
	cmd.Env = []string{"LC_ALL=C", "PATH=" + os.Getenv("PATH")} // and no PGOPTIONS
	out, err := cmd.Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		tb.Fatalf("pg_dump: %v: %s", err, exit.Stderr)
	}
	if err != nil {
		tb.Fatal(err)
	}
	text := dumpNoise.ReplaceAllString(string(out), "")
	return strings.TrimLeft(emptyLines.ReplaceAllString(text, "\n"), "\n")
}

//go:embed describe.sql
var describeSQL string

func (d *DB) describe(tb testing.TB) string {
	tb.Helper()
	var text strings.Builder
	for _, row := range d.Query(tb, describeSQL) {
		text.WriteString(row[0])
		text.WriteByte('\n')
	}
	return text.String()
}
