package cli

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/aludel-db/aludel"
)

// An eventJSON is a line of upgrade, downgrade and stamp with -o json. Its
// names are a promise.
type eventJSON struct {
	Event      aludel.EventKind `json:"event"`
	Revision   string           `json:"revision,omitempty"`
	Direction  string           `json:"direction,omitempty"`
	Message    string           `json:"message,omitempty"`
	Number     int              `json:"number,omitempty"`
	Total      int              `json:"total,omitempty"`
	Seconds    float64          `json:"seconds,omitempty"`
	Pause      float64          `json:"pause_seconds,omitempty"`
	Statement  int              `json:"statement,omitempty"`
	Statements int              `json:"statements,omitempty"`
	Object     string           `json:"object,omitempty"`
	Rows       int64            `json:"rows,omitempty"`
	RowsTotal  int64            `json:"rows_total,omitempty"`
	PerSecond  float64          `json:"rows_per_second,omitempty"`
	Left       float64          `json:"left_seconds,omitempty"`
	Slowed     string           `json:"slowed,omitempty"`
	Phase      string           `json:"phase,omitempty"`
	Blockers   []blockerJSON    `json:"blockers,omitempty"`
	Holder     string           `json:"holder,omitempty"`
	Error      string           `json:"error,omitempty"`
}

// A blockerJSON is who is waited for.
type blockerJSON struct {
	PID         int     `json:"pid"` // 0 of a prepared transaction
	Relation    string  `json:"relation"`
	Mode        string  `json:"mode"`
	User        string  `json:"user"`
	Application string  `json:"application"`
	State       string  `json:"state"`
	Seconds     float64 `json:"seconds"`
	Query       string  `json:"query"`
}

func blockersJSON(list []aludel.Blocker) []blockerJSON {
	var result []blockerJSON
	for _, b := range list {
		result = append(result, blockerJSON{b.PID, b.Relation, b.Mode, b.User, b.Application, b.State, b.Age.Seconds(), b.Query})
	}
	return result
}

// A finishedJSON is the last line.
type finishedJSON struct {
	Event string   `json:"event"` // "finished"
	From  []string `json:"from"`
	To    []string `json:"to"`
	Steps int      `json:"steps"`
	Ahead []string `json:"ahead,omitempty"` // version rows that no file has, let be by --ok-if-ahead
}

// progress shows what happens during a run.
func (a *app) progress(e aludel.Event) {
	if e.Kind == aludel.StepDone {
		a.run.steps++
	}
	switch {
	case a.out.json:
		a.progressJSON(&e)
		return
	case a.out.log != nil: // the library writes the records
		return
	}
	switch e.Kind {
	case aludel.StepStarted:
		a.told = time.Now()
		if a.out.stdout.terminal && !a.out.quiet {
			a.out.stdout.Write([]byte(e.Title + " ...")) //nolint:errcheck // kept for the end
			a.out.stdout.flush()
		}
	case aludel.BatchDone:
		a.batch(&e)
	case aludel.StepDone:
		a.endLive(e.Title)
		took := "done in " + shortDuration(e.Duration)
		if a.out.stdout.terminal {
			a.out.say(" %s", a.out.paint("32", took))
		} else {
			a.out.say("%s ... %s", e.Title, took)
		}
	case aludel.StepFailed:
		a.endLive(e.Title)
		if a.out.stdout.terminal {
			a.out.say(" %s", a.out.paint("31", "FAILED"))
		} else {
			a.out.say("%s ... FAILED", e.Title)
		}
	case aludel.StepOvertaken:
		a.endLive(e.Title)
		if a.out.stdout.terminal {
			a.out.say(" overtaken")
		}
		a.out.note("%s: somebody else has changed the version table meanwhile; planning again", e.Step.Revision.ID)
	case aludel.StepRetried:
		a.out.note("%s: %v; trying again in %s", e.Step.Revision.ID, e.Err, shortDuration(e.Pause))
	case aludel.IndexDropped:
		a.out.note("%s: dropped the invalid index %s that an earlier attempt left", e.Step.Revision.ID, e.Object)
	case aludel.LocksAwaited:
		a.out.note("%s: waiting, without queueing, for locks that others hold", e.Step.Revision.ID)
		for _, b := range e.Blockers {
			a.out.note("  %s", b)
		}
	case aludel.IndexProgress:
		a.index(&e)
	case aludel.FileMissing:
		a.out.note("warning: no file has revision %s; it is undone by the down section that the history has kept since it was applied", e.Object)
	case aludel.SessionAwaited:
		if e.Step == nil {
			a.out.note("another session has the version table locked, as that of a killed run which the server still works for (%s); waiting until it has ended", e.Holder)
			return
		}
		a.out.note("%s: the server still works for an earlier run (%s); waiting until it has ended", e.Step.Revision.ID, e.Holder)
	case aludel.LockAwaited:
		a.out.note("another run holds the migration lock (%s); waiting", e.Holder)
	}
}

// tellEvery is how often batches are told of where lines stay.
const tellEvery = 10 * time.Second

// batch shows how far a statement has come.
func (a *app) batch(e *aludel.Event) { a.soFar(e, batchText(e)) }

// index shows how far an index is, and for whom it waits.
func (a *app) index(e *aludel.Event) {
	text := e.Object + ": " + e.Phase
	if e.RowsTotal > 0 {
		text += fmt.Sprintf(", %d of %d", e.Rows, e.RowsTotal)
	}
	for _, b := range e.Blockers {
		text += fmt.Sprintf(", for pid %d (%s, %s)", b.PID, b.Application, b.State)
	}
	a.soFar(e, text)
}

// soFar shows how far a step has come: on a line that is written over and over,
// or where that can't be, on one every now and then.
func (a *app) soFar(e *aludel.Event, text string) {
	if a.out.stdout.terminal {
		if a.out.quiet {
			return
		}
		start := "\n"
		if a.live {
			start = "\r"
		}
		a.live = true
		a.out.stdout.Write([]byte(start + text + eraseLine)) //nolint:errcheck // kept for the end
		a.out.stdout.flush()
		return
	}
	if now := time.Now(); now.Sub(a.told) >= tellEvery {
		a.told = now
		a.out.say("%s ... %s", e.Title, text)
	}
}

const eraseLine = "\x1b[K" // from the cursor to its end

// endLive puts the step's title in the place of the live line.
func (a *app) endLive(title string) {
	if a.live {
		a.out.stdout.Write([]byte("\r" + title + " ..." + eraseLine)) //nolint:errcheck // kept for the end
		a.live = false
	}
}

func batchText(e *aludel.Event) string {
	text := fmt.Sprintf("%s: %d of about %d rows, %.0f a second, about %s left", e.Object, e.Rows, e.RowsTotal, e.PerSecond, shortDuration(e.Left))
	if e.Slowed != "" {
		text += "; slower since " + e.Slowed
	}
	return text
}

func (a *app) progressJSON(e *aludel.Event) {
	line := eventJSON{
		Event: e.Kind, Number: e.Number, Total: e.Total, Seconds: e.Duration.Seconds(), Pause: e.Pause.Seconds(),
		Statement: e.Statement, Statements: e.Statements, Object: e.Object, Holder: e.Holder,
		Rows: e.Rows, RowsTotal: e.RowsTotal, PerSecond: e.PerSecond, Left: e.Left.Seconds(), Slowed: e.Slowed,
		Phase: e.Phase, Blockers: blockersJSON(e.Blockers),
	}
	if e.Step != nil {
		line.Revision, line.Direction, line.Message = e.Step.Revision.ID, e.Step.Direction, e.Step.Revision.Message
	}
	if e.Err != nil {
		line.Error = e.Err.Error()
	}
	a.out.event(line)
}

// shortDuration rounds to what a person reads.
func shortDuration(d time.Duration) string {
	switch {
	case d < 10*time.Millisecond:
		return d.Round(100 * time.Microsecond).String()
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	case d < time.Minute:
		return d.Round(10 * time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}

// finished closes the report of a run.
func (a *app) finished(result *aludel.Result) error {
	a.run.result = result
	if a.out.json {
		a.out.event(finishedJSON{Event: "finished", From: some(result.From), To: some(result.To), Steps: len(result.Steps), Ahead: result.Ahead})
		return nil
	}
	if len(result.Ahead) > 0 {
		a.out.note("the database is ahead of these files, at %s: nothing was done", strings.Join(result.Ahead, ", "))
		return nil
	}
	if len(result.Steps) == 0 && !result.Purge {
		a.out.say("Nothing to do: the database is at %s", at(result.To))
	}
	return nil
}

// at names version rows.
func at(rows []string) string {
	if len(rows) == 0 {
		return "<base>"
	}
	return strings.Join(rows, ", ")
}

// offline writes the script of a plan.
func (a *app) offline(options aludel.PlanOptions) error {
	if a.out.json {
		return errOffline
	}
	m, err := a.migrator()
	if err != nil {
		return err
	}
	return m.WriteSQL(a.out.stdout, options)
}

// runFlags are the bounds of a run, in place of the configuration's.
func (a *app) runFlags(cmd *cobra.Command) {
	given := func(field **time.Duration, name, usage string) {
		cmd.Flags().Func(name, usage, func(text string) error {
			d, err := duration(text)
			*field = &d
			return err
		})
	}
	cmd.Flags().Func("wait-for-database", "how long to try to reach a server that is not there yet, a `DURATION`, for containers that start together", func(text string) (err error) {
		a.waitForDatabase, err = duration(text)
		return err
	})
	cmd.Flags().StringVar(&a.flags.Transaction, "transaction", "", "`each` migration in a transaction of its own, or all in one (run.transaction)")
	cmd.Flags().BoolVar(&a.flags.Redact, "redact", false, "leave the queries out where others are named that hold locks (safety.redact)")
	a.telemetry.flags(cmd.Flags())
	f := &a.flags
	given(&f.MaxStall, "max-stall", "how long others may wait because of this, a `DURATION`; 0 for a database that nobody uses (safety.max_stall, 300ms)")
	given(&f.LockTimeout, "lock-timeout", "how long a statement queues for a lock at most, a `DURATION` (run.lock_timeout, 2s)")
	given(&f.LockWait, "lock-wait", "how long to wait for locks and for another run in all, a `DURATION` (run.lock_wait, 10m)")
	given(&f.StatementTimeout, "statement-timeout", "how long a statement may take, a `DURATION` (run.statement_timeout, none)")
}

// sqlFlags are those that Alembic gives to all commands that run something.
func sqlFlags(cmd *cobra.Command, sql *bool) {
	cmd.Flags().BoolVar(sql, "sql", false, "write the SQL to stdout and run nothing (offline mode)")
}

var errOffline = errors.New("--sql writes text for psql; -o json doesn't go with it")

// duration reads a bound: "0" is none.
func duration(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		return 0, errors.New("write it as 500ms, 2s or 10m, or 0 for none")
	}
	return d, nil
}
