package cli_test

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/aludel-db/aludel/internal/pgtest"
)

// varying is what differs from run to run in the tour's output.
var varying = []struct {
	pattern *regexp.Regexp
	shown   string
}{
	{regexp.MustCompile(`done in [0-9.]+(µs|ms|s)`), "done in 2.1ms"},
	{regexp.MustCompile(`\b20[0-9]{12}_`), "20261123140626_"},
	{regexp.MustCompile(`created: 20[0-9TZ:-]+`), "created: 2026-11-23T14:06:26Z"},
	{regexp.MustCompile(`on PostgreSQL [0-9]+: (.*) and by (pg_dump|queries)`), "on PostgreSQL 15: $1 and by pg_dump"},
	{regexp.MustCompile(`Database   .*, schema`), "Database   app on localhost:5432, schema"},
	{regexp.MustCompile(`'[^' ]+@[^' ]+', 'aludel [^']+'`), "'you@host', 'aludel v1'"},
}

// TestReadme runs the commands of the README's tour, in order, and compares
// what they print; with -update it writes that into the README.
func TestReadme(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	db := pgtest.New(t)
	dir := t.TempDir()
	environ := append(os.Environ(), "POSTGRES_SERVER="+db.Host, fmt.Sprintf("POSTGRES_PORT=%d", db.Port), "POSTGRES_USER="+db.User, "POSTGRES_DB="+db.Name, "LC_ALL=C.UTF-8",
		"ALUDEL_POSTGRES_BIN="+pgtest.Server(t).Installation().BinDir)
	var out strings.Builder
	inTour, commands := false, 0
	for line := range strings.Lines(string(data)) {
		switch {
		case strings.HasPrefix(line, "```console"):
			inTour = true
		case strings.HasPrefix(line, "```"):
			inTour = false
		case inTour && !strings.HasPrefix(line, "$ "):
			continue // what was printed when this was written
		}
		out.WriteString(line)
		if command, ok := strings.CutPrefix(line, "$ "); ok && inTour {
			cmd := exec.Command("sh", "-c", command)
			cmd.Dir, cmd.Env = dir, environ
			printed, _ := cmd.CombinedOutput() // some are meant to fail
			text := string(printed)
			for _, v := range varying {
				text = v.pattern.ReplaceAllString(text, v.shown)
			}
			out.WriteString(text)
			commands++
		}
	}
	if commands < 15 {
		t.Errorf("the tour has only %d commands", commands)
	}
	if *update {
		if err := os.WriteFile("../README.md", []byte(out.String()), 0o666); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(string(data), out.String()); diff != "" {
		t.Errorf("the tour prints something else (-README +now; make golden rewrites it):\n%s", diff)
	}
}
