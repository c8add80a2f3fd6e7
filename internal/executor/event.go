package executor

import (
	"time"

	"github.com/aludel-db/aludel/internal/revision"
)

// An EventKind says what happened.
type EventKind int

// The kinds of events.
const (
	StepStarted   EventKind = iota // a step is about to run
	StepDone                       // it is committed
	StepFailed                     // it is not; Err says why
	StepRetried                    // it ran into the lock timeout and waits for Pause
	StatementDone                  // one statement outside a transaction is done
	IndexDropped                   // an INVALID index that a failed attempt left is dropped
)

// An Event is something that happened during a run.
type Event struct {
	Kind     EventKind
	Step     *revision.Step
	Number   int // of the step, from 1
	Total    int // steps of the run
	Duration time.Duration
	Pause    time.Duration // of StepRetried
	// Statement and Statements count within a section outside a transaction.
	Statement, Statements int
	Object                string // of IndexDropped
	Err                   error
}

func (r *runner) event(kind EventKind, i int) Event {
	e := Event{Kind: kind, Number: i + 1, Total: len(r.job.plan.Steps)}
	if i < e.Total { // a purge alone has no steps
		e.Step = &r.job.plan.Steps[i]
	}
	return e
}
