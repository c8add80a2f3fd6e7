package aludel

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"golang.org/x/sync/errgroup"

	"github.com/aludel-db/aludel/internal/catalog"
	"github.com/aludel-db/aludel/internal/observe"
)

// readStates reads what is there, and what the models ask for.
func (g *autogeneration) readStates(ctx context.Context) error {
	read := g.readBoth
	if g.options.Conn == nil {
		read = g.makeBoth
	}
	err := read(ctx)
	if err != nil {
		return err
	}
	// Those that the models make are compared as well; public is there in any case.
	g.look(slices.DeleteFunc(slices.Clone(g.models.schemas), func(name string) bool { return name == "public" })...)
	if g.options.Conn == nil { // all are the revisions' own
		g.look(slices.DeleteFunc(slices.Clone(g.there.schemas), func(name string) bool { return name == g.m.options.VersionTableSchema })...)
	}
	if g.base, err = g.there.snapshot.restricted(g.snapshot); err != nil {
		return err
	}
	if g.want, err = g.models.snapshot.restricted(g.snapshot); err != nil {
		return err
	}
	g.result.Unsupported, g.result.Overlooked = g.base.Unsupported(), g.models.overlooked
	g.compareScope()
	return nil
}

// makeBoth makes what the revisions do, and then the models.
func (g *autogeneration) makeBoth(ctx context.Context) (err error) {
	if g.there, err = g.m.replayed(ctx, g.shadow, "heads"); err != nil {
		return err
	}
	g.models, err = g.options.Models.load(ctx, g.shadow, g.m.options.Schema, g.there.snapshot.extensions(), loading{})
	if err != nil {
		return err
	}
	return g.models.kept()
}

// readBoth reads a database, which has to be at the head, while the models are made.
func (g *autogeneration) readBoth(ctx context.Context) error {
	if err := g.atHead(ctx); err != nil {
		return err
	}
	extensions, err := extensionsOf(ctx, g.options.Conn)
	if err != nil {
		return err
	}
	unknown := make(chan bool, 1)
	group, together := errgroup.WithContext(ctx)
	group.Go(func() error {
		whole, err := ReadSnapshot(together, g.options.Conn, SnapshotOptions{})
		g.there = &made{snapshot: whole}
		switch { // models that have to be made have mostly changed, and then there is something to prove
		case err != nil || !<-unknown:
			return err
		case g.likelyOnModels():
			return g.describe(together)
		}
		g.copyAhead(ctx)
		return nil
	})
	group.Go(func() (err error) {
		defer close(unknown)
		g.models, err = g.options.Models.load(together, g.shadow, g.m.options.Schema, extensions, loading{
			begins: func() { unknown <- true }, describe: g.likelyOnModels(),
		})
		return err
	})
	return group.Wait()
}

// atHead reads where the database stands, which has to be the head.
func (g *autogeneration) atHead(ctx context.Context) error {
	status, err := g.m.Status(ctx, g.options.Conn)
	switch {
	case err != nil:
		return err
	case status.Problem != nil:
		return status.Problem
	case len(status.Pending) > 0:
		return &NotUpToDateError{Pending: status.Pending}
	}
	g.rows = status.State.Rows
	return nil
}

// describe has the database described for a proof.
func (g *autogeneration) describe(ctx context.Context) (err error) {
	g.seen, err = observe.Look(ctx, g.options.Conn)
	var pgErr *pgconn.PgError
	if errors.As(err, &pgErr) { // somebody has just dropped something; a copy will do
		g.seen, err = nil, nil
	}
	return err
}

// makeDatabases makes one of what is there, and one of the models, on which the
// way between them is tried. Those that were made to be read are taken.
func (g *autogeneration) makeDatabases(ctx context.Context) error {
	if g.template != "" {
		return nil
	}
	g.copy = g.base
	group, ctx := errgroup.WithContext(ctx) // each keeps a session busy
	group.Go(func() (err error) {
		if g.template = g.there.database; g.template == "" {
			g.template, err = g.makeBase(ctx)
		}
		return err
	})
	group.Go(func() (err error) {
		if g.wanted = g.models.database; g.wanted == "" {
			g.wanted, err = g.shadow.sealed(ctx, func() (*pgx.Conn, error) { return g.models.build(ctx) })
		}
		return err
	})
	return group.Wait()
}

func (g *autogeneration) makeBase(ctx context.Context) (string, error) {
	if g.options.Conn == nil {
		return g.shadow.sealed(ctx, func() (*pgx.Conn, error) { return g.m.replay(ctx, g.shadow, "heads") })
	}
	g.copyAhead(ctx)
	if err := g.ahead.Wait(); err != nil {
		return "", err
	}
	var err error
	if g.copy, err = g.read(ctx, g.copied); err != nil {
		return "", err
	}
	d, err := Diff(g.copy, g.base, g.diff)
	if err != nil {
		return "", err
	}
	if len(d.Statements) > 0 {
		return "", fmt.Errorf("the shadow can't hold a copy of the database: it would still take\n%s", d.SQL())
	}
	return g.shadow.scratch.Seal(ctx, g.copied)
}

// copyAhead begins to copy the database, where there is one, unless that is done
// already.
func (g *autogeneration) copyAhead(ctx context.Context) {
	if g.options.Conn == nil || g.ahead != nil {
		return
	}
	g.ahead = &errgroup.Group{}
	g.ahead.Go(func() (err error) {
		g.copied, err = g.copyDatabase(ctx)
		return err
	})
}

// copyDatabase makes the definitions of the database, all of them, in one of the
// shadow.
func (g *autogeneration) copyDatabase(ctx context.Context) (*pgx.Conn, error) {
	dump, err := g.there.snapshot.Dump(g.diff)
	if err != nil {
		return nil, err
	}
	conn, err := g.shadow.scratch.Create(ctx, "")
	if err != nil {
		return nil, err
	}
	if _, err := g.shadow.scratch.RunAll(ctx, conn, dump.texts()); err != nil {
		return nil, fmt.Errorf("copying the database's definitions to the shadow: %w", err)
	}
	if len(g.rows) == 0 {
		_, err = g.m.quiet().EnsureVersion(ctx, conn, EnsureVersionOptions{CreateSchema: true})
	} else {
		_, err = g.m.quiet().Stamp(ctx, conn, StampOptions{Targets: g.rows, Purge: true})
	}
	return conn, err
}

// close ends what goes on beside it.
func (g *autogeneration) close() error {
	if g.ahead != nil {
		_ = g.ahead.Wait() // whoever needs the copy has waited, and heard
	}
	if g.models != nil && g.models.made != nil {
		return g.models.kept()
	}
	return nil
}

// look has schemas compared.
func (g *autogeneration) look(schemas ...string) {
	for _, schema := range schemas {
		if !slices.Contains(g.snapshot.Schemas, schema) {
			g.snapshot.Schemas = append(g.snapshot.Schemas, schema)
		}
	}
}

// compareScope leaves out what the models don't decide, and says what of them is
// left out.
func (g *autogeneration) compareScope() {
	g.alone = aloneIn(g.base.catalog, g.want.catalog, g.options.Privileges)
	for _, id := range sortedIDs(g.alone) {
		if id.Kind() != catalog.KindSchema {
			g.result.LeftAlone = append(g.result.LeftAlone, id.String())
		}
	}
	g.leaveAlone(g.base)
	g.leaveAlone(g.want)
	if g.models.grants && !g.options.Privileges {
		g.result.NotCompared = append(g.result.NotCompared, "privileges")
	}
	if g.models.owners && !g.options.Owners {
		g.result.NotCompared = append(g.result.NotCompared, "owners")
	}
}

// aloneIn are objects outside all schemas that only the base has, and schemas
// that both have but the models say nothing of: whoever keeps the server has made
// them. Default privileges are privileges.
func aloneIn(base, want *catalog.Catalog, privileges bool) map[catalog.ID]bool {
	alone := map[catalog.ID]bool{}
	for o := range base.Each {
		id := o.Base().ID
		other := want.Get(id)
		switch {
		case id.Kind() == catalog.KindDefaultPrivileges:
			alone[id] = !privileges
		case id.Kind() == catalog.KindSchema && other != nil:
			alone[id] = other.Base().Comment == "" || other.Base().Comment == o.Base().Comment
		case id.Schema() == "" && other == nil:
			alone[id] = !hangs(o, base, want)
		}
	}
	return alone
}

// hangs tells that an object outside all schemas stands on one within that goes,
// and so goes as well: a cast by a function. From a publication a table goes by
// itself.
func hangs(o catalog.Object, base, want *catalog.Catalog) bool {
	if _, isPublication := o.(*catalog.Publication); isPublication {
		return false
	}
	return slices.ContainsFunc(o.Base().Needs, func(needed catalog.ID) bool {
		return needed.Schema() != "" && base.Get(needed) != nil && want.Get(needed) == nil
	})
}

func sortedIDs(set map[catalog.ID]bool) []catalog.ID {
	var list []catalog.ID
	for id, in := range set {
		if in {
			list = append(list, id)
		}
	}
	slices.SortFunc(list, catalog.ID.Compare)
	return list
}

// leaveAlone takes out what stays as it is.
func (g *autogeneration) leaveAlone(s *Snapshot) {
	leaveAlone(s, g.alone)
	if g.dismissal != nil {
		g.dismissal.apply(s)
	}
}

func leaveAlone(s *Snapshot, alone map[catalog.ID]bool) {
	s.catalog = s.catalog.Without(func(o catalog.Object) bool { return alone[o.Base().ID] })
}

// read is how all databases of the shadow are looked at.
func (g *autogeneration) read(ctx context.Context, conn *pgx.Conn) (*Snapshot, error) {
	s, err := ReadSnapshot(ctx, conn, g.snapshot)
	if err != nil {
		return nil, err
	}
	s.catalog.ReadAs(g.base.catalog)
	g.leaveAlone(s)
	return s, nil
}
