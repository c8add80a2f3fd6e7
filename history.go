package aludel

import (
	"context"

	"github.com/aludel-db/aludel/internal/revision"
)

// HistoryOptions are those of [Migrator.History].
type HistoryOptions struct {
	// Range is "[start]:[end]", both ends included; default everything.
	// "current" may stand on either side where State is given.
	Range string
	// State marks what is applied; may be nil.
	State *State
}

// History lists revisions, newest first.
func (m *Migrator) History(options HistoryOptions) ([]Revision, error) {
	var rows []string
	if options.State != nil {
		rows = options.State.Rows
	}
	return m.list(options.State, func() ([]*revision.Revision, error) { return m.graph.History(options.Range, rows) })
}

// Heads lists the revisions without children, in load order; with real only
// those that nobody depends on either. state may be nil.
func (m *Migrator) Heads(real bool, state *State) []Revision {
	if real {
		return m.publicRevisions(m.graph.RealHeads(), state)
	}
	return m.publicRevisions(m.graph.Heads(), state)
}

// Branches lists the branch points, newest first. state may be nil.
func (m *Migrator) Branches(state *State) ([]Revision, error) {
	return m.list(state, func() ([]*revision.Revision, error) {
		all, err := m.graph.History("", nil)
		var points []*revision.Revision
		for _, r := range all {
			if m.graph.Marks(r).BranchPoint {
				points = append(points, r)
			}
		}
		return points, err
	})
}

// Show lists the revisions that a specifier stands for; "current" stands for
// the rows of state, which may otherwise be nil.
func (m *Migrator) Show(specifier string, state *State) ([]Revision, error) {
	return m.list(state, func() ([]*revision.Revision, error) {
		if specifier == "current" && state != nil {
			return m.graph.Rows(state.Rows)
		}
		return m.graph.Resolve(specifier)
	})
}

// Revision is the revision with exactly this id, or nil.
func (m *Migrator) Revision(id string) *Revision {
	r := m.graph.Get(id)
	if r == nil {
		return nil
	}
	public := m.publicRevision(r, nil)
	return &public
}

// Names are all ids and branch labels, for completion and suggestions.
func (m *Migrator) Names() []string {
	var names []string
	for _, r := range m.graph.Revisions() {
		names = append(names, r.ID)
		names = append(names, r.BranchLabels...)
	}
	return names
}

func (m *Migrator) list(state *State, get func() ([]*revision.Revision, error)) ([]Revision, error) {
	revisions, err := get()
	if err != nil {
		return nil, m.explain(context.Background(), nil, err)
	}
	return m.publicRevisions(revisions, state), nil
}
