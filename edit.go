package aludel

import (
	"bytes"
	"context"
	"encoding/gob"
	"fmt"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"github.com/aludel-db/aludel/internal/desired"
	"github.com/aludel-db/aludel/internal/observe"
	"github.com/aludel-db/aludel/internal/reuse"
)

// Of a large schema few statements change at a time. The database that the models have
// made once is kept in the cache, and a copy of it edited (package reuse).

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

func (s *Shadow) keepsForEdits(e *edits) bool { return e != nil && e.state.Len() >= keepFrom }

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
	edit *reuse.Edit
	conn *pgx.Conn
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
	var before *made
	group, together := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		o.conn, err = s.scratch.OpenKept(together, e.family)
		return err
	})
	group.Go(func() (err error) {
		if before, err = decodeMade(s.scratch.Cached(was.Key)); err != nil {
			return nil //nolint:nilerr // it isn't there any more, or half
		}
		o.edit, err = reuse.New(e.state, e.options, was.Statements, reuse.State{Catalog: before.snapshot.catalog, Description: was.Description})
		return err
	})
	if err := group.Wait(); err != nil || o.conn == nil || o.edit == nil || !o.edit.Less() {
		return nil, err
	}
	if current, err := offersAgain(ctx, o.conn, before.snapshot.catalog); !current || err != nil {
		return nil, err
	}
	return o, nil
}

// makeByEdit edits the database of earlier models. It is nil where something else may
// have come out than the models make.
func (s *Shadow) makeByEdit(ctx context.Context, key string, r recipe, o *opened) (*made, error) {
	after, err := o.edit.Run(ctx, s.scratch, o.conn, r.describe)
	if after == nil || err != nil {
		return nil, err
	}
	d := &made{snapshot: &Snapshot{catalog: after.Catalog}, description: after.Description}
	if d.schemas, err = schemasOf(ctx, o.conn); err != nil {
		return nil, err
	}
	return d, s.seal(ctx, key, d, o.conn)
}
