package shadow

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5"
)

// keptImages is how many images of databases there may be in the cache: each is as
// large as the database.
const keptImages = 4

// A keepsake is a database that is to be there in later runs.
type keepsake struct {
	key, name string
	note      []byte
}

// KeepDatabase has a database kept under a key, with a note on what is in it, when s
// is closed, if the server is our own and nobody else uses it by then. Nobody may
// change the database; see [Scratch.Keeps].
func (s *Scratch) KeepDatabase(key, name string, note []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.caches() && s.own != nil {
		s.keepsake = &keepsake{key: key, name: name, note: note}
	}
}

// Keeps tells of a database that it will be kept.
func (s *Scratch) Keeps(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.keepsake != nil && s.keepsake.name == name
}

// Kept is the note on the database that an earlier run has kept under a key; nil
// where there is none.
func (s *Scratch) Kept(key string) []byte {
	_, note := s.keptNote(key)
	return note
}

// keptNote splits what the image notes: the database's name comes first.
func (s *Scratch) keptNote(key string) (name string, note []byte) {
	if !s.caches() {
		return "", nil
	}
	data, err := readNote(s.imagePath(key))
	if err != nil {
		return "", nil
	}
	first, note, _ := bytes.Cut(data, []byte("\n"))
	return string(first), note
}

// OpenKept connects to the database that an earlier run has kept, in a server that
// nobody else joins. Its settings are those of the server: it can't be had beside other
// databases that are there already. It is nil then, and where there is nothing that
// holds.
func (s *Scratch) OpenKept(ctx context.Context, key string) (*pgx.Conn, error) {
	name, note := s.keptNote(key)
	if note == nil {
		return nil, nil
	}
	if started, err := s.startKept(ctx, s.imagePath(key)); !started || err != nil {
		return nil, err
	}
	conn, err := s.Connect(ctx, name)
	if err != nil {
		return nil, err
	}
	rows, err := conn.Query(ctx, "SELECT rolname FROM pg_authid WHERE oid >= 16384") // settle has looked at them
	if err != nil {
		return nil, err
	}
	s.roles, err = pgx.CollectRows(rows, pgx.RowTo[string])
	return conn, err
}

// Alone starts a server that nobody else joins, so that a database of it can be kept,
// unless one runs already or nothing is kept.
func (s *Scratch) Alone(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.server != nil || !s.caches() {
		return nil
	}
	return s.start(ctx, Options{Name: "alone " + rand.Text()})
}

func (s *Scratch) startKept(ctx context.Context, path string) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.server != nil {
		return false, nil
	}
	err := s.start(ctx, Options{Name: "kept " + rand.Text(), Image: path})
	var damaged *ImageError
	if errors.As(err, &damaged) || errors.Is(err, os.ErrNotExist) { // or another process has just deleted it
		_ = os.Remove(path)
		return false, nil
	}
	now := time.Now()
	_ = os.Chtimes(path, now, now) // as in Cached
	return err == nil, err
}

func (s *Scratch) imageDir() string { return filepath.Join(s.options.CacheDir, "aludel", "databases") }

func (s *Scratch) imagePath(key string) string { return filepath.Join(s.imageDir(), key) }

// saving is how the server's image is written.
func (s *Scratch) saving() *Saving {
	k := s.keepsake
	if k == nil || os.MkdirAll(s.imageDir(), 0o700) != nil {
		return nil
	}
	return &Saving{
		Path: s.imagePath(k.key), Note: append([]byte(k.name+"\n"), k.note...),
		Settle: func(ctx context.Context, conn *pgx.Conn) (bool, error) {
			prune(s.imageDir(), keptImages-1) // one comes
			return s.settle(ctx, conn, k.name)
		},
	}
}

// settle drops all databases but one. An image of a server that has more than this
// package makes itself is not to be had: later runs would see it.
func (s *Scratch) settle(ctx context.Context, conn *pgx.Conn, keep string) (fit bool, err error) {
	err = conn.QueryRow(ctx, `SELECT NOT EXISTS (SELECT FROM pg_authid WHERE oid >= 16384 AND (rolname <> ALL ($1::text[])
    OR rolsuper OR rolcreaterole OR rolcreatedb OR rolcanlogin OR rolreplication OR rolbypassrls OR rolconnlimit <> -1 OR NOT rolinherit OR rolpassword IS NOT NULL OR rolvaliduntil IS NOT NULL))
  AND NOT EXISTS (SELECT FROM pg_auth_members WHERE member >= 16384 OR roleid >= 16384)
  AND NOT EXISTS (SELECT FROM pg_db_role_setting) AND NOT EXISTS (SELECT FROM pg_tablespace WHERE oid >= 16384)
  AND NOT EXISTS (SELECT FROM pg_shdescription WHERE objoid >= 16384)`, s.roles).Scan(&fit)
	if err != nil || !fit {
		return false, err
	}
	rows, err := conn.Query(ctx, "SELECT datname FROM pg_database WHERE starts_with(datname, $1) AND datname <> $2", scratchPrefix, keep)
	if err != nil {
		return false, err
	}
	others, err := pgx.CollectRows(rows, pgx.RowTo[string])
	for _, name := range others {
		if err == nil {
			_, err = conn.Exec(ctx, "DROP DATABASE "+quote(name)+" WITH (FORCE)")
		}
	}
	if err != nil {
		return false, fmt.Errorf("dropping the other databases: %w", err)
	}
	return true, nil
}
