package aludel_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/aludel-db/aludel"
	"github.com/aludel-db/aludel/internal/pgtest"
)

// randomly makes another state each time that it runs.
const randomly = `-- users
--
-- revision: a1

-- migrate:up
CREATE TABLE users (id bigint);
DO $$ BEGIN EXECUTE format('COMMENT ON TABLE users IS %L', gen_random_uuid()); END $$;
-- migrate:down
DROP TABLE users;
`

// TestReplayIsKept: what revisions make is known to later runs, as long as they
// say the same.
func TestReplayIsKept(t *testing.T) {
	t.Parallel()
	cache := t.TempDir()
	replay := func(file string) string {
		m := newMigrator(t, fstest.MapFS{"1.sql": {Data: []byte(file)}}, aludel.Options{})
		made, err := m.Replay(t.Context(), openCaching(t, cache), "", aludel.SnapshotOptions{})
		if err != nil {
			t.Fatal(err)
		}
		d, err := made.Dump(aludel.DiffOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return d.SQL()
	}
	first := replay(randomly)
	if replay(randomly) != first {
		t.Error("the same revision was run again")
	}
	if replay(randomly+"-- a comment\n") != first {
		t.Error("what its down section says changed what up makes")
	}
	if replay(strings.Replace(randomly, "(id bigint)", "(id  bigint)", 1)) == first {
		t.Error("an edited revision was not run")
	}
	files, err := filepath.Glob(filepath.Join(cache, "aludel/states/*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("nothing is kept: %v", err)
	}
	for _, file := range files {
		if err := os.Truncate(file, 100); err != nil { // as a full disk leaves it
			t.Fatal(err)
		}
	}
	if replay(randomly) == first {
		t.Error("half a file was taken for a state")
	}
}

// onlyOnce can't run a second time on one server: the role stays.
const onlyOnce = `-- role
--
-- revision: a1

-- migrate:up
CREATE ROLE verify_only_once;
-- migrate:down
DROP ROLE verify_only_once;
`

// TestVerdictsAreKept: a revision that was right is not run again.
func TestVerdictsAreKept(t *testing.T) {
	t.Parallel()
	m := newMigrator(t, fstest.MapFS{"1.sql": {Data: []byte(onlyOnce)}}, aludel.Options{})
	cache := t.TempDir()
	holder := openShadow(t) // has the server go on
	if _, err := newMigrator(t, fstest.MapFS{}, aludel.Options{}).Replay(t.Context(), holder, "", aludel.SnapshotOptions{}); err != nil {
		t.Fatal(err)
	}
	verdict := func(cache string) aludel.Verdict {
		list, err := m.Verify(t.Context(), openCaching(t, cache), aludel.VerifyOptions{})
		if err != nil || len(list) != 1 {
			t.Fatalf("%v %v", list, err)
		}
		return list[0].Verdict
	}
	if got := verdict(cache); got != aludel.DataOnly {
		t.Fatalf("it is %s", got)
	}
	if got := verdict(cache); got != aludel.DataOnly {
		t.Errorf("it was run again: %s", got)
	}
	if got := verdict(t.TempDir()); got != aludel.UpFails {
		t.Errorf("it can run twice, which makes this test one that can't fail: %s", got)
	}
}

// TestModelsInterrupted: whoever cancels hears of that, and not of a connection that was
// closed for it.
func TestModelsInterrupted(t *testing.T) {
	t.Parallel()
	db := pgtest.NewOwn(t).New(t)
	conn := db.Connect(t)
	s, err := aludel.OpenShadow(t.Context(), aludel.ShadowOptions{Server: conn.Config()})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	made := make(chan error, 1)
	go func() {
		models := aludel.Models{Sources: []aludel.ModelSource{{Print: func(w io.Writer) error {
			_, err := io.WriteString(w, "CREATE TABLE t ();\nSELECT pg_sleep(600);")
			return err
		}}}}
		_, _, err := models.Make(ctx, s, "public", aludel.SnapshotOptions{})
		made <- err
	}()
	for sleeps := false; !sleeps; {
		err := conn.QueryRow(t.Context(), "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event = 'PgSleep')").Scan(&sleeps)
		if err != nil {
			t.Fatal(err)
		}
	}
	cancel()
	if err := <-made; !errors.Is(err, context.Canceled) {
		t.Errorf("it says %v", err)
	}
	if err := s.Close(context.WithoutCancel(t.Context())); err != nil {
		t.Error(err)
	}
}
