package aludel_test

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/aludel-db/aludel"
	"github.com/aludel-db/aludel/internal/pgtest"
)

// TestCheckErr: what a check found as an error, one that a program tells apart.
func TestCheckErr(t *testing.T) {
	t.Parallel()
	m := newMigrator(t, files("\nCREATE TABLE t (id int);", "\nCREATE TABLE u (id int);"), aludel.Options{})
	conn := pgtest.New(t).Connect(t)
	shadow := openShadow(t)
	models := aludel.Models{Sources: []aludel.ModelSource{{Print: func(w io.Writer) error {
		_, err := io.WriteString(w, "CREATE TABLE t (id int); CREATE TABLE u (id int);")
		return err
	}}}}
	check := func(m *aludel.Migrator, models aludel.Models) error {
		t.Helper()
		c, err := m.Check(t.Context(), shadow, aludel.CheckOptions{Conn: conn, Models: models})
		if err != nil {
			t.Fatal(err)
		}
		return c.Err()
	}
	if _, err := m.Upgrade(t.Context(), conn, aludel.UpgradeOptions{Target: "r1"}); err != nil {
		t.Fatal(err)
	}
	var behind *aludel.NotUpToDateError
	if err := check(m, models); !errors.As(err, &behind) || len(behind.Pending) != 1 {
		t.Errorf("behind: %v", err)
	}
	if _, err := m.Upgrade(t.Context(), conn, aludel.UpgradeOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := check(m, models); err != nil {
		t.Errorf("all agree: %v", err)
	}
	if _, err := conn.Exec(t.Context(), "ALTER TABLE u ADD COLUMN by_hand int"); err != nil {
		t.Fatal(err)
	}
	var drift *aludel.DriftError
	if err := check(m, models); !errors.As(err, &drift) || drift.Models != nil || !strings.Contains(err.Error(), "ADD COLUMN by_hand integer") {
		t.Errorf("drift: %v", err)
	}
	more := aludel.Models{Sources: []aludel.ModelSource{{Print: func(w io.Writer) error {
		_, err := io.WriteString(w, "CREATE TABLE t (id int); CREATE TABLE u (id int); CREATE TABLE v (id int);")
		return err
	}}}}
	if err := check(m, more); !errors.As(err, &drift) || drift.Models == nil || !strings.Contains(err.Error(), "CREATE TABLE public.v") {
		t.Errorf("models: %v", err)
	}
	failing := aludel.Models{Sources: []aludel.ModelSource{{Print: func(io.Writer) error { return errors.New("no models today") }}}}
	if _, err := m.Check(t.Context(), shadow, aludel.CheckOptions{Models: failing}); err == nil ||
		err.Error() != "printing the DDL of the program's models: no models today" {
		t.Errorf("models that fail: %v", err)
	}
	var edited *aludel.TamperedError
	other := newMigrator(t, files("\nCREATE TABLE t (id int);", "\nCREATE TABLE u (id bigint);"), aludel.Options{})
	if err := check(other, aludel.Models{}); !errors.As(err, &edited) {
		t.Errorf("edited: %v", err)
	}
}
