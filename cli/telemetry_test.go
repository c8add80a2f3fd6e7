package cli_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/aludel-db/aludel/cli"
	"github.com/aludel-db/aludel/internal/pgtest"
)

// A pushed is a request that a Pushgateway got.
type pushed struct{ method, path, user, body string }

// pushgateway listens, and answers with a status.
func pushgateway(t *testing.T, status int) (url string, got chan pushed) {
	t.Helper()
	got = make(chan pushed, 10)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		user, password, _ := r.BasicAuth()
		got <- pushed{r.Method, r.URL.EscapedPath(), user + ":" + password, string(body)}
		w.WriteHeader(status)
	}))
	t.Cleanup(server.Close)
	return server.URL, got
}

// project makes a folder with two revisions, of which the second fails.
func project(t *testing.T) (dir string, environment []string) {
	t.Helper()
	db := pgtest.New(t)
	dir = t.TempDir()
	for name, text := range map[string]string{
		"aludel.toml": "[migrations]\ndir = \".\"\n",
		"1.sql":       "-- one\n--\n-- revision: a1\n-- migrate:up\nCREATE TABLE one (id int);\n",
		"2.sql":       "-- two\n--\n-- revision: b2\n-- down_revision: a1\n-- migrate:up\nNONSENSE;\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir, []string{"POSTGRES_SERVER=" + db.Host, fmt.Sprintf("POSTGRES_PORT=%d", db.Port), "POSTGRES_USER=" + db.User, "POSTGRES_DB=" + db.Name}
}

func call(dir string, environment []string, args ...string) (status int, stdout, stderr string) {
	var out, err bytes.Buffer
	status = cli.Main(cli.Options{Args: args, Dir: dir, Environ: environment, Stdin: strings.NewReader(""), Stdout: &out, Stderr: &err})
	return status, out.String(), err.String()
}

func metric(text, name string) string {
	found := regexp.MustCompile(`(?m)^` + name + `(?:\{[^}]*\})? (\S+)$`).FindStringSubmatch(text)
	if found == nil {
		return ""
	}
	return found[1]
}

// TestPushgateway: one group a command and database, whose last success outlives a failure.
func TestPushgateway(t *testing.T) {
	t.Parallel()
	dir, environment := project(t)
	address, got := pushgateway(t, http.StatusOK)
	address = strings.Replace(address, "//", "//me:secret@", 1) + "/behind/a/proxy/"
	if status, _, said := call(dir, environment, "upgrade", "a1", "--pushgateway", address); status != 0 || said != "" {
		t.Fatalf("status %d: %s", status, said)
	}
	request := <-got
	name := strings.TrimPrefix(environment[3], "POSTGRES_DB=")
	if request.method != "POST" || request.path != "/behind/a/proxy/metrics/job/aludel/command/upgrade/database/"+name+"/schema/public" || request.user != "me:secret" {
		t.Errorf("%+v", request)
	}
	if b := request.body; metric(b, "aludel_last_run_exit_status") != "0.000" || metric(b, "aludel_last_run_steps") != "1.000" ||
		metric(b, "aludel_last_success_timestamp_seconds") == "" {
		t.Error(b)
	}
	if status, _, _ := call(dir, environment, "upgrade", "head", "--pushgateway", address); status != 1 {
		t.Fatalf("status %d", status)
	}
	if b := (<-got).body; metric(b, "aludel_last_run_exit_status") != "1.000" || metric(b, "aludel_last_success_timestamp_seconds") != "" {
		t.Error(b)
	}
}

// TestTelemetryFails: a migration that went well did, whoever hears of it or not.
func TestTelemetryFails(t *testing.T) {
	t.Parallel()
	refusing, _ := pushgateway(t, http.StatusInternalServerError)
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	for _, c := range []struct{ flag, value, says string }{
		{"--pushgateway", refusing, `warning: the metrics were not pushed: .* answered "HTTP/1.1 500 `},
		{"--pushgateway", closed.URL, "warning: the metrics were not pushed: .*refused"},
		{"--pushgateway", "http://me:secret@[::1", "warning: the metrics were not pushed: --pushgateway wants a URL"},
		{"--metrics-file", filepath.Join("nowhere", "x.prom"), "warning: the metrics were not written: .*no such file"},
	} {
		dir, environment := project(t)
		for target, want := range map[string]int{"a1": 0, "head": 1} {
			if target == "a1" {
				dir, environment = project(t)
			}
			status, _, said := call(dir, environment, "upgrade", target, c.flag, c.value)
			if status != want || !regexp.MustCompile(c.says).MatchString(said) || strings.Contains(said, "secret") {
				t.Errorf("%s %s: status %d: %s", c.flag, c.value, status, said)
			}
		}
	}
}

// TestMetricsFile: it is whole at any time, and remembers the last success.
func TestMetricsFile(t *testing.T) {
	t.Parallel()
	dir, environment := project(t)
	file := filepath.Join(dir, "aludel.prom")
	read := func() string {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	if status, _, said := call(dir, environment, "upgrade", "a1", "--metrics-file", "aludel.prom"); status != 0 || said != "" {
		t.Fatalf("status %d: %s", status, said)
	}
	success := metric(read(), "aludel_last_success_timestamp_seconds")
	name := strings.TrimPrefix(environment[3], "POSTGRES_DB=")
	if want := `aludel_last_run_exit_status{command="upgrade",database="` + name + `",schema="public"} 0.000`; success == "" || !strings.Contains(read(), want) {
		t.Error(read())
	}
	if status, _, _ := call(dir, environment, "upgrade", "head", "--metrics-file", "aludel.prom"); status != 1 {
		t.Fatalf("status %d", status)
	}
	if text := read(); metric(text, "aludel_last_run_exit_status") != "1.000" || metric(text, "aludel_last_success_timestamp_seconds") != success {
		t.Error(text)
	}
	if names, err := filepath.Glob(file + ".*"); err != nil || len(names) > 0 {
		t.Errorf("%v %v", names, err)
	}
}
