//go:build linux || darwin

package shadow_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/aludel-db/aludel/internal/shadow"
)

// TestKeptDatabase: a database is there in later runs, for each as it was kept.
func TestKeptDatabase(t *testing.T) {
	t.Parallel()
	o := scratchOptions(t)
	if note := openScratch(t, o).Kept("key"); note != nil {
		t.Errorf("nothing was kept, and the note is %q", note)
	}
	keepDatabase(t, o, "GRANT SELECT ON kept TO somebody")
	cut, cancel := context.WithCancel(t.Context())
	cancel()
	if conn, err := openScratch(t, o).OpenKept(cut, "key"); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted, it says %v, connected: %v", err, conn != nil)
	}
	for range 2 { // what the first one does is not seen by the second
		s := openScratch(t, o)
		if note := s.Kept("key"); string(note) != "a note\nof two lines" {
			t.Errorf("the note is %q", note)
		}
		conn, err := s.OpenKept(t.Context(), "key")
		if err != nil || conn == nil {
			t.Fatalf("it can't be opened: %v", err)
		}
		if _, err := conn.Exec(t.Context(), "DROP TABLE kept"); err != nil {
			t.Error(err)
		}
		if _, err := s.Create(t.Context(), ""); err != nil {
			t.Errorf("no other database can be made beside it: %v", err)
		}
		again, err := s.OpenKept(t.Context(), "key")
		if err != nil || again != nil {
			t.Errorf("it was opened in a server that runs already: %v", err)
		}
		closeScratch(t, s)
	}
}

// TestNotKept: what is more than a database is in no image, nor is one of a server that
// others use.
func TestNotKept(t *testing.T) {
	t.Parallel()
	for name, sql := range map[string]string{
		"a role that may log in": "CREATE ROLE more LOGIN",
		"a membership":           "CREATE ROLE more IN ROLE pg_monitor",
		"a setting of a role":    "ALTER ROLE aludel SET work_mem = '1MB'",
	} {
		o := scratchOptions(t)
		keepDatabase(t, o, sql)
		if openScratch(t, o).Kept("key") != nil {
			t.Errorf("%s was kept", name)
		}
	}
	o := scratchOptions(t)
	other := openScratch(t, o)
	if _, err := other.Create(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	keepDatabase(t, o, "SELECT 1")
	if other.Kept("key") != nil {
		t.Error("the server of another was kept")
	}
}

// TestDamagedImage: after a crash of the machine a part of the file may be missing, or
// be another one's.
func TestDamagedImage(t *testing.T) {
	t.Parallel()
	o := scratchOptions(t)
	keepDatabase(t, o, "SELECT 1")
	path := filepath.Join(o.CacheDir, "aludel/databases/key")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	changed := append([]byte(nil), whole...)
	changed[len(changed)/2] ^= 1
	for name, data := range map[string][]byte{"empty": {}, "cut": whole[:len(whole)/2], "cut in the note": whole[:10], "changed": changed, "something else": []byte("something else\n")} {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		s := openScratch(t, o)
		conn, err := s.OpenKept(t.Context(), "key")
		if err != nil || conn != nil {
			t.Errorf("%s: %v, connected: %v", name, err, conn != nil)
		}
		if _, err := s.Create(t.Context(), ""); err != nil {
			t.Errorf("%s: another server is not to be had then: %v", name, err)
		}
		closeScratch(t, s)
	}
}

// keepDatabase makes a database with a table that is called kept, and has it kept.
func keepDatabase(t *testing.T, o shadow.ScratchOptions, sql string) {
	t.Helper()
	s := openScratch(t, o)
	conn, err := s.Create(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	for _, sql := range []string{"CREATE TABLE kept ()", sql} {
		if err := s.Run(t.Context(), conn, sql); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Create(t.Context(), ""); err != nil { // one that is not kept
		t.Fatal(err)
	}
	s.KeepDatabase("key", conn.Config().Database, []byte("a note\nof two lines"))
	if !s.Keeps(conn.Config().Database) || s.Keeps("another") {
		t.Error("it doesn't know what it keeps")
	}
	closeScratch(t, s)
}

// scratchOptions are those of servers that no other test joins.
func scratchOptions(t *testing.T) shadow.ScratchOptions {
	t.Helper()
	found := installation(t)
	return shadow.ScratchOptions{Search: shadow.Search{BinDir: found.BinDir}, CacheDir: t.TempDir(), TempDir: folder(t), MemDir: folder(t)}
}

func openScratch(t *testing.T, o shadow.ScratchOptions) *shadow.Scratch {
	t.Helper()
	s, err := shadow.OpenScratch(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeScratch(t, s) })
	return s
}

func closeScratch(t *testing.T, s *shadow.Scratch) {
	t.Helper()
	if err := s.Close(context.WithoutCancel(t.Context())); err != nil {
		t.Errorf("closing it: %v", err)
	}
}
