package cli

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/aludel-db/aludel"
)

// A summary is what is known of a run at its end.
type summary struct {
	command string
	started time.Time
	took    time.Duration
	steps   int
	result  *aludel.Result // nil where it failed
}

// telemetry is where the figures of a run go, for Prometheus. Whether they arrive never
// changes the outcome of the run.
type telemetry struct {
	file string
	url  string
}

func (t *telemetry) flags(f *pflag.FlagSet) {
	f.StringVar(&t.file, "metrics-file", "", "write the run's figures to `FILE`, as Prometheus' node_exporter reads them (*.prom)")
	f.StringVar(&t.url, "pushgateway", "", "push the run's figures to the Pushgateway of Prometheus at `URL`")
}

// pushPatience bounds the push: a container shouldn't hang on a dashboard.
const pushPatience = 5 * time.Second

const lastSuccess = "aludel_last_success_timestamp_seconds"

// tell hands the figures on.
func (a *app) tell(ctx context.Context, status int) error {
	var errs []error
	labels := a.labels()
	if file := a.telemetry.file; file != "" {
		if !filepath.IsAbs(file) {
			file = filepath.Join(a.options.Dir, file)
		}
		if err := a.writeMetrics(file, labels, status); err != nil {
			errs = append(errs, fmt.Errorf("the metrics were not written: %w", err))
		}
	}
	if a.telemetry.url != "" {
		ctx, cancel := context.WithTimeout(ctx, pushPatience)
		defer cancel()
		if err := push(ctx, a.telemetry.url, labels, a.metrics("", status)); err != nil {
			errs = append(errs, fmt.Errorf("the metrics were not pushed: %w", err))
		}
	}
	return errors.Join(errs...)
}

// labels tell runs apart: of the same command on the same schema, the newest counts.
// Host and process are none, or old figures would stay for ever.
func (a *app) labels() [][2]string {
	labels := [][2]string{{"command", a.run.command}}
	if a.loaded != nil {
		if settings, err := a.loaded.Database(); err == nil {
			labels = append(labels, [2]string{"database", settings.Database})
		}
		labels = append(labels, [2]string{"schema", a.loaded.Schema})
	}
	return labels
}

// metrics is the text. A run that failed says nothing of the last success.
func (a *app) metrics(labels string, status int) []byte {
	var b bytes.Buffer
	gauge := func(name, help string, value float64) {
		fmt.Fprintf(&b, "# HELP %s %s\n# TYPE %s gauge\n%s%s %.3f\n", name, help, name, name, labels, value)
	}
	now := float64(time.Now().UnixMilli()) / 1000
	gauge("aludel_last_run_timestamp_seconds", "When the last run ended.", now)
	gauge("aludel_last_run_duration_seconds", "How long the last run took.", a.run.took.Seconds())
	gauge("aludel_last_run_exit_status", "Exit status of the last run.", float64(status))
	gauge("aludel_last_run_steps", "Revisions that the last run applied or undid.", float64(a.run.steps))
	if status == exitOK {
		gauge(lastSuccess, "When a run last ended with status 0.", now)
	}
	return b.Bytes()
}

// writeMetrics puts the file in its place whole, as it may be read at any time.
func (a *app) writeMetrics(file string, labels [][2]string, status int) error {
	text := a.metrics(inBraces(labels), status)
	if status != exitOK {
		text = append(text, formerSuccess(file)...)
	}
	beside, err := os.CreateTemp(filepath.Dir(file), filepath.Base(file)+".*")
	if err != nil {
		return err
	}
	_, err = beside.Write(text)
	err = errors.Join(err, beside.Chmod(0o644), beside.Close())
	if err == nil {
		err = os.Rename(beside.Name(), file)
	}
	if err != nil {
		return errors.Join(err, os.Remove(beside.Name()))
	}
	return nil
}

// formerSuccess is what the file says of the last success: a Pushgateway keeps that by
// itself.
func formerSuccess(file string) []byte {
	old, err := os.ReadFile(file)
	if err != nil {
		return nil
	}
	var kept []byte
	for line := range bytes.Lines(old) {
		if bytes.Contains(line, []byte(lastSuccess)) {
			kept = append(kept, line...)
		}
	}
	return kept
}

func inBraces(labels [][2]string) string {
	escape := strings.NewReplacer("\\", "\\\\", "\"", "\\\"", "\n", "\\n")
	var parts []string
	for _, l := range labels {
		parts = append(parts, l[0]+`="`+escape.Replace(l[1])+`"`)
	}
	return "{" + strings.Join(parts, ",") + "}"
}

// grouping is the path under which a Pushgateway keeps the figures.
func grouping(labels [][2]string) string {
	path := "/metrics/job/aludel"
	for _, l := range labels {
		name, value := l[0], url.PathEscape(l[1])
		if l[1] == "" {
			continue // no label is the same to Prometheus
		}
		if strings.Contains(l[1], "/") { // which a path can't hold
			name, value = name+"@base64", base64.URLEncoding.EncodeToString([]byte(l[1]))
		}
		path += "/" + name + "/" + value
	}
	return path
}

// push sends the figures by POST, which lets those of other names be: that of the last
// success stays when a run fails. One request needs none of net/http, which nothing else in the
// program links.
func push(ctx context.Context, address string, labels [][2]string, text []byte) error {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return errors.New("--pushgateway wants a URL such as http://pushgateway:9091")
	}
	conn, err := dialURL(ctx, u)
	if err != nil {
		return err
	}
	defer conn.Close() //nolint:errcheck // the answer is what counts
	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			return err
		}
	}
	var request bytes.Buffer
	fmt.Fprintf(&request, "POST %s%s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n", strings.TrimSuffix(u.EscapedPath(), "/"), grouping(labels), u.Host)
	fmt.Fprintf(&request, "Content-Type: text/plain; version=0.0.4\r\nContent-Length: %d\r\n", len(text))
	if u.User != nil {
		password, _ := u.User.Password()
		fmt.Fprintf(&request, "Authorization: Basic %s\r\n", base64.StdEncoding.EncodeToString([]byte(u.User.Username()+":"+password)))
	}
	request.WriteString("\r\n")
	request.Write(text)
	if _, err := conn.Write(request.Bytes()); err != nil {
		return err
	}
	answer, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		return fmt.Errorf("%s: reading the answer: %w", u.Host, err)
	}
	if fields := strings.Fields(answer); len(fields) < 2 || !strings.HasPrefix(fields[1], "2") {
		return fmt.Errorf("%s answered %q", u.Host, strings.TrimSpace(answer))
	}
	return nil
}

func dialURL(ctx context.Context, u *url.URL) (net.Conn, error) {
	port := u.Port()
	if u.Scheme == "https" {
		if port == "" {
			port = "443"
		}
		dialer := tls.Dialer{Config: &tls.Config{MinVersion: tls.VersionTLS12}}
		return dialer.DialContext(ctx, "tcp", net.JoinHostPort(u.Hostname(), port))
	}
	if port == "" {
		port = "80"
	}
	var dialer net.Dialer
	return dialer.DialContext(ctx, "tcp", net.JoinHostPort(u.Hostname(), port))
}
