package aludel

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"github.com/aludel-db/aludel/internal/executor"
)

// An EventKind says what happened.
type EventKind string

// The kinds of events. Their names are stable: JSON output uses them.
const (
	StepStarted   EventKind = "started"        // a step is about to run
	StepDone      EventKind = "done"           // it is committed
	StepFailed    EventKind = "failed"         // it is not; Err says why
	StepRetried   EventKind = "retried"        // it ran into the lock timeout and waits for Pause
	StatementDone EventKind = "statement_done" // a statement outside a transaction is done
	IndexDropped  EventKind = "index_dropped"  // an INVALID index that a failed attempt left is dropped
	BatchDone     EventKind = "batch_done"     // a batch of a statement is committed
	LockAwaited   EventKind = "lock_awaited"   // another runner holds the lock
	LocksAwaited  EventKind = "locks_awaited"  // Blockers hold locks that the step needs; it doesn't queue for them
	IndexProgress EventKind = "index_progress" // an index is being built CONCURRENTLY
	// FileMissing: no file has the revision Object any more; the history has kept
	// what undoes it, and that is about to run.
	FileMissing EventKind = "file_missing"
	// SessionAwaited: the server still works for a run that was killed or cut off.
	// Without a step, what it works at has the version table locked.
	SessionAwaited EventKind = "session_awaited"
	// StepOvertaken: a step that had started did not run, since somebody else has
	// changed the version rows; it is planned again.
	StepOvertaken EventKind = "overtaken"
)

// An Event is something that happened during a run. Fields that don't belong
// to its kind are zero.
type Event struct {
	Kind EventKind
	// Step is the step, Number its place in the plan, from 1, of Total.
	Step          *Step
	Number, Total int
	// Title announces the step in Alembic's words: "Running upgrade a -> b, message".
	Title    string
	Duration time.Duration
	Pause    time.Duration
	// Statement, from 1, of Statements in a section outside a transaction.
	Statement, Statements int
	// Object is the index of IndexDropped, the table of BatchDone, the revision of
	// FileMissing.
	Object string
	// Rows of BatchDone are behind, of about RowsTotal; PerSecond of them in this
	// run, and so about Left is left. Pause follows.
	Rows, RowsTotal int64
	PerSecond       float64
	Left            time.Duration
	// Blockers of LocksAwaited hold locks that the step needs, those of
	// IndexProgress a snapshot that the index waits for.
	Blockers []Blocker
	// Phase of IndexProgress is PostgreSQL's word for what it does; Rows of
	// RowsTotal are blocks, rows or sessions, as the phase has it.
	Phase string
	// Slowed says why the pause is a longer one: a replica has fallen behind,
	// other sessions waited for the batch.
	Slowed string
	// Holder describes who has the lock of LockAwaited, or the session of SessionAwaited.
	Holder string
	Err    error
}

var eventKinds = map[executor.EventKind]EventKind{
	executor.StepStarted: StepStarted, executor.StepDone: StepDone, executor.StepFailed: StepFailed,
	executor.StepRetried: StepRetried, executor.StatementDone: StatementDone, executor.IndexDropped: IndexDropped,
	executor.BatchDone: BatchDone, executor.LocksAwaited: LocksAwaited, executor.IndexProgress: IndexProgress,
	executor.SessionAwaited: SessionAwaited, executor.StepOvertaken: StepOvertaken,
}

func (m *Migrator) publicEvent(e *executor.Event) Event {
	public := Event{
		Kind: eventKinds[e.Kind], Number: e.Number, Total: e.Total, Duration: e.Duration, Pause: e.Pause,
		Statement: e.Statement, Statements: e.Statements, Object: e.Object, Err: publicError(e.Err),
		Rows: e.Rows, RowsTotal: e.RowsTotal, PerSecond: e.PerSecond, Left: e.Left, Slowed: e.Slowed,
		Phase: e.Phase, Blockers: publicBlockers(e.Blockers),
	}
	if e.Kind == executor.SessionAwaited {
		public.Object, public.Holder = "", e.Object
	}
	if e.Step != nil {
		step := m.publicStep(e.Step)
		public.Step, public.Title = &step, executor.Title(e.Step)
	}
	return public
}

// A Blocker is a session that a migration waits for. What PostgreSQL doesn't show
// to the role is empty; pg_read_all_stats has it shown.
type Blocker struct {
	PID      int // 0 of a prepared transaction
	Relation string
	Mode     string // of its lock, as in pg_locks
	User     string
	// Application is its application_name.
	Application string
	State       string        // as in pg_stat_activity
	Age         time.Duration // of its transaction
	Query       string        // its beginning
	text        string
}

// String describes it in a line.
func (b Blocker) String() string { return b.text }

func publicBlockers(list []executor.Blocker) []Blocker {
	var public []Blocker
	for _, b := range list {
		public = append(public, Blocker{
			PID: b.PID, Relation: b.Relation, Mode: b.Mode, User: b.User, Application: b.Application, State: b.State, Age: b.Age, Query: b.Query,
			text: b.String(),
		})
	}
	return public
}

// tell passes an event on.
func (m *Migrator) tell(e Event) {
	if m.options.Logger != nil {
		e.log(m.options.Logger)
	}
	m.safely(context.Background(), func() { m.options.OnEvent(e) })
}

// log writes an event as a record: what failed is an error, what has to wait a
// warning, single statements and batches are for debugging.
func (e *Event) log(logger *slog.Logger) {
	level := slog.LevelInfo
	switch e.Kind {
	case StepFailed:
		level = slog.LevelError
	case StepRetried, LockAwaited, LocksAwaited, IndexDropped:
		level = slog.LevelWarn
	case StepStarted, StatementDone, BatchDone, IndexProgress:
		level = slog.LevelDebug
	}
	var attributes []slog.Attr
	if e.Step != nil {
		attributes = append(attributes, slog.String("revision", e.Step.Revision.ID), slog.String("direction", e.Step.Direction),
			slog.String("message", e.Step.Revision.Message))
	}
	if e.Duration > 0 {
		attributes = append(attributes, slog.Duration("duration", e.Duration))
	}
	if e.Pause > 0 {
		attributes = append(attributes, slog.Duration("pause", e.Pause))
	}
	if e.Object != "" {
		attributes = append(attributes, slog.String("object", e.Object))
	}
	if e.RowsTotal > 0 {
		attributes = append(attributes, slog.Int64("rows", e.Rows), slog.Int64("rows_total", e.RowsTotal))
	}
	if len(e.Blockers) > 0 { // one key: in JSON, one that comes twice is lost
		blockers := make([]string, len(e.Blockers))
		for i, b := range e.Blockers {
			blockers[i] = b.String()
		}
		attributes = append(attributes, slog.Any("blockers", blockers))
	}
	if e.Holder != "" {
		attributes = append(attributes, slog.String("holder", e.Holder))
	}
	if e.Err != nil {
		attributes = append(attributes, slog.String("error", e.Err.Error()))
	}
	logger.LogAttrs(context.Background(), level, "migration "+strings.ReplaceAll(string(e.Kind), "_", " "), attributes...)
}
