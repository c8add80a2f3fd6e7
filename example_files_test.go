package aludel_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/aludel-db/aludel"
)

// shopCopy copies testdata/shop, so that revisions can be written.
func shopCopy() (dir string, remove func()) {
	dir, err := os.MkdirTemp("", "aludel-example")
	if err == nil {
		err = os.CopyFS(dir, os.DirFS("testdata/shop"))
	}
	if err != nil {
		panic(err)
	}
	return dir, func() { _ = os.RemoveAll(dir) }
}

// edit replaces something in a file.
func edit(path, old, text string) {
	content, err := os.ReadFile(path)
	if err == nil {
		err = os.WriteFile(path, []byte(strings.Replace(string(content), old, text, 1)), 0o666)
	}
	if err != nil {
		panic(err)
	}
}

// Path says where to write. What was written takes part from the next New on.
func ExampleMigrator_NewRevision() {
	dir, remove := shopCopy()
	defer remove()
	m, err := aludel.New(os.DirFS(dir), aludel.Options{Path: dir})
	if err != nil {
		fmt.Println(err)
		return
	}
	r, err := m.NewRevision(aludel.NewRevisionOptions{
		Message: "Add the name", Up: "ALTER TABLE users ADD COLUMN name text;", Down: "ALTER TABLE users DROP COLUMN name;",
		ID: "c81fa90d3b57", Now: time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC), // mostly left to Aludel
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(filepath.Base(r.Path))
	content, err := os.ReadFile(r.Path)
	fmt.Printf("%s%v\n", content, err)
	// Output:
	// 20261125120000_c81fa90d3b57_add_the_name.sql
	// -- Add the name
	// --
	// -- revision: c81fa90d3b57
	// -- down_revision: 9f4c1d8e6b20
	// -- created: 2026-11-25T12:00:00Z
	//
	// -- migrate:up
	// ALTER TABLE users ADD COLUMN name text;
	//
	// -- migrate:down
	// ALTER TABLE users DROP COLUMN name;
	// <nil>
}

// Two revisions on one parent are two heads; a merge joins them.
func ExampleMigrator_Merge() {
	dir, remove := shopCopy()
	defer remove()
	write := func(write func(m *aludel.Migrator) (*aludel.Revision, error)) {
		m, err := aludel.New(os.DirFS(dir), aludel.Options{Path: dir})
		if err != nil {
			fmt.Println(err)
			return
		}
		r, err := write(m)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(r.ID, r.DownRevisions)
	}
	write(func(m *aludel.Migrator) (*aludel.Revision, error) {
		return m.NewRevision(aludel.NewRevisionOptions{Message: "Another branch", ID: "c81fa90d3b57", Heads: []string{"5b0e9d2f7a31"}, Splice: true})
	})
	write(func(m *aludel.Migrator) (*aludel.Revision, error) {
		return m.Merge(aludel.MergeOptions{Message: "Join them", ID: "d02be7714c68"})
	})
	// Output:
	// c81fa90d3b57 [5b0e9d2f7a31]
	// d02be7714c68 [9f4c1d8e6b20 c81fa90d3b57]
}

// A Shadow has throw-away databases: on a server that is named, or on one that
// Aludel runs itself.
func ExampleMigrator_Verify() {
	ctx := context.Background()
	conn, done := connect()
	defer done()
	shadow, err := aludel.OpenShadow(ctx, aludel.ShadowOptions{Server: conn.Config()})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer shadow.Close(ctx) //nolint:errcheck // an example
	verified, err := shop(aludel.Options{}).Verify(ctx, shadow, aludel.VerifyOptions{})
	for _, v := range verified {
		fmt.Println(v.Revision.ID, v.Verdict)
	}
	fmt.Println(err)
	// Output:
	// 27c6f3e1a0b4 reversible
	// 5b0e9d2f7a31 reversible
	// 9f4c1d8e6b20 reversible
	// <nil>
}

func ExampleMigrator_Check() {
	ctx := context.Background()
	conn, done := connect()
	defer done()
	shadow, err := aludel.OpenShadow(ctx, aludel.ShadowOptions{Server: conn.Config()})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer shadow.Close(ctx) //nolint:errcheck // an example
	m := shop(aludel.Options{})
	if _, err := m.Upgrade(ctx, conn, aludel.UpgradeOptions{}); err != nil {
		fmt.Println(err)
		return
	}
	if _, err := conn.Exec(ctx, "ALTER TABLE users ADD COLUMN by_hand int"); err != nil {
		fmt.Println(err)
		return
	}
	check, err := m.Check(ctx, shadow, aludel.CheckOptions{Conn: conn})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("agrees:", check.Agrees())
	fmt.Print(check.Drift.SQL())
	// Output:
	// agrees: false
	// ALTER TABLE public.users ADD COLUMN by_hand integer;
}

func ExampleMigrator_Autogenerate() {
	ctx := context.Background()
	conn, done := connect()
	defer done()
	shadow, err := aludel.OpenShadow(ctx, aludel.ShadowOptions{Server: conn.Config()})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer shadow.Close(ctx) //nolint:errcheck // an example
	dir, remove := shopCopy()
	defer remove()
	m, err := aludel.New(os.DirFS(dir), aludel.Options{Path: dir})
	if err != nil {
		fmt.Println(err)
		return
	}
	made, err := m.Autogenerate(ctx, shadow, aludel.AutogenerateOptions{
		NewRevisionOptions: aludel.NewRevisionOptions{Message: "Say when users came"},
		Models:             aludel.Models{Sources: []aludel.ModelSource{{Paths: []string{"testdata/shop.sql"}}}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, r := range made.Revisions { // already proven, up and down
		fmt.Println(r.Message, "on", r.DownRevisions)
	}
	fmt.Print(made.Difference.SQL())
	// Output:
	// Say when users came on [9f4c1d8e6b20]
	// ALTER TABLE public.users ADD COLUMN created_at timestamp with time zone NOT NULL DEFAULT now();
}

func ExampleDiff() {
	ctx := context.Background()
	conn, done := connect()
	defer done()
	before, err := aludel.ReadSnapshot(ctx, conn, aludel.SnapshotOptions{Schemas: []string{"public"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err := conn.Exec(ctx, "CREATE TABLE t (id int PRIMARY KEY)"); err != nil {
		fmt.Println(err)
		return
	}
	after, err := aludel.ReadSnapshot(ctx, conn, aludel.SnapshotOptions{Schemas: []string{"public"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	difference, err := aludel.Diff(after, before, aludel.DiffOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, change := range difference.Changes {
		fmt.Println(change.Action, change.Kind, change.Object)
	}
	for _, statement := range difference.Statements {
		fmt.Println(statement.SQL, statement.Hazards)
	}
	// Output:
	// drop table public.t
	// DROP TABLE public.t [data loss]
}

func ExampleSnapshot_Dump() {
	ctx := context.Background()
	conn, done := connect()
	defer done()
	if _, err := conn.Exec(ctx, "CREATE TABLE t (id int PRIMARY KEY, at timestamptz DEFAULT now())"); err != nil {
		fmt.Println(err)
		return
	}
	snapshot, err := aludel.ReadSnapshot(ctx, conn, aludel.SnapshotOptions{Schemas: []string{"public"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	dump, err := snapshot.Dump(aludel.DiffOptions{NoOwners: true, NoPrivileges: true, Unqualified: "public"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(dump.SQL())
	// Output:
	// CREATE TABLE t (
	//     id integer NOT NULL,
	//     at timestamp with time zone DEFAULT now(),
	//     CONSTRAINT t_pkey PRIMARY KEY (id)
	// );
}

// Show finds revisions by what a person writes.
func ExampleMigrator_Show() {
	revisions, err := shop(aludel.Options{}).Show("5b0e", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, r := range revisions {
		fmt.Println(r.ID, r.Message, r.Path)
	}
	// Output: 5b0e9d2f7a31 Create orders 20260914151200_5b0e9d2f7a31_create_orders.sql
}

// Squash puts one revision in place of several: the difference that they make. It
// keeps the last one's id, so that databases that are there or further need nothing.
func ExampleMigrator_Squash() {
	ctx := context.Background()
	conn, done := connect()
	defer done()
	shadow, err := aludel.OpenShadow(ctx, aludel.ShadowOptions{Server: conn.Config()})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer shadow.Close(ctx) //nolint:errcheck // an example
	dir, remove := shopCopy()
	defer remove()
	m, err := aludel.New(os.DirFS(dir), aludel.Options{Path: dir})
	if err != nil {
		fmt.Println(err)
		return
	}
	r, err := m.Squash(ctx, shadow, aludel.SquashOptions{From: "base", To: "5b0e9d2f7a31", Message: "Users and orders"})
	if err != nil {
		fmt.Println(err)
		return
	}
	files, err := filepath.Glob(dir + "/*.sql")
	fmt.Println(r.Message, r.DownRevisions, len(files), "files", err)
	// Output: Users and orders [] 2 files <nil>
}

// Drift leads from what the revisions make to what the database is.
func ExampleMigrator_Drift() {
	ctx := context.Background()
	conn, done := connect()
	defer done()
	shadow, err := aludel.OpenShadow(ctx, aludel.ShadowOptions{Server: conn.Config()})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer shadow.Close(ctx) //nolint:errcheck // an example
	m := shop(aludel.Options{})
	if _, err := m.Upgrade(ctx, conn, aludel.UpgradeOptions{}); err != nil {
		fmt.Println(err)
		return
	}
	if _, err := conn.Exec(ctx, "DROP INDEX orders_user_id_idx"); err != nil {
		fmt.Println(err)
		return
	}
	drift, err := m.Drift(ctx, shadow, conn, aludel.DriftOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(drift.SQL())
	// Output: DROP INDEX public.orders_user_id_idx;
}
