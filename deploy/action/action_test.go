// Package action_test runs what the GitHub Action runs.
package action_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A project is a folder as a workflow has checked it out, with aludel in PATH.
type project struct {
	dir string
	env []string
}

func setup(t *testing.T) *project {
	t.Helper()
	if _, err := exec.LookPath("bash"); err != nil {
		t.Skip("the action's steps are in bash, which is not here")
	}
	p := &project{dir: t.TempDir()}
	bin := filepath.Join(p.dir, "bin")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", bin+"/", "../../cmd/aludel")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	p.env = append(os.Environ(), "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	return p
}

func (p *project) write(t *testing.T, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(p.dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

// run answers a command's exit status, and all that it has said.
func (p *project) run(t *testing.T, env []string, name string, args ...string) (int, string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir, cmd.Env = p.dir, append(p.env, env...)
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), string(out)
}

// agreeing are files whose revisions and models agree.
var agreeing = map[string]string{
	"db/aludel.toml":               "[models]\nsql = [\"schema.sql\"]\n",
	"db/schema.sql":                "CREATE TABLE a (id int);\n",
	"db/migrations/versions/1.sql": "-- a\n--\n-- revision: a1\n\n-- migrate:up\nCREATE TABLE a (id int);\n\n-- migrate:down\nDROP TABLE a;\n",
}

// TestSteps: the status is aludel's, and so is the report.
func TestSteps(t *testing.T) {
	t.Parallel()
	p := setup(t)
	p.write(t, agreeing)
	output := filepath.Join(p.dir, "output")
	env := []string{"VERSION=", "ARGS=-c db --no-database --strict", "RUNNER_TEMP=" + p.dir, "GITHUB_OUTPUT=" + output, "GITHUB_PATH=" + output}
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	if status, said := p.run(t, env, filepath.Join(here, "install")); status != 0 || !strings.HasPrefix(said, "aludel ") {
		t.Errorf("install: %d %s", status, said)
	}
	for _, c := range []struct {
		schema, says string
		status       int
	}{
		{"CREATE TABLE a (id int);", "", 0},
		{"CREATE TABLE a (id int); CREATE TABLE b (id int);", "CREATE TABLE", 3},
		{"CREATE NONSENSE;", "syntax error", 1},
	} {
		p.write(t, map[string]string{"db/schema.sql": c.schema, "output": ""})
		status, said := p.run(t, env, filepath.Join(here, "check"))
		if status != c.status || !strings.Contains(said, c.says) {
			t.Errorf("%s: %d, not %d: %s", c.schema, status, c.status, said)
		}
		out, err := os.ReadFile(output)
		if want := "status=" + string(rune('0'+c.status)) + "\nreport=" + p.dir + "/aludel-check.md\n"; err != nil || string(out) != want {
			t.Errorf("%v %q, not %q", err, out, want)
		}
		report, err := os.ReadFile(filepath.Join(p.dir, "aludel-check.md"))
		if err != nil || c.status != 1 && len(bytes.TrimSpace(report)) == 0 {
			t.Errorf("%v %q", err, report)
		}
	}
}

// TestAct has act run the action as a workflow calls it, on this machine.
func TestAct(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("act"); err != nil {
		t.Skip("act is not installed: go install github.com/nektos/act@v0.2.89")
	}
	p := setup(t)
	p.write(t, agreeing)
	p.write(t, map[string]string{
		".github/workflows/check.yml": "on: push\njobs:\n  check:\n    runs-on: ubuntu-latest\n    steps:\n      - uses: actions/checkout@v4\n      - uses: ./\n        with:\n          working-directory: db\n",
	})
	for _, copied := range []string{"action.yml", "deploy/action/install", "deploy/action/check"} {
		text, err := os.ReadFile("../../" + copied)
		if err != nil {
			t.Fatal(err)
		}
		p.write(t, map[string]string{copied: string(text)})
		if err := os.Chmod(filepath.Join(p.dir, copied), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{{"init", "-q"}, {"add", "db", ".github", "action.yml", "deploy"}, {"-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qm", "t"}} {
		if status, said := p.run(t, nil, "git", args...); status != 0 {
			t.Fatal(said)
		}
	}
	env := []string{"XDG_CACHE_HOME=" + t.TempDir()}
	act := []string{"push", "-P", "ubuntu-latest=-self-hosted"}
	if status, said := p.run(t, env, "act", act...); status != 0 {
		t.Errorf("%d: %s", status, said)
	}
	p.write(t, map[string]string{"db/schema.sql": "CREATE TABLE b (id int);"})
	if status, said := p.run(t, env, "act", act...); status == 0 || !strings.Contains(said, "CREATE TABLE") {
		t.Errorf("%d: %s", status, said)
	}
}
