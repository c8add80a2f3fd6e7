package revision_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/aludel-db/aludel/internal/revision"
)

// A model is a graph as a naive program would have it: what stands on what is
// found by brute force.
type model struct {
	list  []*revision.Revision
	below map[string]map[string]bool // all that a revision stands on, itself left out
}

func drawModel(t *rapid.T) *model {
	m := &model{below: map[string]map[string]bool{}}
	for i := range rapid.IntRange(1, 14).Draw(t, "revisions") {
		r := &revision.Revision{ID: fmt.Sprintf("r%03d", i)}
		m.below[r.ID] = map[string]bool{}
		earlier := rapid.SliceOfNDistinct(rapid.IntRange(0, max(i-1, 0)), 0, min(i, 3), rapid.ID[int]).Draw(t, "parents")
		for j, p := range earlier {
			id := m.list[p].ID
			if j == 2 { // a dependency
				r.DependsOn = append(r.DependsOn, id)
			} else {
				r.DownRevisions = append(r.DownRevisions, id)
			}
			m.below[r.ID][id] = true
			for further := range m.below[id] {
				m.below[r.ID][further] = true
			}
		}
		m.list = append(m.list, r)
	}
	return m
}

// rows are what the version table holds when exactly applied is applied: those
// that nothing else applied stands on.
func (m *model) rows(applied map[string]bool) []string {
	rows := []string{}
	for id := range applied {
		covered := false
		for other := range applied {
			covered = covered || m.below[other][id]
		}
		if !covered {
			rows = append(rows, id)
		}
	}
	slices.Sort(rows)
	return rows
}

// TestAgainstModel walks up and down at random and compares, after each step
// of each plan, the version rows with those that follow from what is applied.
func TestAgainstModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := drawModel(t)
		g, err := revision.New(m.list)
		if err != nil {
			t.Fatal(err)
		}
		applied, rows := map[string]bool{}, []string{}
		for range rapid.IntRange(1, 8).Draw(t, "commands") {
			target := rapid.SampledFrom(m.list).Draw(t, "target").ID
			var plan *revision.Plan
			switch rapid.SampledFrom([]string{"up", "up", "down", "base", "stamp"}).Draw(t, "command") {
			case "up":
				plan, err = g.Upgrade(rows, target)
			case "down":
				plan, err = g.Downgrade(rows, target)
			case "base":
				plan, err = g.Downgrade(rows, "base")
			case "stamp":
				applied, rows = m.stamp(t, g, rows)
				continue
			}
			if err != nil {
				continue // a target on the wrong side
			}
			for step, heads := range plan.HeadsAfter {
				m.apply(t, applied, step)
				if diff := cmp.Diff(m.rows(applied), slices.Clone(heads)); diff != "" {
					t.Fatalf("rows after %s %s (-model +plan):\n%s", step.Direction, step.Revision.ID, diff)
				}
			}
			if len(plan.Steps) > 0 && plan.Steps[0].Direction == revision.Up && !applied[target] {
				t.Fatalf("upgrade %s did not apply it", target)
			}
			rows = plan.To
		}
	})
}

// stamp stamps some revisions. Rows above or below a single one move to it, and
// the others stay; with several, which one a row moves to is Alembic's rule,
// and no row may stand on another. It answers what counts as applied then.
func (m *model) stamp(t *rapid.T, g *revision.Graph, rows []string) (applied map[string]bool, after []string) {
	targets := rapid.SliceOfNDistinct(rapid.SampledFrom(m.list), 1, 3, func(r *revision.Revision) string { return r.ID }).Draw(t, "targets")
	ids := make([]string, len(targets))
	for i, r := range targets {
		ids[i] = r.ID
	}
	purge := rapid.Bool().Draw(t, "purge")
	plan, err := g.Stamp(rows, ids, purge)
	if err != nil {
		return m.closure(rows), rows
	}
	want := slices.Clone(ids)
	for _, row := range rows {
		related := func(id string) bool { return row == id || m.below[row][id] || m.below[id][row] }
		if !purge && !slices.ContainsFunc(ids, related) {
			want = append(want, row)
		}
	}
	slices.Sort(want)
	if len(ids) == 1 && !slices.Equal(want, plan.To) {
		t.Fatalf("stamp %v over %v leads to %v, not to %v", ids, rows, plan.To, want)
	}
	applied = m.closure(plan.To)
	if maximal := m.rows(applied); !slices.Equal(maximal, plan.To) {
		t.Fatalf("stamp %v over %v leads to %v, where only %v is maximal", ids, rows, plan.To, maximal)
	}
	return applied, plan.To
}

// closure is rows with all that they stand on.
func (m *model) closure(rows []string) map[string]bool {
	applied := map[string]bool{}
	for _, row := range rows {
		applied[row] = true
		for id := range m.below[row] {
			applied[id] = true
		}
	}
	return applied
}

// apply runs a step, which must be possible: up only over all that the
// revision stands on, down only when nothing stands on it.
func (m *model) apply(t *rapid.T, applied map[string]bool, step *revision.Step) {
	id := step.Revision.ID
	if step.Direction == revision.Up {
		for below := range m.below[id] {
			if !applied[below] {
				t.Fatalf("%s runs before %s, on which it stands", id, below)
			}
		}
		if applied[id] {
			t.Fatalf("%s runs twice", id)
		}
		applied[id] = true
		return
	}
	for other := range applied {
		if m.below[other][id] {
			t.Fatalf("%s is undone before %s, which stands on it", id, other)
		}
	}
	delete(applied, id)
}

// TestDowngradeUndoesUpgrade goes up from some state and comes back to it.
func TestDowngradeUndoesUpgrade(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := drawModel(t)
		g, err := revision.New(m.list)
		if err != nil {
			t.Fatal(err)
		}
		up, err := g.Upgrade(nil, "heads")
		if err != nil {
			t.Fatal(err)
		}
		down, err := g.Downgrade(up.To, "base")
		if err != nil {
			t.Fatal(err)
		}
		if len(up.Steps) != len(m.list) || len(down.Steps) != len(m.list) || len(down.To) != 0 {
			t.Fatalf("%d revisions, %d steps up, %d down, rows left %v", len(m.list), len(up.Steps), len(down.Steps), down.To)
		}
	})
}
