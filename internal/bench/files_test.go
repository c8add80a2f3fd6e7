package bench_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// up is a small migration: three statements.
func up(i int) string {
	return fmt.Sprintf("CREATE TABLE t%d (id bigint PRIMARY KEY, name text NOT NULL, at timestamptz DEFAULT now());\n"+
		"CREATE INDEX t%[1]d_name ON t%[1]d (name);\nCOMMENT ON TABLE t%[1]d IS 'table number %[1]d';\n", i)
}

func id(i int) string { return fmt.Sprintf("%012x", i+1) }

// write makes the file of revision i.
func write(b *testing.B, dir string, i int, parents ...int) {
	b.Helper()
	var down []string
	for _, p := range parents {
		down = append(down, id(p))
	}
	text := fmt.Sprintf("-- Migration number %d\n--\n-- revision: %s\n-- down_revision: %s\n-- created: 2026-01-01T00:00:00Z\n\n-- migrate:up\n%s\n"+
		"-- migrate:down\nDROP TABLE t%[1]d;\n", i, id(i), strings.Join(down, ", "), up(i))
	if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%08d_%s_migration.sql", i, id(i))), []byte(text), 0o666); err != nil {
		b.Fatal(err)
	}
}

// chain is a linear history of n revisions.
func chain(b *testing.B, n int) string {
	b.Helper()
	dir := b.TempDir()
	for i := range n {
		if i == 0 {
			write(b, dir, i)
		} else {
			write(b, dir, i, i-1)
		}
	}
	return dir
}

// branchy has n revisions in which every hundred holds a branch of fifty that
// is merged again.
func branchy(b *testing.B, n int) string {
	b.Helper()
	dir := b.TempDir()
	trunk := -1
	for i := 0; i < n; i++ {
		switch step := i % 100; {
		case i == 0:
			write(b, dir, i)
		case step == 50: // a branch begins where the hundred began
			write(b, dir, i, i-50)
		case step == 0:
			write(b, dir, i, trunk, i-1)
		default:
			write(b, dir, i, i-1)
		}
		if i%100 == 49 {
			trunk = i
		}
	}
	return dir
}
