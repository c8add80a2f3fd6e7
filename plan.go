package aludel

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/aludel-db/aludel/internal/executor"
	"github.com/aludel-db/aludel/internal/revision"
)

// PlanOptions say what to plan.
type PlanOptions struct {
	// Direction is [Up], [Down] or [Stamped].
	Direction Direction
	// Targets are specifiers: one for an upgrade (default "head") or a
	// downgrade, one or more for a stamp.
	Targets []string
	// From are the version rows to start from. Nil asks the database.
	From []string
	// Purge belongs to a stamp.
	Purge bool
}

// Plan says what Upgrade, Downgrade or Stamp would run, in order. It is made
// by the same planner. db may be nil where From is given. Of version rows that no file
// has any more, a downgrade is planned as [Migrator.Downgrade] would run it.
func (m *Migrator) Plan(ctx context.Context, db Database, options PlanOptions) (*Plan, error) {
	if options.From != nil {
		return m.planFrom(ctx, nil, options.From, &options)
	}
	return using(ctx, db, func(conn *pgx.Conn) (*Plan, error) {
		rows, _, err := m.table.Heads(ctx, conn)
		if err != nil {
			return nil, publicError(err)
		}
		p, err := m.planFrom(ctx, conn, rows, &options)
		if options.Direction != Down || !isUnknownRow(err) {
			return p, err
		}
		return m.planKept(ctx, conn, rows, &options, err)
	})
}

// planKept plans a downgrade with what the history has kept; unknown is the error
// where it hasn't.
func (m *Migrator) planKept(ctx context.Context, conn *pgx.Conn, rows []string, options *PlanOptions, unknown error) (*Plan, error) {
	whole, added, err := m.withKept(ctx, conn)
	if err != nil || whole == nil {
		return nil, errors.Join(unknown, err)
	}
	p, err := whole.planFrom(ctx, conn, rows, options)
	if err == nil {
		m.tellMissing(p.internal, added)
	}
	return p, err
}

// planFrom plans from version rows. conn is asked about rows that no file has; it
// may be nil.
func (m *Migrator) planFrom(ctx context.Context, conn *pgx.Conn, rows []string, options *PlanOptions) (*Plan, error) {
	p, err := m.plan(rows, options)
	if err != nil {
		return nil, m.explain(ctx, conn, err)
	}
	return m.publicPlan(p), nil
}

// ApplyOptions are those of [Migrator.Apply].
type ApplyOptions struct {
	// AllowTampered is that of [UpgradeOptions].
	AllowTampered bool
}

// A StalePlanError is a plan that was made for other version rows than the
// database has by now. Nothing ran.
type StalePlanError struct {
	Planned, Rows []string // sorted
}

func (e *StalePlanError) Error() string {
	return fmt.Sprintf("the plan starts from %s, and the database stands at %s by now: plan again", rowsText(e.Planned), rowsText(e.Rows))
}

func rowsText(rows []string) string {
	if len(rows) == 0 {
		return "base"
	}
	return strings.Join(rows, ", ")
}

// Apply runs a plan of this Migrator's [Migrator.Plan] as it was shown: where the
// database has moved on since, it runs nothing, and is a [StalePlanError].
func (m *Migrator) Apply(ctx context.Context, db Database, plan *Plan, options ApplyOptions) (*Result, error) {
	return using(ctx, db, func(conn *pgx.Conn) (*Result, error) {
		return m.observed(ctx, conn, "apply", func(m *Migrator) (*Result, error) { return m.apply(ctx, conn, plan, options) })
	})
}

func (m *Migrator) apply(ctx context.Context, conn *pgx.Conn, plan *Plan, options ApplyOptions) (*Result, error) {
	return m.run(ctx, conn, func(rows []string) (*revision.Plan, error) {
		if !slices.Equal(rows, plan.From) {
			return nil, &StalePlanError{Planned: plan.From, Rows: rows}
		}
		upward := slices.ContainsFunc(plan.Steps, func(s Step) bool { return s.Direction == Up })
		if upward && !options.AllowTampered {
			return plan.internal, m.refuseTampered(ctx, conn, rows)
		}
		return plan.internal, nil
	})
}

func (m *Migrator) plan(rows []string, options *PlanOptions) (*revision.Plan, error) {
	switch options.Direction {
	case Stamped:
		return m.graph.Stamp(rows, options.Targets, options.Purge)
	case Down:
		return m.graph.Downgrade(rows, strings.Join(options.Targets, " "))
	}
	if len(options.Targets) == 0 {
		return m.graph.Upgrade(rows, "head")
	}
	return m.graph.Upgrade(rows, strings.Join(options.Targets, " "))
}

// WriteSQL writes the plan as a script for psql: offline mode. It needs no
// database. The target may be a range "from:to"; without one an upgrade starts
// at the empty state.
func (m *Migrator) WriteSQL(w io.Writer, options PlanOptions) error {
	if options.From == nil {
		if err := m.splitRange(&options); err != nil {
			return err
		}
	}
	p, err := m.plan(options.From, &options)
	if err != nil {
		return m.explain(context.Background(), nil, err)
	}
	job, err := executor.Prepare(p, m.code)
	if err != nil {
		return publicError(err)
	}
	o := m.executorOptions()
	o.MaxStall = 0 // a script doesn't look, and isn't tried again
	return executor.WriteSQL(w, job, o)
}

// splitRange takes "from:to" apart: from becomes the version rows.
func (m *Migrator) splitRange(options *PlanOptions) error {
	from, ranged := "base", false
	targets := slices.Clone(options.Targets)
	for i, target := range targets {
		start, end, ok := strings.Cut(target, ":")
		if !ok {
			continue
		}
		if ranged && start != from {
			return &RequestError{Message: "Stamp operation with --sql only supports a single starting revision at a time"}
		}
		if start == "" || end == "" || strings.Contains(end, ":") {
			return &RequestError{
				Message: fmt.Sprintf("Range %q needs a start and an end", target),
				Hints:   []string{"write it as <fromrev>:<torev>; base stands for nothing applied"},
			}
		}
		from, ranged, targets[i] = start, true, end
	}
	if options.Direction == Down && !ranged {
		return &RequestError{Message: "downgrade with --sql requires <fromrev>:<torev>"}
	}
	start, err := m.graph.Resolve(from)
	if err != nil {
		return m.explain(context.Background(), nil, err)
	}
	options.Targets, options.From = targets, []string{}
	for _, r := range start {
		options.From = append(options.From, r.ID)
	}
	return nil
}
