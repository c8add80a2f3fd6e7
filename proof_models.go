package aludel

import (
	"context"
	"errors"
	"slices"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"github.com/aludel-db/aludel/internal/catalog"
	"github.com/aludel-db/aludel/internal/observe"
	"github.com/aludel-db/aludel/internal/revision"
)

// Most changes are proven without a copy of the base, which takes as long as to
// make the models: their own database is led down first, which has to give what
// the base is, and then up, down and up again. What the base is, the catalog's reader
// and an observer have seen in the real one.
//
// Nor is all looked at again after each step. PostgreSQL says which rows of its
// catalogs a step has touched (observe.Watch); what they belong to is read and
// described anew, and takes its place in what was seen before.
//
// Nothing is refused here. Where this way can't be taken, or ends elsewhere, a copy
// has the last word.

// likelyOnModels tells that nothing that was asked for stands in the way.
func (g *autogeneration) likelyOnModels() bool {
	o := g.options
	return o.Conn != nil && g.shadow.scratch.BinDir() != "" && // others' servers may have others' sessions
		len(o.Include)+len(o.Exclude)+len(o.Renames) == 0 && o.Keep == nil && !o.Online
}

// provenOnModels answers drafts that were proven on the models' database; none
// where that can't be said.
func (g *autogeneration) provenOnModels(ctx context.Context, first *revision.Draft) ([]*revision.Draft, error) {
	p, err := g.partOnModels(ctx)
	if err != nil || p == nil {
		return nil, err
	}
	schema := g.m.options.Schema
	if g.options.Qualified {
		schema = ""
	}
	drafts := g.drafts(first, []part{*p}, schema)
	proven, err := g.proveOnModels(ctx, drafts[0])
	var failed *ProofError
	if errors.As(err, &failed) {
		err = nil // as it may on a copy, which will tell
	}
	if err != nil || !proven {
		return nil, err
	}
	g.result.OnModels, g.result.Observer, g.result.Unproven = true, "queries", map[Direction]string{}
	return drafts, nil
}

// partOnModels is both ways, where each is one transaction and all that the base and
// the models' database hold besides is the same: what else there is may stand in the
// way of a statement, or be what it needs. Nil where it isn't.
func (g *autogeneration) partOnModels(ctx context.Context) (*part, error) {
	up := g.result.Difference.Statements
	if !g.likelyOnModels() || !g.renames.None() || len(up) == 0 || !oneTransaction(up) || !g.queriesSee() {
		return nil, nil
	}
	same, err := g.restIsSame()
	if err == nil && same && g.seen == nil {
		err = g.describe(ctx)
	}
	if err != nil || !same || g.seen == nil {
		return nil, err
	}
	down, err := g.wayBack(ctx, "", g.want, g.base, g.renames)
	if err != nil || !oneTransaction(down) {
		return nil, err
	}
	return &part{up: up, down: down}, nil
}

// unseen are kinds and facts that pg_dump sees and the queries of the observer don't.
var unseen = map[string]bool{
	"collation": true, "operator": true, "operator family": true, "operator class": true, "cast": true, "conversion": true, "text search": true,
	"language": true, "transform": true, "access method": true, "foreign data wrapper": true, "server": true, "user mapping": true,
	"publication": true, "subscription": true, "event trigger": true, "extension": true, "schema": true, "default privileges": true,
	"Compression": true, "Statistics": true, "Target": true, "Options": true, "ForeignOptions": true, "IndexOptions": true, "Labels": true,
}

// queriesSee tells that the observer by queries sees all that is to change. Of tables
// that are attached to others it doesn't see what of them is their own.
func (g *autogeneration) queriesSee() bool {
	for _, c := range g.result.Difference.Changes {
		if unseen[c.Kind] || slices.ContainsFunc(c.Facts, func(fact string) bool { return unseen[fact] }) {
			return false
		}
	}
	for _, s := range []*Snapshot{g.base, g.want} {
		for o := range s.catalog.Each {
			if _, attached := o.(*catalog.Attachment); attached {
				return false
			}
		}
	}
	return true
}

// oneTransaction tells that statements can be one, and run without rows as with
// them.
func oneTransaction(statements []SchemaStatement) bool {
	return len(groups(statements)) <= 1 && !slices.ContainsFunc(statements, func(s SchemaStatement) bool { return !s.Transactional || s.Batch != "" })
}

// restIsSame compares what is not compared: what is left alone, and what is in
// other schemas.
func (g *autogeneration) restIsSame() (bool, error) {
	rest := func(whole, compared *Snapshot) *Snapshot {
		return &Snapshot{catalog: whole.catalog.Without(func(o catalog.Object) bool {
			return compared.catalog.Get(o.Base().ID) != nil || g.isOurs(o)
		})}
	}
	d, err := Diff(rest(g.there.snapshot, g.base), rest(g.models.snapshot, g.want), g.diff)
	return err == nil && len(d.Statements) == 0, err
}

// isOurs tells of the version table and of the history.
func (g *autogeneration) isOurs(o catalog.Object) bool {
	id := o.Base().ID
	if index, isIndex := o.(*catalog.Index); isIndex {
		id = index.Table
	}
	return slices.Contains(g.snapshot.Exclude, [2]string{id.Schema(), id.Name()}) ||
		id.Kind() == catalog.KindSchema && id.Name() == g.m.options.VersionTableSchema
}

// proveOnModels runs a draft down, up, down and up again in the models' database,
// which is used up by it.
func (g *autogeneration) proveOnModels(ctx context.Context, draft *revision.Draft) (bool, error) {
	m, remove, err := g.m.with([]*revision.Draft{draft})
	if err != nil {
		return false, err
	}
	defer remove()
	plan, err := m.graph.Upgrade(g.rows, draft.ID)
	if err != nil || len(plan.Steps) != 1 {
		return false, err
	}
	conn, err := g.takeModels(ctx)
	if err != nil {
		return false, err
	}
	w := &watcher{prover: m.prover(g.shadow, g.snapshot, g.read, g.diff), conn: conn, options: g.snapshot, base: g.base}
	if w.aside, err = g.shadow.scratch.Connect(ctx, conn.Config().Database); err != nil {
		return false, err
	}
	if _, err := w.m.EnsureVersion(ctx, conn, EnsureVersionOptions{CreateSchema: true}); err != nil {
		return false, err
	}
	if _, err := w.m.Stamp(ctx, conn, StampOptions{Targets: plan.To, Purge: true}); err != nil {
		return false, err
	}
	w.snapshot, w.seen = g.want, g.models.description
	base := sight{snapshot: g.base, lines: g.seen.In(w.scope)}
	models := sight{snapshot: g.want, lines: g.models.description.In(w.scope)}
	for range 2 {
		if same, err := w.leadsTo(ctx, Down, back(plan.Steps), base); !same {
			return false, err
		}
		if same, err := w.leadsTo(ctx, Up, plan.Steps, models); !same {
			return false, err
		}
	}
	return true, nil
}

// takeModels connects to the models' database, which is made where they are known from
// an earlier run, or to a copy of one that is to stay as it is.
func (g *autogeneration) takeModels(ctx context.Context) (*pgx.Conn, error) {
	if g.models.database == "" {
		if err := g.models.remake(ctx); err != nil {
			return nil, err
		}
	}
	database := g.models.database
	if g.shadow.scratch.Keeps(database) {
		return g.shadow.scratch.Create(ctx, database)
	}
	g.models.database = ""
	return g.shadow.scratch.Connect(ctx, database)
}

// A watcher runs steps in a database of which it knows what it holds.
type watcher struct {
	*prover
	conn, aside *pgx.Conn // aside sees what was there before
	options     SnapshotOptions
	base        *Snapshot
	snapshot    *Snapshot
	seen        *observe.Description
}

// leadsTo runs steps, and tells whether the catalog's reader and the observer see
// what they should lead to.
func (w *watcher) leadsTo(ctx context.Context, direction Direction, steps []revision.Step, target sight) (bool, error) {
	watch, err := observe.StartWatch(ctx, w.aside)
	if err != nil {
		return false, err
	}
	failed := w.run(ctx, w.conn, steps)
	touched, elsewhere, err := watch.End(ctx, w.conn)
	switch {
	case failed != nil:
		return false, errors.Join(&ProofError{Direction: direction, err: failed}, err)
	case err != nil:
		return false, err
	case elsewhere:
		err = w.lookAtAll(ctx)
	case len(touched) > 0:
		err = w.lookAgain(ctx, touched)
	}
	if err != nil {
		return false, err
	}
	d, seen, err := w.compare(sight{snapshot: w.snapshot, lines: w.seen.In(w.scope)}, target)
	return err == nil && len(d.Changes) == 0 && seen == "", err
}

func (w *watcher) lookAtAll(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		w.seen, err = observe.Look(ctx, w.aside)
		return err
	})
	group.Go(func() (err error) {
		w.snapshot, err = w.read(ctx, w.conn)
		return err
	})
	return group.Wait()
}

// lookAgain looks at the relations that were touched.
func (w *watcher) lookAgain(ctx context.Context, touched []observe.Relation) error {
	options, err := w.options.read()
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		w.seen, err = w.seen.Again(ctx, w.aside, touched)
		return err
	})
	group.Go(func() error {
		c, err := catalog.Reread(ctx, w.conn, w.snapshot.catalog, options, relationsOf(touched), false)
		if err == nil {
			c.ReadAs(w.base.catalog)
			w.snapshot = &Snapshot{catalog: c}
		}
		return err
	})
	return group.Wait()
}

func relationsOf(touched []observe.Relation) []catalog.Relation {
	relations := make([]catalog.Relation, len(touched))
	for i, r := range touched {
		relations[i] = catalog.Relation(r)
	}
	return relations
}
