// Package reuse makes the database of models from that of earlier ones, where few of
// their statements have changed: it runs a [desired.Edit] in a copy, reads what that has
// touched, and tells whether all else is as it was.
//
// It refuses no models: where something isn't so, or can't be said, they are made from
// the ground up. It may import catalog, desired, diff, observe, shadow and pgx.
package reuse

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"github.com/aludel-db/aludel/internal/catalog"
	"github.com/aludel-db/aludel/internal/desired"
	"github.com/aludel-db/aludel/internal/observe"
	"github.com/aludel-db/aludel/internal/shadow"
)

// A State is what a database holds.
type State struct {
	Catalog     *catalog.Catalog // whole
	Description *observe.Description
	// Whole tells that [Edit.Run] has read all of it, not only what was touched.
	Whole bool
}

// An Edit leads from the database of earlier models to what models make.
type Edit struct {
	edit   *desired.Edit
	before State
}

// New answers what leads to a state from that of earlier statements, see
// [desired.State.Edit]; nil where that can't be said. The description of what was there
// before has to be known.
func New(state *desired.State, o desired.Options, statements []string, before State) (*Edit, error) {
	edit, err := state.Edit(o, statements, namesByTable(before.Catalog))
	if edit == nil || err != nil {
		return nil, err
	}
	return &Edit{edit, before}, nil
}

// Less tells that the edit is not most of the work.
func (e *Edit) Less() bool { return e.edit.Less() }

// Run runs the edit in a database that holds what was there before, and answers what it
// holds then; nil where that may not be what the models make, and then the database is
// of no use. What is read whole is described only where describe is set.
func (e *Edit) Run(ctx context.Context, scratch *shadow.Scratch, conn *pgx.Conn, describe bool) (after *State, err error) {
	var triggers bool // run code with each definition; extensions may have brought them
	if err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_catalog.pg_event_trigger)").Scan(&triggers); triggers || err != nil {
		return nil, err
	}
	aside, err := scratch.Connect(ctx, conn.Config().Database)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, aside.Close(ctx)) }()
	after, putBack, err := e.run(ctx, scratch, conn, aside, describe)
	if after == nil || err != nil {
		return nil, err
	}
	holds, err := e.holds(after.Catalog, putBack)
	if !holds || err != nil {
		return nil, err
	}
	return after, nil
}

// run answers nil where the edit fails: what is wrong is said with its place when the
// models are made from the ground up. putBack tells that foreign keys were put back.
func (e *Edit) run(ctx context.Context, scratch *shadow.Scratch, conn, aside *pgx.Conn, describe bool) (after *State, putBack bool, err error) {
	var watch *observe.Watch
	if e.edit.InTransactions() {
		if watch, err = observe.StartWatch(ctx, aside); err != nil {
			return nil, false, err
		}
	}
	keys, failed := e.edit.Make(ctx, scratch, conn)
	elsewhere := true
	var touched []observe.Relation
	if watch != nil {
		touched, elsewhere, err = watch.End(ctx, conn)
	}
	switch {
	case failed != nil:
		return nil, false, ctx.Err()
	case err != nil:
	case elsewhere:
		after, err = readWhole(ctx, conn, describe)
	default:
		after, err = e.readTouched(ctx, conn, aside, touched)
	}
	return after, keys > 0, err
}

func readWhole(ctx context.Context, conn *pgx.Conn, describe bool) (s *State, err error) {
	s = &State{Whole: true}
	s.Catalog, err = catalog.Read(ctx, conn, catalog.Options{})
	if err == nil && describe {
		s.Description, err = observe.Look(ctx, conn)
	}
	return s, err
}

// readTouched reads the relations that were touched; all else is as it was.
func (e *Edit) readTouched(ctx context.Context, conn, aside *pgx.Conn, touched []observe.Relation) (*State, error) {
	relations := make([]catalog.Relation, len(touched))
	for i, r := range touched {
		relations[i] = catalog.Relation(r)
	}
	s := &State{}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		s.Description, err = e.before.Description.Again(ctx, aside, touched)
		return err
	})
	group.Go(func() (err error) {
		s.Catalog, err = catalog.Reread(ctx, conn, e.before.Catalog, catalog.Options{}, relations, true)
		return err
	})
	return s, group.Wait()
}
