package aludelotel_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/jackc/pgx/v5"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric/noop"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/aludel-db/aludel"
	"github.com/aludel-db/aludel/internal/pgtest"
	aludelotel "github.com/aludel-db/aludel/otel"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }

// files makes a chain of revisions r1, r2, … of the given up sections.
func files(ups ...string) fstest.MapFS {
	fsys, parent := fstest.MapFS{}, ""
	for i, up := range ups {
		id := fmt.Sprintf("r%d", i+1)
		fsys[id+".sql"] = &fstest.MapFile{Data: []byte(
			"-- " + id + "\n--\n-- revision: " + id + "\n-- down_revision: " + parent + "\n\n-- migrate:up" + up + "\n-- migrate:down\n")}
		parent = id
	}
	return fsys
}

// A recorder keeps what is traced and measured.
type recorder struct {
	spans  *tracetest.InMemoryExporter
	traces *sdktrace.TracerProvider
	reader *sdkmetric.ManualReader
	meters *sdkmetric.MeterProvider
}

func newRecorder() *recorder {
	r := &recorder{spans: tracetest.NewInMemoryExporter(), reader: sdkmetric.NewManualReader()}
	r.traces = sdktrace.NewTracerProvider(sdktrace.WithSyncer(r.spans))
	r.meters = sdkmetric.NewMeterProvider(sdkmetric.WithReader(r.reader))
	return r
}

func (r *recorder) migrator(t *testing.T, fsys fstest.MapFS, options aludel.Options) *aludel.Migrator {
	t.Helper()
	options.Observers = append(options.Observers, aludelotel.Observer(aludelotel.Options{TracerProvider: r.traces, MeterProvider: r.meters}))
	m, err := aludel.New(fsys, options)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// attributes are those of a list by name.
func attributes(list []attribute.KeyValue) map[string]string {
	values := map[string]string{}
	for _, kv := range list {
		values[string(kv.Key)] = kv.Value.String()
	}
	return values
}

// wantAttributes compares some of them.
func wantAttributes(t *testing.T, of string, list []attribute.KeyValue, want map[string]string) {
	t.Helper()
	got := attributes(list)
	for key, value := range want {
		if got[key] != value {
			t.Errorf("%s: %s is %q, not %q", of, key, got[key], value)
		}
	}
}

// TestSpans: a run is a child of the caller's span, its revisions are its children,
// in order and one after the other though they are sent ahead.
func TestSpans(t *testing.T) {
	t.Parallel()
	r, db := newRecorder(), pgtest.New(t)
	m := r.migrator(t, files("\nCREATE TABLE t (id int);", " transaction:false\nCREATE INDEX CONCURRENTLY i ON t (id);", "\nCREATE TABLE u ();"), aludel.Options{})
	ctx, caller := r.traces.Tracer("caller").Start(t.Context(), "deploy")
	if _, err := m.Upgrade(ctx, db.Connect(t), aludel.UpgradeOptions{}); err != nil {
		t.Fatal(err)
	}
	caller.End()
	spans := r.spans.GetSpans()
	var names []string
	for _, s := range spans {
		names = append(names, s.Name)
	}
	if got := strings.Join(names, ", "); got != "migrate upgrade r1, migrate upgrade r2, migrate upgrade r3, migrate upgrade, deploy" {
		t.Fatal(got)
	}
	run := spans[3]
	if run.Parent.SpanID() != spans[4].SpanContext.SpanID() {
		t.Error("the run is no child of the caller's span")
	}
	where := map[string]string{
		"db.system.name": "postgresql", "db.namespace": db.Name + "|public", "server.address": db.Host,
		"network.transport": "unix", "db.operation.name": "upgrade",
	}
	wantAttributes(t, "run", run.Attributes, where)
	wantAttributes(t, "run", run.Attributes, map[string]string{"aludel.steps": "3", "aludel.verb": "upgrade"})
	for i, s := range spans[:3] {
		wantAttributes(t, s.Name, s.Attributes, where)
		wantAttributes(t, s.Name, s.Attributes, map[string]string{"aludel.revision": fmt.Sprintf("r%d", i+1), "aludel.direction": "up"})
		if s.Parent.SpanID() != run.SpanContext.SpanID() {
			t.Errorf("%s is no child of the run", s.Name)
		}
		if i > 0 && s.StartTime.Before(spans[i-1].EndTime) {
			t.Errorf("%s begins before the one before it ends", s.Name)
		}
		if s.StartTime.After(s.EndTime) || s.StartTime.Before(run.StartTime) || s.EndTime.After(run.EndTime) {
			t.Errorf("%s is not within the run", s.Name)
		}
	}
	if got := eventNames(spans[1]); got != "aludel.statement_done" {
		t.Errorf("events of the index: %s", got)
	}
}

func eventNames(s tracetest.SpanStub) string {
	var names []string
	for _, e := range s.Events {
		names = append(names, e.Name)
	}
	return strings.Join(names, ", ")
}

// TestTCP: a server on the network has an address and a port.
func TestTCP(t *testing.T) {
	t.Parallel()
	r := newRecorder()
	of := aludel.Run{Verb: "stamp", Host: "db.example.com", Port: 6432, Database: "app", Schema: "shop"}
	observe := aludelotel.Observer(aludelotel.Options{TracerProvider: r.traces, MeterProvider: r.meters})
	observe(t.Context(), of).Done(&aludel.Result{}, nil)
	wantAttributes(t, "run", r.spans.GetSpans()[0].Attributes, map[string]string{
		"server.address": "db.example.com", "server.port": "6432", "db.namespace": "app|shop", "network.transport": "", "aludel.steps": "0",
	})
}

// TestFailure: the revision and the run are failed, with SQLSTATE, file and line.
func TestFailure(t *testing.T) {
	t.Parallel()
	r := newRecorder()
	m := r.migrator(t, files("\nCREATE TABLE t (id int PRIMARY KEY);", "\nINSERT INTO t VALUES (1);\nINSERT INTO t VALUES (1);"), aludel.Options{Path: "migrations"})
	_, err := m.Upgrade(t.Context(), pgtest.New(t).Connect(t), aludel.UpgradeOptions{})
	var statement *aludel.StatementError
	if !errors.As(err, &statement) {
		t.Fatal(err)
	}
	spans := r.spans.GetSpans()
	if len(spans) != 3 || spans[0].Status.Code != codes.Unset {
		t.Fatalf("%d spans", len(spans))
	}
	for _, s := range spans[1:] {
		if s.Status.Code != codes.Error || !strings.HasPrefix(s.Status.Description, "migrations/r2.sql:8:1: duplicate key value") {
			t.Errorf("%s: %+v", s.Name, s.Status)
		}
		wantAttributes(t, s.Name, s.Attributes, map[string]string{"error.type": "23505", "db.response.status_code": "23505", "code.line.number": "8"})
	}
	wantAttributes(t, spans[1].Name, spans[1].Attributes, map[string]string{"code.file.path": "migrations/r2.sql", "aludel.revision": "r2"})
	wantAttributes(t, "run", spans[2].Attributes, map[string]string{"aludel.steps": "1"})
}

// TestGoRevision: one that fails has the place of its function, and the server's
// SQLSTATE where it answers that.
func TestGoRevision(t *testing.T) {
	t.Parallel()
	r := newRecorder()
	m := r.migrator(t, files("\nSELECT 1;"), aludel.Options{Revisions: []aludel.GoRevision{{
		ID: "code", DownRevisions: []string{"r1"},
		Up: func(ctx context.Context, tx pgx.Tx) error { _, err := tx.Exec(ctx, "SELECT 1/0"); return err },
	}}})
	if _, err := m.Upgrade(t.Context(), pgtest.New(t).Connect(t), aludel.UpgradeOptions{}); err == nil {
		t.Fatal("no error")
	}
	span := r.spans.GetSpans()[1]
	wantAttributes(t, span.Name, span.Attributes, map[string]string{"aludel.revision": "code", "error.type": "22012", "db.response.status_code": "22012"})
	got := attributes(span.Attributes)
	if !strings.HasSuffix(got["code.file.path"], "otel_test.go") || got["code.line.number"] == "" {
		t.Errorf("it is at %s:%s", got["code.file.path"], got["code.line.number"])
	}
}

// TestRefused: a run that ends before its first step is a failed span of its own.
func TestRefused(t *testing.T) {
	t.Parallel()
	r := newRecorder()
	m := r.migrator(t, files("\nSELECT 1;"), aludel.Options{})
	if _, err := m.Upgrade(t.Context(), pgtest.New(t).Connect(t), aludel.UpgradeOptions{Target: "nowhere"}); err == nil {
		t.Fatal("no error")
	}
	spans := r.spans.GetSpans()
	if len(spans) != 1 || spans[0].Status.Code != codes.Error {
		t.Fatalf("%+v", spans)
	}
	if got := attributes(spans[0].Attributes)["error.type"]; !strings.Contains(got, "UnknownRevisionError") {
		t.Errorf("error.type is %q", got)
	}
}

// TestWaits: what a revision waits for and its retries are events of its span, and
// retries are counted.
func TestWaits(t *testing.T) {
	t.Parallel()
	r, db := newRecorder(), pgtest.New(t)
	db.Exec(t, "CREATE TABLE t (id int)")
	other, err := db.Connect(t).Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.Exec(t.Context(), "SELECT * FROM t"); err != nil {
		t.Fatal(err)
	}
	m := r.migrator(t, files("\nALTER TABLE t ADD COLUMN n int;"), aludel.Options{
		MaxStall: -1, LockTimeout: 20 * time.Millisecond,
		OnEvent: func(e aludel.Event) {
			if e.Kind == aludel.StepRetried {
				_ = other.Rollback(context.Background())
			}
		},
	})
	if _, err := m.Upgrade(t.Context(), db.Connect(t), aludel.UpgradeOptions{}); err != nil {
		t.Fatal(err)
	}
	spans := r.spans.GetSpans()
	if got := eventNames(spans[0]); !strings.Contains(got, "aludel.retried") {
		t.Errorf("events are %q", got)
	}
	for _, e := range spans[0].Events {
		if e.Name == "aludel.retried" && attributes(e.Attributes)["error.type"] != "55P03" {
			t.Errorf("%v", e.Attributes)
		}
	}
	if got := r.sums(t)["aludel.revision.retries"]; got < 1 {
		t.Errorf("%d retries counted", got)
	}
}

// sums are, for each metric, how much was counted or how often it was recorded.
func (r *recorder) sums(t *testing.T) map[string]int64 {
	t.Helper()
	var data metricdata.ResourceMetrics
	if err := r.reader.Collect(t.Context(), &data); err != nil {
		t.Fatal(err)
	}
	sums := map[string]int64{}
	for _, scope := range data.ScopeMetrics {
		for _, m := range scope.Metrics {
			switch points := m.Data.(type) {
			case metricdata.Sum[int64]:
				for _, p := range points.DataPoints {
					sums[m.Name] += p.Value
				}
			case metricdata.Histogram[float64]:
				for _, p := range points.DataPoints {
					sums[m.Name+" "+attributes(p.Attributes.ToSlice())["db.operation.name"]+attributes(p.Attributes.ToSlice())["error.type"]] += int64(p.Count)
				}
			}
		}
	}
	return sums
}

// TestMetrics: runs and revisions are measured by verb and error, and by no id.
func TestMetrics(t *testing.T) {
	t.Parallel()
	r, conn := newRecorder(), pgtest.New(t).Connect(t)
	m := r.migrator(t, files("\nCREATE TABLE t (id int);", "\nSELECT 1/0;"), aludel.Options{})
	if _, err := m.Upgrade(t.Context(), conn, aludel.UpgradeOptions{}); err == nil {
		t.Fatal("no error")
	}
	if _, err := m.Downgrade(t.Context(), conn, aludel.DowngradeOptions{Target: "base"}); err != nil {
		t.Fatal(err)
	}
	want := map[string]int64{
		"aludel.run.duration upgrade22012": 1, "aludel.run.duration downgrade": 1,
		"aludel.revision.duration upgrade": 1, "aludel.revision.duration upgrade22012": 1, "aludel.revision.duration downgrade": 1,
	}
	if got := r.sums(t); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %v, not %v", got, want)
	}
}

// A broken processor or exporter: it panics wherever it is asked, or answers errors.
type broken struct{ panics bool }

func (b broken) fail() error {
	if b.panics {
		panic("telemetry")
	}
	return errors.New("telemetry")
}

func (b broken) ExportSpans(context.Context, []sdktrace.ReadOnlySpan) error { return b.fail() }
func (b broken) OnStart(context.Context, sdktrace.ReadWriteSpan)            { _ = b.fail() }
func (b broken) OnEnd(sdktrace.ReadOnlySpan)                                { _ = b.fail() }
func (b broken) Shutdown(context.Context) error                             { return b.fail() }
func (b broken) ForceFlush(context.Context) error                           { return b.fail() }

// TestBrokenTelemetry changes nothing: all revisions run, and an error is the same
// as without it.
func TestBrokenTelemetry(t *testing.T) {
	t.Parallel()
	for name, provider := range map[string]*sdktrace.TracerProvider{
		"exporter's errors":  sdktrace.NewTracerProvider(sdktrace.WithSyncer(broken{})),
		"exporter's panics":  sdktrace.NewTracerProvider(sdktrace.WithSyncer(broken{panics: true})),
		"processor's panics": sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(broken{panics: true})),
		"ended":              ended(t),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := pgtest.New(t)
			m, err := aludel.New(files("\nCREATE TABLE t (id int);", "\nCREATE TABLE u (id int);", "\nSELECT 1/0;"), aludel.Options{Observers: []aludel.Observer{
				aludelotel.Observer(aludelotel.Options{TracerProvider: provider, MeterProvider: noop.NewMeterProvider()}),
			}})
			if err != nil {
				t.Fatal(err)
			}
			conn := db.Connect(t)
			result, err := m.Upgrade(t.Context(), conn, aludel.UpgradeOptions{Target: "r2"})
			if err != nil || len(result.Steps) != 2 {
				t.Fatalf("%+v %v", result, err)
			}
			var statement *aludel.StatementError
			if _, err := m.Upgrade(t.Context(), conn, aludel.UpgradeOptions{}); !errors.As(err, &statement) || statement.Revision != "r3" {
				t.Errorf("%v", err)
			}
			if err := conn.Ping(t.Context()); err != nil {
				t.Errorf("the connection was lost: %v", err)
			}
			rows := db.Query(t, "SELECT version_num, to_regclass('u') IS NOT NULL FROM alembic_version")
			if !slices.Equal(rows[0], []string{"r2", "t"}) {
				t.Errorf("%v", rows)
			}
		})
	}
}

// ended is a provider that has been shut down.
func ended(t *testing.T) *sdktrace.TracerProvider {
	t.Helper()
	provider := sdktrace.NewTracerProvider()
	if err := provider.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	return provider
}
