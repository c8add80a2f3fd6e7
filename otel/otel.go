// Package aludelotel has OpenTelemetry hear of migrations: a span for each run,
// a span within it for each revision, and three metrics.
//
//	m, err := aludel.New(migrations, aludel.Options{
//		Observers: []aludel.Observer{aludelotel.Observer(aludelotel.Options{})},
//	})
//
// The run is a child of the span in the verb's context. Its attributes and those of
// the revisions are OpenTelemetry's for databases (db.system.name, db.namespace,
// server.address, error.type, db.response.status_code, …) and
//
//	aludel.verb, aludel.steps         of the run: "upgrade", how many steps were done
//	aludel.revision, .direction       of a revision: its id; "up", "down" or "stamp"
//	code.file.path, code.line.number  its file, and the line where it failed
//
// What a migration has to wait for, tries again or does in batches are events of the
// span, named as [aludel.EventKind] with "aludel." before. Of an error its first line
// is passed on, without the server's detail; SQL is not.
//
// The metrics are the histograms aludel.run.duration and aludel.revision.duration,
// in seconds, and the counter aludel.revision.retries.
//
// Telemetry that fails changes nothing: a panic in an exporter is caught, an error
// goes to OpenTelemetry's own handler. One that hangs would hold a migration up: as
// everywhere, take a processor that exports in the background.
package aludelotel

import (
	"context"
	"errors"
	"path"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/aludel-db/aludel"
)

// scope names this package to OpenTelemetry.
const scope = "github.com/aludel-db/aludel/otel"

// Options are those of [Observer].
type Options struct {
	// TracerProvider makes the spans; default OpenTelemetry's global one.
	TracerProvider trace.TracerProvider
	// MeterProvider makes the metrics; default OpenTelemetry's global one.
	MeterProvider metric.MeterProvider
}

// Observer is for [aludel.Options].Observers.
func Observer(options Options) aludel.Observer {
	if options.TracerProvider == nil {
		options.TracerProvider = otel.GetTracerProvider()
	}
	if options.MeterProvider == nil {
		options.MeterProvider = otel.GetMeterProvider()
	}
	tracer := options.TracerProvider.Tracer(scope, trace.WithInstrumentationVersion(aludel.Version()), trace.WithSchemaURL(semconv.SchemaURL))
	meters := newMeters(options.MeterProvider)
	return func(ctx context.Context, of aludel.Run) aludel.Watch {
		r := &run{
			verb: of.Verb, tracer: tracer, meters: meters, begun: time.Now(), where: where(of),
			started: map[int]time.Time{}, open: map[int]trace.Span{},
		}
		r.ctx, r.span = tracer.Start(ctx, "migrate "+of.Verb, trace.WithTimestamp(r.begun), trace.WithAttributes(
			append(r.where, semconv.DBOperationName(of.Verb), attribute.String("aludel.verb", of.Verb))...))
		return aludel.Watch{Event: r.event, Done: r.done}
	}
}

// where are the attributes of the database. The capacity is theirs alone, so that
// append copies.
func where(of aludel.Run) []attribute.KeyValue {
	list := []attribute.KeyValue{
		semconv.DBSystemNamePostgreSQL,
		semconv.DBNamespace(of.Database + "|" + of.Schema),
		semconv.ServerAddress(of.Host),
	}
	if path.IsAbs(of.Host) { // the folder of a Unix socket
		list = append(list, semconv.NetworkTransportUnix)
	} else {
		list = append(list, semconv.ServerPort(int(of.Port)))
	}
	return list[:len(list):len(list)]
}

// A run is one watch.
type run struct {
	verb    string
	tracer  trace.Tracer
	meters  *meters
	where   []attribute.KeyValue
	ctx     context.Context // of the span, for those within it
	span    trace.Span
	begun   time.Time
	steps   int               // done
	last    time.Time         // when the last one was
	started map[int]time.Time // by number
	open    map[int]trace.Span
}

// event hears of what happens. Transactions are sent ahead of their turn, so a
// step's time runs from when it was sent or, where that is later, from when the one
// before was done: a span begins when the first thing is known of it.
func (r *run) event(e aludel.Event) {
	switch e.Kind {
	case aludel.StepStarted:
		r.started[e.Number] = time.Now()
	case aludel.StepDone, aludel.StepFailed, aludel.StepOvertaken:
		r.end(e)
	default:
		span := r.span
		if e.Step != nil {
			span, _ = r.step(e)
		}
		if e.Kind == aludel.StepRetried {
			r.meters.retries.Add(r.ctx, 1, metric.WithAttributes(r.stepAttributes(e)...))
		}
		span.AddEvent("aludel."+string(e.Kind), trace.WithAttributes(eventAttributes(e)...))
	}
}

// step is the span of an event's step, and when it began.
func (r *run) step(e aludel.Event) (trace.Span, time.Time) {
	begun, ok := r.started[e.Number]
	if !ok {
		begun = r.begun
	}
	if begun.Before(r.last) {
		begun = r.last
	}
	if span := r.open[e.Number]; span != nil {
		return span, begun
	}
	attributes := append(r.where, semconv.DBOperationName(r.verb), attribute.String("aludel.revision", e.Step.Revision.ID),
		attribute.String("aludel.direction", e.Step.Direction))
	if e.Step.Revision.Path != "" {
		attributes = append(attributes, semconv.CodeFilePath(e.Step.Revision.Path))
	}
	_, span := r.tracer.Start(r.ctx, "migrate "+r.verb+" "+e.Step.Revision.ID,
		trace.WithSpanKind(trace.SpanKindClient), trace.WithTimestamp(begun), trace.WithAttributes(attributes...))
	r.open[e.Number] = span
	return span, begun
}

// end ends the span of a step. What is counted comes first: an exporter may panic.
func (r *run) end(e aludel.Event) {
	if e.Step == nil {
		return
	}
	now := time.Now()
	span, begun := r.step(e)
	delete(r.open, e.Number)
	r.last = now
	if e.Kind == aludel.StepDone {
		r.steps++
	}
	failed := failure(e.Err)
	r.meters.revision.Record(r.ctx, now.Sub(begun).Seconds(), metric.WithAttributes(append(r.stepAttributes(e), measured(failed)...)...))
	fail(span, e.Err, failed)
	span.End(trace.WithTimestamp(now))
}

// done ends the run, and the steps that were sent and never came to their turn.
func (r *run) done(_ *aludel.Result, err error) {
	for _, span := range r.open {
		span.End()
	}
	failed := failure(err)
	r.meters.run.Record(r.ctx, time.Since(r.begun).Seconds(), metric.WithAttributes(
		append(append(r.where, semconv.DBOperationName(r.verb)), measured(failed)...)...))
	r.span.SetAttributes(attribute.Int("aludel.steps", r.steps))
	fail(r.span, err, failed)
	r.span.End()
}

// stepAttributes are those of a metric: no id, of which there are ever more.
func (r *run) stepAttributes(e aludel.Event) []attribute.KeyValue {
	return append(r.where, semconv.DBOperationName(r.verb), attribute.String("aludel.direction", e.Step.Direction))
}

// eventAttributes tell of an event what numbers can tell.
func eventAttributes(e aludel.Event) (list []attribute.KeyValue) {
	text := func(key, value string) {
		if value != "" {
			list = append(list, attribute.String("aludel."+key, value))
		}
	}
	number := func(key string, value int64) {
		if value > 0 {
			list = append(list, attribute.Int64("aludel."+key, value))
		}
	}
	text("object", e.Object)
	text("phase", e.Phase)
	text("slowed", e.Slowed)
	number("statement", int64(e.Statement))
	number("statements", int64(e.Statements))
	number("rows", e.Rows)
	number("rows_total", e.RowsTotal)
	number("pause_ms", e.Pause.Milliseconds())
	number("blockers", int64(len(e.Blockers)))
	if len(e.Blockers) > 0 {
		b := e.Blockers[0]
		text("blocker.relation", b.Relation)
		text("blocker.mode", b.Mode)
		text("blocker.application", b.Application)
		number("blocker.pid", int64(b.PID))
	}
	return append(list, failure(e.Err)...)
}

// failure are the attributes of an error; none without one. The first is its class:
// the SQLSTATE where the server has refused something, else the error's type.
func failure(err error) (list []attribute.KeyValue) {
	if err == nil {
		return nil
	}
	var refused *pgconn.PgError
	if errors.As(err, &refused) {
		list = append(list, semconv.ErrorTypeKey.String(refused.Code), semconv.DBResponseStatusCode(refused.Code))
	} else {
		list = append(list, semconv.ErrorType(err))
	}
	var statement *aludel.StatementError
	var code *aludel.GoError
	switch {
	case errors.As(err, &statement):
		list = append(list, semconv.CodeLineNumber(statement.Line))
	case errors.As(err, &code):
		list = append(list, semconv.CodeLineNumber(code.Line))
	}
	return list
}

// measured are those of them that a metric takes: few values.
func measured(failed []attribute.KeyValue) []attribute.KeyValue {
	return failed[:min(len(failed), 1)]
}

// fail marks a span as failed, in the error's first line.
func fail(span trace.Span, err error, failed []attribute.KeyValue) {
	if err == nil {
		return
	}
	message, _, _ := strings.Cut(err.Error(), "\n")
	span.SetAttributes(failed...)
	span.SetStatus(codes.Error, message)
}

// meters are the instruments.
type meters struct {
	run, revision metric.Float64Histogram
	retries       metric.Int64Counter
}

// newMeters makes them. One that can't be made is one that does nothing, and the
// reason goes to OpenTelemetry's handler.
func newMeters(provider metric.MeterProvider) *meters {
	meter := provider.Meter(scope, metric.WithInstrumentationVersion(aludel.Version()), metric.WithSchemaURL(semconv.SchemaURL))
	histogram := func(name, description string) metric.Float64Histogram {
		h, err := meter.Float64Histogram(name, metric.WithUnit("s"), metric.WithDescription(description),
			metric.WithExplicitBucketBoundaries(.001, .005, .01, .05, .1, .5, 1, 5, 10, 60, 300, 1800, 7200))
		if err != nil {
			otel.Handle(err)
		}
		return h
	}
	retries, err := meter.Int64Counter("aludel.revision.retries", metric.WithUnit("{retry}"),
		metric.WithDescription("Tries of revisions that ran into a lock timeout."))
	if err != nil {
		otel.Handle(err)
	}
	return &meters{
		run:      histogram("aludel.run.duration", "Duration of upgrades, downgrades and stamps."),
		revision: histogram("aludel.revision.duration", "Duration of single revisions."),
		retries:  retries,
	}
}
