package aludel

import (
	"bytes"
	"context"
	"encoding/gob"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"github.com/aludel-db/aludel/internal/catalog"
	"github.com/aludel-db/aludel/internal/desired"
	"github.com/aludel-db/aludel/internal/observe"
)

// Of a large schema few statements change at a time. The database that the models have
// made once is kept in the cache; in a copy of it the relations that changed statements
// are about are made anew ([desired.Edit]). PostgreSQL says what that has touched
// (observe.Watch), which is read anew, and may be nothing else than was meant to be.
//
// Nothing is refused here: where it isn't so, or can't be said, the models are made
// from the ground up.

// edits are models that are made in this way.
type edits struct {
	family  string // names the models, whatever they say
	state   *desired.State
	options desired.Options
}

// An earlier is what the models were when their database was kept.
type earlier struct {
	Key         string // of their state in the cache
	Statements  []string
	Description *observe.Description
}

// keepFrom is how many statements models have to have to be kept. For 300, which 50
// tables may have, it hardly saves time; for twice as many a third of an autogenerate.
const keepFrom = 500

// maxName is how many bytes of a name PostgreSQL keeps.
const maxName = 63

func (s *Shadow) keepsForEdits(e *edits) bool { return e != nil && e.state.Len() >= s.keepFrom }

// keepForEdits has a database that was made from the ground up kept for later runs.
func (s *Shadow) keepForEdits(key string, e *edits, d *made) error {
	if !s.keepsForEdits(e) {
		return nil
	}
	statements, err := e.state.Statements(e.options)
	if err != nil || statements == nil {
		return err
	}
	var note bytes.Buffer
	if err := gob.NewEncoder(&note).Encode(earlier{Key: key, Statements: statements, Description: d.description}); err != nil {
		return fmt.Errorf("encoding the models' statements: %w", err)
	}
	s.scratch.KeepDatabase(e.family, d.database, note.Bytes())
	return nil
}

// An opened is the database of earlier models, to be edited.
type opened struct {
	edit   *desired.Edit
	conn   *pgx.Conn
	before *made
}

// openEdit opens the database of earlier models; nil where there is none, or it is no
// help.
func (s *Shadow) openEdit(ctx context.Context, e *edits) (*opened, error) {
	if e == nil {
		return nil, nil
	}
	note := s.scratch.Kept(e.family)
	var was earlier
	if note == nil || gob.NewDecoder(bytes.NewReader(note)).Decode(&was) != nil || was.Description == nil {
		return nil, nil
	}
	o := &opened{}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		o.conn, err = s.scratch.OpenKept(ctx, e.family)
		return err
	})
	group.Go(func() (err error) {
		if o.before, err = decodeMade(s.scratch.Cached(was.Key)); err != nil {
			return nil //nolint:nilerr // it isn't there any more, or half
		}
		o.before.description = was.Description
		o.edit, err = e.state.Edit(e.options, was.Statements, namesByTable(o.before.snapshot.catalog))
		return err
	})
	if err := group.Wait(); err != nil || o.conn == nil || o.edit == nil || !o.edit.Less() {
		return nil, err
	}
	return o, nil
}

// makeByEdit edits the database of earlier models. It is nil where something else came
// out than the edit is for.
func (s *Shadow) makeByEdit(ctx context.Context, key string, r recipe, o *opened) (*made, error) {
	fits, err := o.fits(ctx)
	if !fits || err != nil {
		return nil, err
	}
	d, putBack, err := s.runEdit(ctx, r, o)
	if d == nil || err != nil {
		return nil, err
	}
	holds, err := o.holds(d.snapshot.catalog, putBack > 0)
	if !holds || err != nil {
		return nil, err
	}
	return d, s.seal(ctx, key, d, o.conn)
}

// runEdit answers what is there then; nil where the edit fails. Only what has been
// touched is read, where PostgreSQL says what that is.
func (s *Shadow) runEdit(ctx context.Context, r recipe, o *opened) (d *made, putBack int, err error) {
	aside, err := s.scratch.Connect(ctx, o.conn.Config().Database)
	if err != nil {
		return nil, 0, err
	}
	defer func() { err = errors.Join(err, aside.Close(ctx)) }()
	var watch *observe.Watch
	if o.edit.InTransactions() {
		if watch, err = observe.StartWatch(ctx, aside); err != nil {
			return nil, 0, err
		}
	}
	putBack, failed := o.edit.Make(ctx, s.scratch, o.conn)
	elsewhere := true
	var touched []observe.Relation
	if watch != nil {
		touched, elsewhere, err = watch.End(ctx, o.conn)
	}
	switch {
	case failed != nil: // what is wrong is said with its place when they are made from the ground up
		return nil, 0, ctx.Err()
	case err != nil:
	case elsewhere:
		d, err = r.read(ctx, o.conn)
	default:
		d, err = o.readTouched(ctx, aside, touched)
	}
	return d, putBack, err
}

// readTouched reads the relations that were touched, and all else is as it was.
func (o *opened) readTouched(ctx context.Context, aside *pgx.Conn, touched []observe.Relation) (d *made, err error) {
	d = &made{schemas: o.before.schemas}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		d.description, err = o.before.description.Again(ctx, aside, touched)
		return err
	})
	group.Go(func() error {
		c, err := catalog.Reread(ctx, o.conn, o.before.snapshot.catalog, catalog.Options{}, relationsOf(touched), true)
		d.snapshot = &Snapshot{catalog: c}
		return err
	})
	return d, group.Wait()
}

// fits tells that a definition in the database does what it would do in a new one. Event
// triggers, which extensions may have brought, run code with each.
func (o *opened) fits(ctx context.Context) (bool, error) {
	var triggers bool
	if err := o.conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_catalog.pg_event_trigger)").Scan(&triggers); triggers || err != nil {
		return false, err
	}
	return offersAgain(ctx, o.conn, o.before.snapshot.catalog)
}

// holds tells that the edit has done what making all statements from the ground up
// does: nothing else is another than it was, and nothing of what is new would have made
// a difference to it. putBack tells that there are foreign keys that were put back.
func (o *opened) holds(after *catalog.Catalog, putBack bool) (bool, error) {
	before := o.before.snapshot.catalog
	d, err := Diff(o.rest(before), o.rest(after), DiffOptions{})
	if err != nil || len(d.Changes) > 0 || putBack && !o.samePrimaryKeys(before, after) {
		return false, err
	}
	for table, names := range namesByTable(after) {
		for _, name := range names {
			if o.edit.Makes(table) && !o.edit.Makes(name) && !o.edit.Leaves(name) {
				return false, nil
			}
		}
	}
	return o.ownNames(before) && o.ownNames(after), nil
}

// rest is what is not made anew.
func (o *opened) rest(c *catalog.Catalog) *Snapshot {
	return &Snapshot{catalog: c.Without(func(object catalog.Object) bool { return o.edit.Makes(holder(object)) })}
}

// holder is the name of the relation that an object is or belongs to, or its own.
func holder(o catalog.Object) string {
	if index, isIndex := o.(*catalog.Index); isIndex {
		return index.Table.Name()
	}
	return o.Base().ID.Name()
}

// samePrimaryKeys: a foreign key that names no columns leads to these.
func (o *opened) samePrimaryKeys(before, after *catalog.Catalog) bool {
	for object := range before.Each {
		key, isConstraint := object.(*catalog.Constraint)
		if !isConstraint || key.Type != catalog.PrimaryKey || !o.edit.Makes(holder(key)) {
			continue
		}
		now, _ := after.Get(key.ID).(*catalog.Constraint)
		if now == nil || now.Definition != key.Definition {
			return false
		}
	}
	return true
}

// namesByTable are the names of the indexes and sequences of each table, whose name is
// in lower case.
func namesByTable(c *catalog.Catalog) map[string][]string {
	names := map[string][]string{}
	for o := range c.Each {
		table, name := strings.ToLower(holder(o)), o.Base().ID.Name()
		switch o := o.(type) {
		case *catalog.Index:
		case *catalog.Sequence:
			if o.OwnedBy == (catalog.ID{}) {
				continue
			}
			table = strings.ToLower(o.OwnedBy.Name())
		case *catalog.Constraint:
			if name = o.Index; name == "" {
				continue
			}
		default:
			continue
		}
		names[table] = append(names[table], name)
	}
	return names
}

// ownNames tells that no name that PostgreSQL gave depends on what was there by then.
// It puts a number behind one that is taken in the schema, and cuts those that are too
// long.
func (o *opened) ownNames(c *catalog.Catalog) bool {
	const anew, stays = 1, 2
	sides := map[string]int{}
	take := func(name, table string) {
		if o.edit.Makes(table) {
			sides[name] |= anew
		} else {
			sides[name] |= stays
		}
	}
	for object := range c.Each {
		switch object := object.(type) {
		case *catalog.Table, *catalog.View, *catalog.Sequence, *catalog.Index:
			take(object.Base().ID.Name(), holder(object))
		case *catalog.Constraint:
			take(object.ID.Sub(), holder(object))
		}
	}
	for name, side := range sides {
		base := strings.TrimRight(name, "0123456789")
		numbered := base != name && sides[base] != 0 && sides[base]|side == anew|stays
		cut := len(name) >= maxName && side&anew != 0
		if (numbered || cut) && !o.edit.Names(name) {
			return false
		}
	}
	return true
}
