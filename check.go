package aludel

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"github.com/aludel-db/aludel/internal/revision"
)

// CheckOptions are those of [Migrator.Check].
type CheckOptions struct {
	// Models are compared with what the revisions make; none leaves that out.
	Models Models
	// Conn is a database to compare, too: with what the revisions make up to
	// where it stands. Nil leaves that out.
	Conn *pgx.Conn
	// Schemas, Include, Exclude, Owners and Privileges are as in
	// [AutogenerateOptions]; Renames as well.
	Schemas            []string
	Include, Exclude   []string
	Owners, Privileges bool
}

// A Check is what [Migrator.Check] found.
type Check struct {
	// Models leads from what the revisions make to the models: what autogenerate
	// would write. Nil where no models were given.
	Models *Difference
	// Drift leads from what the revisions make to the database. Nil where none was
	// given.
	Drift *Difference
	// Pending are the steps that the database lacks.
	Pending []Step
	// Tampered are applied revisions that were edited since.
	Tampered []Revision
	// Warnings are what is not wrong yet: several heads, names that sort in another
	// order than the revisions run, down sections that are empty or absent.
	Warnings []CheckWarning
	// Unsupported are objects that aludel doesn't look at.
	Unsupported []string
}

// A CheckWarning is a thing that may be meant so.
type CheckWarning struct {
	// Kind is "heads", "order", "empty down" or "no down". The names are stable.
	Kind     string
	Revision string // empty for the graph as a whole
	Path     string
	Message  string
}

// Agrees tells that nothing differs, as far as was asked.
func (c *Check) Agrees() bool {
	return (c.Models == nil || len(c.Models.Statements) == 0) && !c.Drifted() && len(c.Pending) == 0
}

// Drifted tells that the database is not what the revisions make, or that they
// are not those that ran.
func (c *Check) Drifted() bool {
	return c.Drift != nil && len(c.Drift.Statements) > 0 || len(c.Tampered) > 0
}

// Check tells whether models, revisions and database agree. It writes nothing.
func (m *Migrator) Check(ctx context.Context, s *Shadow, options CheckOptions) (*Check, error) {
	g := m.autogeneration(s, AutogenerateOptions{
		Models: options.Models, Schemas: options.Schemas, Include: options.Include, Exclude: options.Exclude,
		Owners: options.Owners, Privileges: options.Privileges,
	})
	c := &Check{Warnings: m.warnings()}
	scope := g.snapshot // before the models widen it: what is in public may be another's
	scope.Schemas = slices.Clone(scope.Schemas)
	var status *Status
	var is *Snapshot
	group, together := errgroup.WithContext(ctx) // the database and the shadow have time for each other
	if options.Conn != nil {
		group.Go(func() (err error) {
			if status, err = m.Status(together, options.Conn); err == nil {
				is, err = ReadSnapshot(together, options.Conn, SnapshotOptions{})
			}
			return err
		})
	}
	group.Go(func() (err error) {
		if len(options.Models.Sources) == 0 {
			return nil
		}
		if err = g.readStates(together); err == nil {
			c.Models, err = Diff(g.base, g.want, g.diff)
			c.Unsupported = g.result.Unsupported
		}
		return err
	})
	err := group.Wait()
	switch {
	case err != nil:
		return nil, err
	case options.Conn == nil:
		return c, nil
	case status.Problem != nil:
		return nil, status.Problem
	}
	c.Pending, c.Tampered = status.Pending, status.Tampered
	c.Drift, err = m.drift(ctx, s, status.State.Rows, is, scope, g.diff)
	return c, err
}

// DriftOptions are those of [Migrator.Drift], as in [AutogenerateOptions].
type DriftOptions struct {
	Schemas            []string
	Include, Exclude   []string
	Owners, Privileges bool
}

// Drift leads from what the revisions make, up to where the database stands, to
// what the database is. What is outside all schemas and no revision has made is
// no drift: whoever keeps the server has made it.
func (m *Migrator) Drift(ctx context.Context, s *Shadow, conn *pgx.Conn, options DriftOptions) (*Difference, error) {
	g := m.autogeneration(s, AutogenerateOptions{
		Schemas: options.Schemas, Include: options.Include, Exclude: options.Exclude, Owners: options.Owners, Privileges: options.Privileges,
	})
	state, err := m.State(ctx, conn)
	if err != nil {
		return nil, err
	}
	is, err := ReadSnapshot(ctx, conn, SnapshotOptions{})
	if err != nil {
		return nil, err
	}
	return m.drift(ctx, s, state.Rows, is, g.snapshot, g.diff)
}

// drift compares all of a database, which is at rows, with what the revisions
// make.
func (m *Migrator) drift(ctx context.Context, s *Shadow, rows []string, is *Snapshot, options SnapshotOptions, diff DiffOptions) (*Difference, error) {
	replayed, err := m.replayed(ctx, s, rows...) // all together are what is applied
	if err != nil {
		return nil, err
	}
	for _, schema := range replayed.schemas { // which the revisions have made
		if schema != "public" && !slices.Contains(options.Schemas, schema) {
			options.Schemas = append(options.Schemas, schema)
		}
	}
	made, err := replayed.snapshot.restricted(options)
	if err != nil {
		return nil, err
	}
	if is, err = is.restricted(options); err != nil {
		return nil, err
	}
	made.catalog.ReadAs(is.catalog)
	alone := aloneIn(is.catalog, made.catalog, !diff.NoPrivileges)
	leaveAlone(is, alone)
	leaveAlone(made, alone)
	return Diff(made, is, diff)
}

// warnings looks at the graph and the files.
func (m *Migrator) warnings() []CheckWarning {
	var list []CheckWarning
	if heads := m.graph.RealHeads(); len(heads) > 1 {
		ids := make([]string, len(heads))
		for i, h := range heads {
			ids[i] = h.ID
		}
		list = append(list, CheckWarning{Kind: "heads", Message: fmt.Sprintf("there are %d heads (%v): \"aludel merge\" joins them", len(heads), ids)})
	}
	for _, r := range m.graph.Revisions() {
		if late := m.sortsTooEarly(r); late != nil {
			list = append(list, CheckWarning{
				Kind: "order", Revision: r.ID, Path: r.Path,
				Message: fmt.Sprintf("its name sorts before that of %s, on which it stands: sqlc and others that read files by name would run it first", late.Path),
			})
		}
		script, err := r.Script()
		if err != nil {
			continue // an upgrade says it
		}
		switch down := &script.Down; {
		case down.Irreversible != "":
		case !down.Present:
			list = append(list, CheckWarning{Kind: "no down", Revision: r.ID, Path: r.Path, Message: "it has no \"-- migrate:down\" section, and can't be undone"})
		case len(down.Statements) == 0 && len(script.Up.Statements) > 0:
			list = append(list, CheckWarning{Kind: "empty down", Revision: r.ID, Path: r.Path, Message: "its down section is empty, so that nothing is undone"})
		}
	}
	return list
}

// sortsTooEarly answers a parent that is loaded after r.
func (m *Migrator) sortsTooEarly(r *revision.Revision) *revision.Revision {
	for _, id := range r.DownRevisions {
		if p := m.graph.Get(id); p != nil && m.graph.Place(p) > m.graph.Place(r) {
			return p
		}
	}
	return nil
}
