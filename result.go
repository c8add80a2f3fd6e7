package aludel

import (
	"iter"
	"slices"
	"time"

	"github.com/aludel-db/aludel/internal/revision"
)

// A Revision is one migration as lists show it.
type Revision struct {
	ID string
	// Message is the first paragraph of the file's message, on one line, and
	// Description is all of it.
	Message, Description string
	// DownRevisions are the ids of the parents, in the order of the file.
	DownRevisions []string
	// DependsOn are the dependencies as the file has them: ids or labels.
	DependsOn []string
	// BranchLabels are the labels of the file; Labels also has those that
	// reach it along its branch, sorted.
	BranchLabels, Labels []string
	// Children are the ids of the revisions that name it as a parent.
	Children []string
	// Created is the zero time where the file doesn't say.
	Created time.Time
	// Path is its file; of a [GoRevision] the file of Go, as the compiler saw it.
	Path string
	// GoFunction answers a revision that [NewRevisionOptions].Go has had written:
	// versions.AddUsers. Else empty.
	GoFunction string
	// InGo: it is a [GoRevision].
	InGo bool
	// Head: it has no children. Effective: a head that somebody depends on.
	// BranchPoint and MergePoint: two children or parents, or more.
	Head, Effective, BranchPoint, MergePoint bool
	// Applied and Current (a row of the version table) are nil where the
	// database was not asked.
	Applied, Current *bool
}

// A Direction is what a step does with its revision.
type Direction = string

// The directions.
const (
	Up      Direction = "up"    // its up section runs
	Down    Direction = "down"  // its down section runs
	Stamped Direction = "stamp" // version rows change, nothing runs
)

// A Step is one revision's part of a plan.
type Step struct {
	Revision  *Revision
	Direction Direction
	// Removes and Adds are the version rows that go and come.
	Removes, Adds []string
}

// A Plan is what would run, in order.
type Plan struct {
	// From and To are the version rows before and after, sorted.
	From, To []string
	// Purge tells that all of From is deleted first.
	Purge bool
	Steps []Step

	internal *revision.Plan
}

// HeadsAfter are the steps with the version rows after each, sorted. The slice
// is reused: copy what you keep.
func (p *Plan) HeadsAfter() iter.Seq2[*Step, []string] {
	return func(yield func(*Step, []string) bool) {
		i := 0
		for _, rows := range p.internal.HeadsAfter {
			if !yield(&p.Steps[i], rows) {
				return
			}
			i++
		}
	}
}

// A Result is what an upgrade, a downgrade or a stamp did. Without steps there
// was nothing to do.
type Result struct {
	Plan
	// Ahead are the version rows that no file has, where
	// [UpgradeOptions].OKIfAhead let them be.
	Ahead []string
}

// A State is what a version table says.
type State struct {
	// Exists tells an empty version table from none.
	Exists bool
	// Rows are the ids in the table, in byte order.
	Rows []string
	// Unknown are those that no file has.
	Unknown []string

	applied []bool // in load order
}

// publicRevision converts r; state may be nil.
func (m *Migrator) publicRevision(r *revision.Revision, state *State) Revision {
	marks := m.graph.Marks(r)
	p := Revision{
		ID: r.ID, Message: r.Summary(), Description: r.Message, DownRevisions: r.DownRevisions, DependsOn: r.DependsOn,
		BranchLabels: r.BranchLabels, Labels: m.graph.Labels(r), Created: r.Created, Path: r.Path, InGo: r.InGo(),
		Head: marks.Head, Effective: marks.Effective, BranchPoint: marks.BranchPoint, MergePoint: marks.MergePoint,
	}
	for _, child := range m.graph.Children(r) {
		p.Children = append(p.Children, child.ID)
	}
	if state != nil {
		applied, current := state.applied[m.graph.Place(r)], slices.Contains(state.Rows, r.ID)
		p.Applied, p.Current = &applied, &current
	}
	return p
}

func (m *Migrator) publicRevisions(revisions []*revision.Revision, state *State) []Revision {
	list := make([]Revision, len(revisions))
	for i, r := range revisions {
		list[i] = m.publicRevision(r, state)
	}
	return list
}

func (m *Migrator) publicPlan(p *revision.Plan) *Plan {
	plan := &Plan{From: p.From, To: p.To, Purge: p.Purge, Steps: make([]Step, len(p.Steps)), internal: p}
	for i := range p.Steps {
		plan.Steps[i] = m.publicStep(&p.Steps[i])
	}
	return plan
}

func (m *Migrator) publicStep(s *revision.Step) Step {
	r := m.publicRevision(s.Revision, nil)
	return Step{Revision: &r, Direction: Direction(s.Direction), Removes: s.Removes, Adds: s.Adds}
}
