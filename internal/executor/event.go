package executor

import (
	"time"

	"github.com/aludel-db/aludel/internal/revision"
)

// An EventKind says what happened.
type EventKind int

// The kinds of events.
const (
	StepStarted    EventKind = iota // a step is about to run
	StepDone                        // it is committed
	StepFailed                      // it is not; Err says why
	StepRetried                     // it ran into the lock timeout and waits for Pause
	StatementDone                   // one statement outside a transaction is done
	IndexDropped                    // an INVALID index that a failed attempt left is dropped
	BatchDone                       // a batch of a statement is committed
	LocksAwaited                    // Blockers hold locks that the step needs; it doesn't queue for them
	IndexProgress                   // an index is being built CONCURRENTLY
	SessionAwaited                  // the session of an earlier run is still at work
	StepOvertaken                   // nothing of it ran: somebody else has changed the version rows
)

// An Event is something that happened during a run.
type Event struct {
	Kind     EventKind
	Step     *revision.Step
	Number   int // of the step, from 1
	Total    int // steps of the run
	Duration time.Duration
	Pause    time.Duration // of StepRetried and BatchDone
	// Statement and Statements count within a section outside a transaction.
	Statement, Statements int
	Object                string // the index of IndexDropped, the table of BatchDone, the session of SessionAwaited
	// Rows of BatchDone are behind, of about RowsTotal; PerSecond of them in this
	// run, and so Left is left.
	Rows, RowsTotal int64
	PerSecond       float64
	Left            time.Duration
	// Blockers of LocksAwaited and IndexProgress are who is waited for.
	Blockers []Blocker
	// Phase of IndexProgress is PostgreSQL's word for it; Rows of RowsTotal are
	// blocks, rows or sessions, as the phase has it.
	Phase string
	// Slowed says why Pause is longer than the batch's time asks for; else empty.
	Slowed string
	Err    error
}

func (r *runner) event(kind EventKind, i int) Event {
	e := Event{Kind: kind, Number: i + 1, Total: len(r.job.plan.Steps)}
	if i < e.Total { // a purge alone has no steps
		e.Step = &r.job.plan.Steps[i]
	}
	return e
}
