package aludel

import (
	"context"
	"errors"
	"strconv"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"github.com/aludel-db/aludel/internal/executor"
	"github.com/aludel-db/aludel/internal/observe"
	"github.com/aludel-db/aludel/internal/revision"
)

// Replay runs the revisions up to target, default "heads", in a database of the
// shadow, and reads what they make.
func (m *Migrator) Replay(ctx context.Context, s *Shadow, target string, options SnapshotOptions) (*Snapshot, error) {
	if target == "" {
		target = "heads"
	}
	d, err := m.replayed(ctx, s, target)
	if err != nil {
		return nil, err
	}
	return d.snapshot.restricted(options)
}

// replayed is what the revisions up to all targets make.
func (m *Migrator) replayed(ctx context.Context, s *Shadow, targets ...string) (*made, error) {
	parts, err := m.replayParts(ctx, targets)
	if err != nil {
		return nil, err
	}
	d, err := s.made(ctx, recipe{parts: parts, build: func(ctx context.Context) (*pgx.Conn, error) { return m.replay(ctx, s, targets...) }})
	if err != nil {
		return nil, err
	}
	return d, d.kept()
}

// replayParts are all that a replay depends on.
func (m *Migrator) replayParts(ctx context.Context, targets []string) ([]string, error) {
	parts := m.replaySettings()
	var rows []string
	for _, target := range targets {
		plan, err := m.graph.Upgrade(rows, target)
		if err != nil {
			return nil, m.explain(ctx, nil, err)
		}
		for _, step := range plan.Steps {
			up, _, err := stepParts(step)
			if err != nil {
				return nil, err
			}
			parts = append(parts, up...)
		}
		rows = plan.To
	}
	return parts, nil
}

func (m *Migrator) replaySettings() []string {
	o := &m.options
	return []string{"revisions", o.Schema, o.VersionTableSchema, o.VersionTable, o.HistoryTable, strconv.FormatBool(o.SingleTransaction), o.StatementTimeout.String(), o.BeforeEach, o.AfterEach}
}

// stepParts are what a revision's sections say.
func stepParts(step revision.Step) (up, down []string, err error) {
	script, err := step.Revision.Script()
	if err != nil {
		return nil, nil, publicError(err)
	}
	section := func(s *revision.Section) []string {
		return []string{step.Revision.ID, strconv.FormatBool(s.Present), strconv.FormatBool(s.NoTransaction), s.Irreversible, s.Checksum()}
	}
	return section(&script.Up), section(&script.Down), nil
}

func (m *Migrator) replay(ctx context.Context, s *Shadow, targets ...string) (*pgx.Conn, error) {
	conn, err := s.scratch.Create(ctx, "")
	if err != nil {
		return nil, err
	}
	quiet := m.quiet()
	if _, err := quiet.EnsureVersion(ctx, conn, EnsureVersionOptions{CreateSchema: true}); err != nil {
		return nil, err
	}
	for _, target := range targets {
		for {
			_, err := quiet.Upgrade(ctx, conn, UpgradeOptions{Target: target})
			if err == nil {
				break
			}
			if !s.scratch.MakeRole(ctx, conn, err) {
				return nil, err
			}
		}
	}
	return conn, nil
}

// quiet is the same Migrator for databases that nobody else uses: it tells
// nothing, and what it writes to the history goes with the database.
func (m *Migrator) quiet() *Migrator {
	q := *m
	q.options.OnEvent, q.options.Logger = func(Event) {}, nil
	q.alone = true
	return &q
}

// A prover runs single steps in databases of a shadow, and looks at what they
// make.
type prover struct {
	m      *Migrator // quiet
	shadow *Shadow
	read   func(context.Context, *pgx.Conn) (*Snapshot, error)
	diff   DiffOptions
	scope  observe.Scope
	pgDump string // its path; empty: described by queries
}

func (m *Migrator) prover(s *Shadow, options SnapshotOptions, read func(context.Context, *pgx.Conn) (*Snapshot, error), diff DiffOptions) *prover {
	return &prover{m: m.quiet(), shadow: s, read: read, diff: diff, scope: observe.Scope{Schemas: options.Schemas, Without: options.Exclude}}
}

// A sight is what a database holds, by the catalog and by who had no part in
// planning.
type sight struct {
	snapshot *Snapshot
	lines    []string // nil: not comparable by those
}

func (p *prover) look(ctx context.Context, conn *pgx.Conn) (seen sight, err error) {
	group, ctx := errgroup.WithContext(ctx)
	observe := func() (err error) {
		seen.lines, err = p.scope.Lines(ctx, p.pgDump, conn)
		return err
	}
	if p.pgDump != "" { // which has a connection of its own
		group.Go(observe)
	}
	if seen.snapshot, err = p.read(ctx, conn); err == nil && p.pgDump == "" {
		err = observe()
	}
	return seen, errors.Join(err, group.Wait())
}

// left is what is still to be done to get from one sight to the other, in SQL;
// empty where they are equal. Where only the observer sees a difference, that is
// seen: no ALTER may lead there.
func (p *prover) left(got, want sight) (sql, seen string, err error) {
	d, seen, err := p.compare(got, want)
	if err != nil {
		return "", "", err
	}
	if len(d.Statements) > 0 {
		return d.SQL(), "", nil
	}
	return "", seen, nil
}

// compare tells how two sights differ in the eyes of both.
func (p *prover) compare(got, want sight) (d *Difference, seen string, err error) {
	described := make(chan string, 1)
	go func() {
		if want.lines == nil {
			described <- ""
		} else {
			described <- observe.Compare(want.lines, got.lines)
		}
	}()
	d, err = Diff(got.snapshot, want.snapshot, p.diff)
	return d, <-described, err
}

// run runs steps from the version rows that the database holds.
func (p *prover) run(ctx context.Context, conn *pgx.Conn, steps []revision.Step) error {
	for {
		rows, _, err := p.m.table.Heads(ctx, conn)
		if err != nil {
			return publicError(err)
		}
		plan := &revision.Plan{From: rows, To: rows, Steps: steps}
		job, err := executor.Prepare(plan, p.m.code)
		if err == nil {
			err = executor.Run(ctx, conn, job, p.m.executorOptions())
		}
		if err == nil || !p.shadow.scratch.MakeRole(ctx, conn, err) {
			return publicError(err)
		}
	}
}

// prove runs steps up, down and up again, and compares. What only the observer
// sees is the caller's to judge.
func (p *prover) prove(ctx context.Context, conn *pgx.Conn, steps []revision.Step, after, before sight, unproven func(Direction, string) error) error {
	for _, way := range []struct {
		direction Direction
		steps     []revision.Step
		target    sight
	}{{Up, steps, after}, {Down, back(steps), before}, {Up, steps, after}} {
		if err := p.run(ctx, conn, way.steps); err != nil {
			return &ProofError{Direction: way.direction, err: err}
		}
		got, err := p.look(ctx, conn)
		if err != nil {
			return err
		}
		sql, seen, err := p.left(got, way.target)
		switch {
		case err != nil:
			return err
		case sql != "":
			return &ProofError{Direction: way.direction, Left: sql}
		case seen != "":
			if err := unproven(way.direction, seen); err != nil {
				return err
			}
		}
	}
	return nil
}

// back are the steps that undo others.
func back(steps []revision.Step) []revision.Step {
	undone := make([]revision.Step, 0, len(steps))
	for i := len(steps) - 1; i >= 0; i-- {
		s := steps[i]
		s.Direction, s.Removes, s.Adds = revision.Down, s.Adds, s.Removes
		undone = append(undone, s)
	}
	return undone
}
