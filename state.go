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

	"github.com/aludel-db/aludel/internal/catalog"
	"github.com/aludel-db/aludel/internal/desired"
)

// A made is all that revisions or models make in an empty database.
type made struct {
	snapshot *Snapshot
	schemas  []string // all but the system's
	// database is one of the shadow that holds it; empty where it comes from an
	// earlier run.
	database string
}

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

// made answers what parts lead to: as it was in an earlier run, where a server
// of our own would make it once more, or what build makes.
func (s *Shadow) made(ctx context.Context, parts []string, build func() (*pgx.Conn, error)) (*made, error) {
	key := s.scratch.Key(program(), parts...)
	s.mu.Lock()
	d := s.states[key]
	s.mu.Unlock()
	if d != nil {
		return d, nil
	}
	d, err := s.cached(ctx, key)
	if err == nil && d == nil {
		d, err = s.make(ctx, key, build)
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
	if current, err := s.offersAgain(ctx, d.snapshot.catalog); err != nil || !current {
		return nil, err
	}
	return d, nil
}

// make has build make a state, and keeps it.
func (s *Shadow) make(ctx context.Context, key string, build func() (*pgx.Conn, error)) (*made, error) {
	conn, err := build()
	if err != nil {
		return nil, err
	}
	d := &made{}
	if d.schemas, err = schemasOf(ctx, conn); err != nil {
		return nil, err
	}
	if d.snapshot, err = ReadSnapshot(ctx, conn, SnapshotOptions{}); err != nil {
		return nil, err
	}
	data, err := d.encode()
	if err != nil {
		return nil, err
	}
	s.scratch.Keep(key, data)
	d.database, err = s.scratch.Seal(ctx, conn)
	return d, err
}

// offersAgain tells that the extensions of a state are what the server would
// make today: they are files of their own, which somebody may have updated.
func (s *Shadow) offersAgain(ctx context.Context, c *catalog.Catalog) (bool, error) {
	var names, versions []string
	for o := range c.Each {
		if e, ok := o.(*catalog.Extension); ok {
			names, versions = append(names, e.ID.Name()), append(versions, e.DefaultVersion)
		}
	}
	if len(names) == 0 {
		return true, nil
	}
	conn, err := s.scratch.Create(ctx, "")
	if err != nil {
		return false, err
	}
	var same bool
	err = conn.QueryRow(ctx, `SELECT NOT EXISTS (SELECT FROM unnest($1::text[], $2::text[]) AS was(name, version)
  LEFT JOIN pg_catalog.pg_available_extensions() AS v ON v.name = was.name WHERE v.default_version IS DISTINCT FROM was.version)`, names, versions).Scan(&same)
	return same, err
}

func (d *made) encode() ([]byte, error) {
	var b bytes.Buffer
	if err := gob.NewEncoder(&b).Encode(d.schemas); err != nil {
		return nil, fmt.Errorf("encoding a state: %w", err)
	}
	err := d.snapshot.catalog.Encode(&b)
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
