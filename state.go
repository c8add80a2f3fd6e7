package aludel

import (
	"bytes"
	"context"
	"encoding/gob"
	"fmt"
	"os"
	"slices"
	"strconv"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"github.com/aludel-db/aludel/internal/catalog"
	"github.com/aludel-db/aludel/internal/desired"
	"github.com/aludel-db/aludel/internal/observe"
)

// A made is all that revisions or models make in an empty database.
type made struct {
	snapshot *Snapshot
	schemas  []string // all but the system's
	// description is what an observer sees; nil where nobody has asked for it.
	description *observe.Description
	// database is one of the shadow that holds it; empty where it comes from an
	// earlier run.
	database string
	keeping  errgroup.Group // writes it to the cache meanwhile
}

// kept waits until later runs know it.
func (d *made) kept() error { return d.keeping.Wait() }

// extensions are those of a snapshot, the last one that was made first.
func (s *Snapshot) extensions() []desired.Extension {
	var list []desired.Extension
	for o := range s.catalog.Each {
		if e, ok := o.(*catalog.Extension); ok {
			list = append(list, desired.Extension{Name: e.ID.Name(), Schema: e.Schema})
		}
	}
	slices.Reverse(list)
	return list
}

// restricted is what of it the options ask for.
func (s *Snapshot) restricted(options SnapshotOptions) (*Snapshot, error) {
	read, err := options.read()
	if err != nil {
		return nil, err
	}
	return &Snapshot{catalog: s.catalog.Restricted(read)}, nil
}

// A recipe is how a state is made.
type recipe struct {
	// parts are all that it depends on.
	parts []string
	build func(context.Context) (*pgx.Conn, error)
	// begins is told that it is not known from before; it may be nil.
	begins func()
	// describe has a new one be described as well.
	describe bool
	// edits has it made from an earlier one where that takes less; it may be nil.
	edits *edits
}

// made answers what a recipe leads to: as it was in an earlier run, where a server of
// our own would make it once more, or as it is made now.
func (s *Shadow) made(ctx context.Context, r recipe) (*made, error) {
	key := s.key(r)
	s.mu.Lock()
	d := s.states[key]
	s.mu.Unlock()
	if d != nil {
		return d, nil
	}
	d, err := s.cached(ctx, key)
	if err == nil && d == nil {
		d, err = s.make(ctx, key, r)
	}
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.states[key] = d
	s.mu.Unlock()
	return d, nil
}

// cached is what an earlier run has kept, nil where there is nothing that holds.
func (s *Shadow) cached(ctx context.Context, key string) (*made, error) {
	data := s.scratch.Cached(key)
	if data == nil {
		return nil, nil
	}
	d, err := decodeMade(data)
	if err != nil {
		return nil, nil //nolint:nilerr // half a file: it is made again
	}
	if !slices.ContainsFunc(d.snapshot.catalog.All(), isExtension) {
		return d, nil
	}
	conn, err := s.scratch.Create(ctx, "")
	if err != nil {
		return nil, err
	}
	if current, err := offersAgain(ctx, conn, d.snapshot.catalog); err != nil || !current {
		return nil, err
	}
	return d, nil
}

func isExtension(o catalog.Object) bool {
	_, is := o.(*catalog.Extension)
	return is
}

// key names what a recipe leads to.
func (s *Shadow) key(r recipe) string { return s.scratch.Key(program(), r.parts...) }

// make makes a state, and keeps it.
func (s *Shadow) make(ctx context.Context, key string, r recipe) (*made, error) {
	e, err := s.openEdit(ctx, r.edits)
	if err != nil {
		return nil, err
	}
	if r.begins != nil {
		r.begins()
	}
	if e != nil {
		d, err := s.makeByEdit(ctx, key, r, e)
		if d != nil || err != nil {
			return d, err
		}
	}
	if s.keepsForEdits(r.edits) {
		r.describe = true
		if err := s.scratch.Alone(ctx); err != nil { // others would keep the server from being kept
			return nil, err
		}
	}
	conn, err := r.build(ctx)
	if err != nil {
		return nil, err
	}
	d, err := r.read(ctx, conn)
	if err == nil {
		err = s.seal(ctx, key, d, conn)
	}
	if err == nil {
		err = s.keepForEdits(key, r.edits, d)
	}
	return d, err
}

// read reads all that a database holds. It is done in one session: PostgreSQL has read
// half of it by then.
func (r *recipe) read(ctx context.Context, conn *pgx.Conn) (d *made, err error) {
	d = &made{}
	if d.schemas, err = schemasOf(ctx, conn); err == nil {
		d.snapshot, err = ReadSnapshot(ctx, conn, SnapshotOptions{})
	}
	if err == nil && r.describe {
		d.description, err = observe.Look(ctx, conn)
	}
	return d, err
}

// seal keeps a state for later runs, and its database for this one.
func (s *Shadow) seal(ctx context.Context, key string, d *made, conn *pgx.Conn) (err error) {
	d.keeping.Go(func() error { return s.keep(key, d.schemas, d.snapshot.catalog) })
	d.database, err = s.scratch.Seal(ctx, conn)
	return err
}

// keep keeps a state for later runs.
func (s *Shadow) keep(key string, schemas []string, c *catalog.Catalog) error {
	data, err := encodeMade(schemas, c)
	if err == nil {
		s.scratch.Keep(key, data)
	}
	return err
}

// offersAgain tells that the extensions of a state are what the server would
// make today: they are files of their own, which somebody may have updated.
func offersAgain(ctx context.Context, conn *pgx.Conn, c *catalog.Catalog) (same bool, err error) {
	var names, versions []string
	for o := range c.Each {
		if e, ok := o.(*catalog.Extension); ok {
			names, versions = append(names, e.ID.Name()), append(versions, e.DefaultVersion)
		}
	}
	err = conn.QueryRow(ctx, `SELECT NOT EXISTS (SELECT FROM unnest($1::text[], $2::text[]) AS was(name, version)
  LEFT JOIN pg_catalog.pg_available_extensions() AS v ON v.name = was.name WHERE v.default_version IS DISTINCT FROM was.version)`, names, versions).Scan(&same)
	return same, err
}

func encodeMade(schemas []string, c *catalog.Catalog) ([]byte, error) {
	var b bytes.Buffer
	if err := gob.NewEncoder(&b).Encode(schemas); err != nil {
		return nil, fmt.Errorf("encoding a state: %w", err)
	}
	err := c.Encode(&b)
	return b.Bytes(), err
}

func decodeMade(data []byte) (*made, error) {
	d, r := &made{}, bytes.NewReader(data)
	if err := gob.NewDecoder(r).Decode(&d.schemas); err != nil {
		return nil, fmt.Errorf("decoding a state: %w", err)
	}
	c, err := catalog.Decode(r)
	d.snapshot = &Snapshot{catalog: c}
	return d, err
}

// program tells builds of the running program apart. What one has kept is not
// read by another: it may see more.
func program() string {
	path, err := os.Executable()
	if err != nil {
		return Version()
	}
	info, err := os.Stat(path)
	if err != nil {
		return Version()
	}
	return Version() + " " + path + " " + strconv.FormatInt(info.Size(), 10) + " " + info.ModTime().UTC().String()
}

// sealed is the name of the database that build makes.
func (s *Shadow) sealed(ctx context.Context, build func() (*pgx.Conn, error)) (string, error) {
	conn, err := build()
	if err != nil {
		return "", err
	}
	return s.scratch.Seal(ctx, conn)
}
