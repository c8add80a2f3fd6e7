package aludel_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/aludel-db/aludel"
	"github.com/aludel-db/aludel/internal/alembictrace"
)

// TestAlembicTraces asks the library what the real Alembic was asked. What
// needs a database or writes files is compared by the same test of the command
// line.
func TestAlembicTraces(t *testing.T) {
	t.Parallel()
	compared := 0
	for _, tr := range alembictrace.All(t) {
		got := libraryOutcome(tr)
		if got == nil || tr.Crashed() {
			continue
		}
		tr.Check(t, got)
		compared++
	}
	if compared < 2300 {
		t.Errorf("only %d traces are compared", compared)
	}
}

// libraryOutcome is nil for commands that are not compared here.
func libraryOutcome(tr *alembictrace.Trace) *alembictrace.Outcome {
	direction, plans := map[string]aludel.Direction{"upgrade": aludel.Up, "downgrade": aludel.Down, "stamp": aludel.Stamped}[tr.Cmd]
	current := strings.Contains(tr.Target, "current")
	switch {
	case tr.Opts.SQL, tr.Cmd == "revision", tr.Cmd == "merge", tr.Cmd == "current", !plans && current:
		return nil
	}
	got := &alembictrace.Outcome{}
	failed := func(err error) *alembictrace.Outcome {
		got.Error = err.Error()
		var graph *aludel.GraphError
		if errors.As(err, &graph) {
			got.Error = graph.Message
		}
		return got
	}
	m, err := aludel.New(tr.Files(), aludel.Options{})
	if err != nil {
		return failed(err)
	}
	if plans {
		targets := []string{tr.Target}
		if tr.Cmd == "stamp" {
			targets = strings.Fields(tr.Target)
		}
		plan, err := m.Plan(context.Background(), nil, aludel.PlanOptions{Direction: direction, Targets: targets, From: tr.Start, Purge: tr.Opts.Purge})
		if err != nil {
			return failed(err)
		}
		for step, heads := range plan.HeadsAfter() {
			got.Steps = append(got.Steps, alembictrace.Step{Revision: step.Revision.ID, Direction: step.Direction, HeadsAfter: slices.Clone(heads)})
		}
		got.End = append([]string{}, plan.To...)
		return got
	}
	var revisions []aludel.Revision
	switch tr.Cmd {
	case "resolve":
		revisions, err = m.Show(tr.Target, nil)
	case "history":
		revisions, err = m.History(aludel.HistoryOptions{Range: tr.Target})
	case "heads":
		revisions = m.Heads(tr.Opts.ResolveDependencies, nil)
	case "branches":
		revisions, err = m.Branches(nil)
	}
	if err != nil {
		return failed(err)
	}
	for _, r := range revisions {
		got.IDs = append(got.IDs, r.ID)
	}
	return got
}
