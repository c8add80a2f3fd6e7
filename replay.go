package aludel

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/aludel-db/aludel/internal/executor"
	"github.com/aludel-db/aludel/internal/observe"
	"github.com/aludel-db/aludel/internal/revision"
)

// Replay runs the revisions up to target, default "heads", in a database of the
// shadow, and reads what they make.
func (m *Migrator) Replay(ctx context.Context, s *Shadow, target string, options SnapshotOptions) (*Snapshot, error) {
	conn, err := m.replay(ctx, s, target)
	if err != nil {
		return nil, err
	}
	return ReadSnapshot(ctx, conn, options)
}

func (m *Migrator) replay(ctx context.Context, s *Shadow, target string) (*pgx.Conn, error) {
	if target == "" {
		target = "heads"
	}
	conn, err := s.scratch.Create(ctx, "")
	if err != nil {
		return nil, err
	}
	quiet := m.quiet()
	for {
		_, err := quiet.Upgrade(ctx, conn, UpgradeOptions{Target: target, CreateSchema: true})
		if err == nil || !s.scratch.MakeRole(ctx, conn, err) {
			return conn, err
		}
	}
}

// quiet is the same Migrator for databases that nobody else uses: it tells
// nothing, and what it writes to the history goes with the database.
func (m *Migrator) quiet() *Migrator {
	q := *m
	q.options.OnEvent = func(Event) {}
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

func (p *prover) look(ctx context.Context, conn *pgx.Conn) (sight, error) {
	snapshot, err := p.read(ctx, conn)
	if err != nil {
		return sight{}, err
	}
	lines, err := p.scope.Lines(ctx, p.pgDump, conn)
	return sight{snapshot, lines}, err
}

// left is what is still to be done to get from one sight to the other, in SQL;
// empty where they are equal. Where only the observer sees a difference, that is
// seen: no ALTER may lead there.
func (p *prover) left(got, want sight) (sql, seen string, err error) {
	d, err := Diff(got.snapshot, want.snapshot, p.diff)
	if err != nil {
		return "", "", err
	}
	if len(d.Statements) > 0 || want.lines == nil {
		return d.SQL(), "", nil
	}
	return "", observe.Compare(want.lines, got.lines), nil
}

// run runs steps from the version rows that the database holds.
func (p *prover) run(ctx context.Context, conn *pgx.Conn, steps []revision.Step) error {
	for {
		rows, _, err := p.m.table.Heads(ctx, conn)
		if err != nil {
			return publicError(err)
		}
		plan := &revision.Plan{From: rows, To: rows, Steps: steps}
		job, err := executor.Prepare(plan)
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
