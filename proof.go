package aludel

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"github.com/aludel-db/aludel/internal/observe"
	"github.com/aludel-db/aludel/internal/revision"
)

// provenOnCopy makes drafts and proves them on a copy of the base.
func (g *autogeneration) provenOnCopy(ctx context.Context, first *revision.Draft) ([]*revision.Draft, error) {
	if err := g.makeDatabases(ctx); err != nil {
		return nil, err
	}
	parts, err := g.parts(ctx)
	if err != nil {
		return nil, err
	}
	if len(parts) == 0 {
		parts = []part{{}}
	}
	return g.proven(ctx, first, parts)
}

// proven writes the parts as drafts that were run. Names go without their schema
// unless that means something else, which the proof shows.
func (g *autogeneration) proven(ctx context.Context, first *revision.Draft, parts []part) ([]*revision.Draft, error) {
	schema := g.m.options.Schema
	if g.options.Qualified {
		schema = ""
	}
	drafts := g.drafts(first, parts, schema)
	err := g.prove(ctx, drafts)
	var failed *ProofError
	if errors.As(err, &failed) && schema != "" {
		drafts = g.drafts(first, parts, "")
		err = g.prove(ctx, drafts)
	}
	if errors.As(err, &failed) {
		failed.Dismissed = g.dismissal != nil
	}
	if err == nil {
		g.confess(drafts[len(drafts)-1])
	}
	return drafts, err
}

// prove runs the drafts up, down and up again.
func (g *autogeneration) prove(ctx context.Context, drafts []*revision.Draft) error {
	m, remove, err := g.m.with(drafts)
	if err != nil {
		return err
	}
	defer remove()
	p := m.prover(g.shadow, g.snapshot, g.read, g.diff)
	g.result.Unproven = map[Direction]string{}
	p.pgDump, g.result.Observer = observe.PgDump(g.shadow.scratch.BinDir()), "queries"
	if p.pgDump != "" {
		g.result.Observer = "pg_dump"
	}
	conn, before, want, err := g.sights(ctx, p)
	if err != nil {
		return err
	}
	rows, _, err := m.table.Heads(ctx, conn)
	if err != nil {
		return err
	}
	plan, err := m.graph.Upgrade(rows, drafts[len(drafts)-1].ID)
	if err != nil {
		return err
	}
	return p.prove(ctx, conn, plan.Steps, want, before, func(direction Direction, seen string) error {
		g.result.Unproven[direction] = seen
		return nil
	})
}

// sights are of a copy of the base, to which conn goes, and of the models.
func (g *autogeneration) sights(ctx context.Context, p *prover) (conn *pgx.Conn, before, want sight, err error) {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		before.snapshot = g.copy
		if conn, err = g.shadow.scratch.Create(ctx, g.template); err == nil {
			before.lines, err = p.scope.Lines(ctx, p.pgDump, conn)
		}
		return err
	})
	group.Go(func() error {
		want.snapshot = g.want
		if len(g.options.Include)+len(g.options.Exclude) > 0 || g.dismissal != nil {
			return nil // the base holds what the models are not asked for
		}
		models, err := g.shadow.scratch.Connect(ctx, g.wanted)
		if err != nil {
			return err
		}
		if want.lines, err = p.scope.Lines(ctx, p.pgDump, models); err != nil {
			return err
		}
		return models.Close(ctx) // others may be made of it
	})
	return conn, before, want, group.Wait()
}

// notProven begins a section of which not all is proven.
const notProven = "-- not proven:"

// confess says above the sections what of them is not proven.
func (g *autogeneration) confess(d *revision.Draft) {
	for direction, text := range map[Direction]*string{Up: &d.Up, Down: &d.Down} {
		seen := g.result.Unproven[direction]
		if seen == "" {
			continue
		}
		note := notProven + " behind this, " + g.result.Observer + " shows in place of what is marked - what is marked +\n"
		for line := range strings.Lines(seen) {
			note += "--   " + line
		}
		*text = note + *text
	}
}

// with is the Migrator with the drafts as files, in a folder that remove deletes.
func (m *Migrator) with(drafts []*revision.Draft) (extended *Migrator, remove func(), err error) {
	dir, remove, err := m.draftFolder(drafts...)
	if err != nil {
		return nil, nil, err
	}
	options := m.options
	options.More = append(slices.Clone(options.More), Folder{FS: os.DirFS(dir), Path: dir})
	options.LockTimeout, options.LockWait, options.MaxStall = unbounded(options.LockTimeout), unbounded(options.LockWait), unbounded(0)
	if extended, err = New(m.folders[0].FS, options); err != nil {
		remove()
	}
	return extended, remove, err
}

// draftFolder writes drafts as files into a temporary folder.
func (m *Migrator) draftFolder(drafts ...*revision.Draft) (dir string, remove func(), err error) {
	dir, err = os.MkdirTemp("", "aludel-")
	if err != nil {
		return "", nil, err
	}
	remove = func() { _ = os.RemoveAll(dir) } // what is left there is temporary
	for _, d := range drafts {
		path := filepath.Join(dir, d.ID+".sql")
		text, err := d.Render(path, m.options.Template)
		if err == nil {
			err = writeNew(path, text)
		}
		if err != nil {
			remove()
			return "", nil, err
		}
	}
	return dir, remove, nil
}

// unbounded says "no bound" as [Options] does, where 0 is the default.
func unbounded(d time.Duration) time.Duration {
	if d == 0 {
		return -1
	}
	return d
}
