package interop_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/aludel-db/aludel"
	"github.com/aludel-db/aludel/internal/pgtest"
)

// row is one of the table in docs/autogenerate.md: a change, and whether Alembic
// and Aludel find it.
var row = regexp.MustCompile("^\\| (.*) \\| `(.*)` \\| `(.*)` \\| (yes|no) \\| (yes|no) \\|$")

// TestDetection makes the two states of each row of the table in the manual, and
// has Alembic (Debian's) and Aludel compare them: the manual has to say what they
// find, and what Alembic does, Aludel has to as well.
func TestDetection(t *testing.T) {
	t.Parallel()
	manual, err := os.ReadFile("../../docs/autogenerate.md")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(python, "-W", "ignore", "testdata/detect.py")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	answers, rows := bufio.NewScanner(out), 0
	for line := range strings.Lines(string(manual)) {
		m := row.FindStringSubmatch(strings.TrimSpace(line))
		if m == nil {
			continue
		}
		rows++
		is, wanted := made(t, m[2]), made(t, m[3])
		fmt.Fprintf(in, "%s %s\n", alchemyURL(is), alchemyURL(wanted))
		if !answers.Scan() {
			t.Fatalf("%s: Alembic has ended: %v", m[1], answers.Err())
		}
		d, err := aludel.Diff(read(t, is), read(t, wanted), aludel.DiffOptions{})
		if err != nil {
			t.Fatalf("%s: %v", m[1], err)
		}
		alembic, ours := yes(answers.Text() != "0"), yes(len(d.Statements) > 0)
		if alembic != m[4] || ours != m[5] {
			t.Errorf("%s: Alembic: %s, Aludel: %s; the manual says %s and %s", m[1], alembic, ours, m[4], m[5])
		}
		if ours == "no" {
			t.Errorf("%s is not found", m[1])
		}
	}
	if rows < 30 {
		t.Errorf("the manual has only %d rows", rows)
	}
	if err := in.Close(); err != nil {
		t.Error(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}

func yes(found bool) string { return map[bool]string{true: "yes", false: "no"}[found] }

func made(t *testing.T, sql string) *pgtest.DB {
	t.Helper()
	db := pgtest.New(t)
	db.Exec(t, strings.ReplaceAll(sql, `\|`, "|"))
	return db
}

func alchemyURL(db *pgtest.DB) string {
	return fmt.Sprintf("postgresql+psycopg2://%s@/%s?host=%s&port=%d", db.User, db.Name, db.Host, db.Port)
}

func read(t *testing.T, db *pgtest.DB) *aludel.Snapshot {
	t.Helper()
	s, err := aludel.ReadSnapshot(t.Context(), db.Connect(t), aludel.SnapshotOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}
