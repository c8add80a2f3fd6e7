package aludel_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/aludel-db/aludel"
	"github.com/aludel-db/aludel/internal/pgtest"
)

// The examples work on the three revisions in testdata/shop:
//
//	27c6f3e1a0b4 Create users
//	5b0e9d2f7a31 Create orders
//	9f4c1d8e6b20 Index orders by user (CREATE INDEX CONCURRENTLY)

// connect connects to an empty database, and done drops it. A program has a
// database already: it calls pgx.Connect, pgxpool.New or sql.Open.
func connect() (conn *pgx.Conn, done func()) {
	ctx := context.Background()
	db, giveBack, err := pgtest.Lend(ctx)
	if err != nil {
		panic(err)
	}
	if conn, err = pgx.ConnectConfig(ctx, db.Config()); err != nil {
		panic(err)
	}
	return conn, func() {
		if err := errors.Join(conn.Close(ctx), giveBack()); err != nil {
			panic(err)
		}
	}
}

// shop knows the revisions in testdata/shop.
func shop(options aludel.Options) *aludel.Migrator {
	m, err := aludel.New(os.DirFS("testdata/shop"), options)
	if err != nil {
		panic(err)
	}
	return m
}

func ExampleNew() {
	// New reads and checks the files, and needs no database. An embed.FS is as good.
	m, err := aludel.New(os.DirFS("testdata/shop"), aludel.Options{Schema: "shop"})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, head := range m.Heads(false, nil) {
		fmt.Println(head.ID, head.Message)
	}
	// Output: 9f4c1d8e6b20 Index orders by user
}

// Faulty files are all reported at once, each as a [aludel.FileError].
func ExampleFileError() {
	_, err := aludel.New(os.DirFS("testdata/faulty"), aludel.Options{Path: "migrations"})
	var file *aludel.FileError
	if errors.As(err, &file) {
		fmt.Printf("%s, line %d: %s\n", file.Path, file.Line, file.Message)
	}
	// Output: migrations/a.sql, line 3: unknown key "revison" in the header
}

func ExampleMigrator_Upgrade() {
	ctx := context.Background()
	conn, done := connect()
	defer done()
	m := shop(aludel.Options{})
	for range 2 {
		result, err := m.Upgrade(ctx, conn, aludel.UpgradeOptions{Target: "head"})
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%d steps from %q to %q\n", len(result.Steps), result.From, result.To)
	}
	// Output:
	// 3 steps from [] to ["9f4c1d8e6b20"]
	// 0 steps from ["9f4c1d8e6b20"] to ["9f4c1d8e6b20"]
}

// A target is what Alembic takes: an id or the beginning of one, head, base, a
// label, a number of steps.
func ExampleMigrator_Upgrade_target() {
	ctx := context.Background()
	conn, done := connect()
	defer done()
	m := shop(aludel.Options{})
	for _, target := range []string{"+1", "5b0e", "heads"} {
		result, err := m.Upgrade(ctx, conn, aludel.UpgradeOptions{Target: target})
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(target, "leads to", result.To)
	}
	// Output:
	// +1 leads to [27c6f3e1a0b4]
	// 5b0e leads to [5b0e9d2f7a31]
	// heads leads to [9f4c1d8e6b20]
}

// What fails can be told from the error: where, and the server's SQLSTATE.
func ExampleStatementError() {
	ctx := context.Background()
	conn, done := connect()
	defer done()
	if _, err := conn.Exec(ctx, "CREATE TABLE orders (n int)"); err != nil { // in the way
		fmt.Println(err)
		return
	}
	result, err := shop(aludel.Options{}).Upgrade(ctx, conn, aludel.UpgradeOptions{})
	var statement *aludel.StatementError
	if errors.As(err, &statement) {
		fmt.Println(statement.Revision, statement.SQLState, statement.Message)
		fmt.Printf("line %d: %s\n", statement.Line, statement.Source)
	}
	fmt.Println(result == nil)
	// Output:
	// 5b0e9d2f7a31 42P07 relation "orders" already exists
	// line 8: CREATE TABLE orders (
	// true
}

func ExampleMigrator_Downgrade() {
	ctx := context.Background()
	conn, done := connect()
	defer done()
	m := shop(aludel.Options{})
	if _, err := m.Upgrade(ctx, conn, aludel.UpgradeOptions{}); err != nil {
		fmt.Println(err)
		return
	}
	result, err := m.Downgrade(ctx, conn, aludel.DowngradeOptions{Target: "27c6f3e1a0b4"})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, step := range result.Steps {
		fmt.Println(step.Direction, step.Revision.ID, step.Revision.Message)
	}
	// Output:
	// down 9f4c1d8e6b20 Index orders by user
	// down 5b0e9d2f7a31 Create orders
}

// A database that has the tables already is stamped: nothing runs.
func ExampleMigrator_Stamp() {
	ctx := context.Background()
	conn, done := connect()
	defer done()
	m := shop(aludel.Options{})
	if _, err := m.Stamp(ctx, conn, aludel.StampOptions{Targets: []string{"5b0e9d2f7a31"}}); err != nil {
		fmt.Println(err)
		return
	}
	state, err := m.State(ctx, conn)
	fmt.Println(state.Rows, err)
	// Output: [5b0e9d2f7a31] <nil>
}

func ExampleMigrator_Current() {
	ctx := context.Background()
	conn, done := connect()
	defer done()
	m := shop(aludel.Options{})
	if _, err := m.Upgrade(ctx, conn, aludel.UpgradeOptions{Target: "+2"}); err != nil {
		fmt.Println(err)
		return
	}
	revisions, _, err := m.Current(ctx, conn)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, r := range revisions {
		fmt.Println(r.ID, r.Message, "head:", r.Head)
	}
	// Output: 5b0e9d2f7a31 Create orders head: false
}

// State is what the version table says, without a look at the files.
func ExampleMigrator_State() {
	ctx := context.Background()
	conn, done := connect()
	defer done()
	state, err := shop(aludel.Options{}).State(ctx, conn)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("version table:", state.Exists, "rows:", len(state.Rows))
	// Output: version table: false rows: 0
}

func ExampleMigrator_Status() {
	ctx := context.Background()
	conn, done := connect()
	defer done()
	m := shop(aludel.Options{})
	if _, err := m.Upgrade(ctx, conn, aludel.UpgradeOptions{Target: "27c6"}); err != nil {
		fmt.Println(err)
		return
	}
	status, err := m.Status(ctx, conn)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("stands at", status.Current[0].ID)
	fmt.Println(len(status.Pending), "pending,", len(status.Tampered), "edited,", len(status.Partial), "begun and not finished")
	fmt.Println("up to date and well:", status.OK())
	// Output:
	// stands at 27c6f3e1a0b4
	// 2 pending, 0 edited, 0 begun and not finished
	// up to date and well: false
}

func ExampleMigrator_History() {
	ctx := context.Background()
	conn, done := connect()
	defer done()
	m := shop(aludel.Options{})
	if _, err := m.Upgrade(ctx, conn, aludel.UpgradeOptions{Target: "5b0e"}); err != nil {
		fmt.Println(err)
		return
	}
	state, err := m.State(ctx, conn)
	if err != nil {
		fmt.Println(err)
		return
	}
	revisions, err := m.History(aludel.HistoryOptions{State: state}) // without a state the graph alone
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, r := range revisions {
		fmt.Println(r.ID, r.Message, "applied:", *r.Applied)
	}
	// Output:
	// 9f4c1d8e6b20 Index orders by user applied: false
	// 5b0e9d2f7a31 Create orders applied: true
	// 27c6f3e1a0b4 Create users applied: true
}

func ExampleMigrator_Heads() {
	for _, head := range shop(aludel.Options{}).Heads(false, nil) {
		fmt.Println(head.ID, head.DownRevisions)
	}
	// Output: 9f4c1d8e6b20 [5b0e9d2f7a31]
}

func ExampleMigrator_Pending() {
	ctx := context.Background()
	conn, done := connect()
	defer done()
	m := shop(aludel.Options{})
	if _, err := m.Upgrade(ctx, conn, aludel.UpgradeOptions{Target: "+1"}); err != nil {
		fmt.Println(err)
		return
	}
	pending, err := m.Pending(ctx, conn)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, step := range pending {
		fmt.Println(step.Revision.ID, step.Revision.Message)
	}
	// Output:
	// 5b0e9d2f7a31 Create orders
	// 9f4c1d8e6b20 Index orders by user
}

// A program that doesn't migrate by itself asks before it serves, and a readiness
// probe asks again: it is one query.
func ExampleMigrator_Ready() {
	ctx := context.Background()
	conn, done := connect()
	defer done()
	m := shop(aludel.Options{})
	err := m.Ready(ctx, conn)
	var behind *aludel.NotUpToDateError
	var ahead *aludel.AheadError
	switch {
	case errors.As(err, &behind):
		fmt.Println("behind by", len(behind.Pending))
	case errors.As(err, &ahead):
		fmt.Println("a newer version of the program has migrated to", ahead.Rows)
	case err != nil:
		fmt.Println("not to be reached:", err)
	}
	if _, err := m.Upgrade(ctx, conn, aludel.UpgradeOptions{}); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("ready:", m.Ready(ctx, conn) == nil)
	// Output:
	// behind by 3
	// ready: true
}

// From needs no database.
func ExampleMigrator_Plan() {
	plan, err := shop(aludel.Options{}).Plan(context.Background(), nil, aludel.PlanOptions{
		Direction: aludel.Down, Targets: []string{"-2"}, From: []string{"9f4c1d8e6b20"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for step, rows := range plan.HeadsAfter() {
		fmt.Println(step.Direction, step.Revision.ID, "leads to", rows)
	}
	// Output:
	// down 9f4c1d8e6b20 leads to [5b0e9d2f7a31]
	// down 5b0e9d2f7a31 leads to [27c6f3e1a0b4]
}

// Apply runs what was shown, or nothing.
func ExampleMigrator_Apply() {
	ctx := context.Background()
	conn, done := connect()
	defer done()
	m := shop(aludel.Options{})
	plan, err := m.Plan(ctx, conn, aludel.PlanOptions{Direction: aludel.Up, Targets: []string{"heads"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("would run", len(plan.Steps))
	if _, err := m.Apply(ctx, conn, plan, aludel.ApplyOptions{}); err != nil {
		fmt.Println(err)
		return
	}
	_, err = m.Apply(ctx, conn, plan, aludel.ApplyOptions{})
	var stale *aludel.StalePlanError
	fmt.Println(errors.As(err, &stale), err)
	// Output:
	// would run 3
	// true the plan starts from base, and the database stands at 9f4c1d8e6b20 by now: plan again
}

// WriteSQL is offline mode: a script for somebody else to run.
func ExampleMigrator_WriteSQL() {
	var script strings.Builder
	err := shop(aludel.Options{}).WriteSQL(&script, aludel.PlanOptions{Direction: aludel.Up, Targets: []string{"27c6f3e1a0b4:5b0e9d2f7a31"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	for line := range strings.Lines(script.String()) {
		if strings.Contains(line, "upgrade") || strings.HasPrefix(line, "CREATE TABLE orders") || strings.HasPrefix(line, "UPDATE") {
			fmt.Print(line)
		}
	}
	// Output:
	// -- Running upgrade 27c6f3e1a0b4 -> 5b0e9d2f7a31, Create orders
	// CREATE TABLE orders (
	// UPDATE public.alembic_version SET version_num = '5b0e9d2f7a31' WHERE version_num = '27c6f3e1a0b4';
}

// Repair takes an applied revision as it is now, after a comment in it was edited.
func ExampleMigrator_Repair() {
	ctx := context.Background()
	conn, done := connect()
	defer done()
	dir, remove := shopCopy()
	defer remove()
	path := dir + "/20260901090000_27c6f3e1a0b4_create_users.sql"
	m, err := aludel.New(os.DirFS(dir), aludel.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err = m.Upgrade(ctx, conn, aludel.UpgradeOptions{Target: "+1"}); err != nil {
		fmt.Println(err)
		return
	}
	edit(path, "CREATE TABLE users (", "CREATE TABLE users ( -- who buys")
	_, err = m.Upgrade(ctx, conn, aludel.UpgradeOptions{})
	var tampered *aludel.TamperedError
	fmt.Println("edited:", errors.As(err, &tampered))
	if _, err := m.Repair(ctx, conn, aludel.RepairOptions{Accept: []string{"27c6f3e1a0b4"}}); err != nil {
		fmt.Println(err)
		return
	}
	result, err := m.Upgrade(ctx, conn, aludel.UpgradeOptions{})
	fmt.Println(len(result.Steps), err)
	// Output:
	// edited: true
	// 2 <nil>
}

// EnsureVersion makes the version table, and the schema where it is missing.
func ExampleMigrator_EnsureVersion() {
	ctx := context.Background()
	conn, done := connect()
	defer done()
	m := shop(aludel.Options{Schema: "shop"})
	created, err := m.EnsureVersion(ctx, conn, aludel.EnsureVersionOptions{CreateSchema: true})
	fmt.Println(created, err)
	// Output: true <nil>
}

func ExampleOptions_onEvent() {
	conn, done := connect()
	defer done()
	m := shop(aludel.Options{OnEvent: func(e aludel.Event) {
		switch e.Kind {
		case aludel.StepStarted:
			fmt.Println(e.Title)
		case aludel.StatementDone: // of what runs outside a transaction
			fmt.Printf("  statement %d of %d\n", e.Statement, e.Statements)
		case aludel.StepDone:
			fmt.Printf("  done, %d of %d\n", e.Number, e.Total)
		}
	}})
	if _, err := m.Upgrade(context.Background(), conn, aludel.UpgradeOptions{}); err != nil {
		fmt.Println(err)
	}
	// Output:
	// Running upgrade  -> 27c6f3e1a0b4, Create users
	//   done, 1 of 3
	// Running upgrade 27c6f3e1a0b4 -> 5b0e9d2f7a31, Create orders
	//   done, 2 of 3
	// Running upgrade 5b0e9d2f7a31 -> 9f4c1d8e6b20, Index orders by user
	//   statement 1 of 1
	//   done, 3 of 3
}

func ExampleOptions_logger() {
	conn, done := connect()
	defer done()
	logger := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == "time" || a.Key == "duration" { // what differs from run to run
			return slog.Attr{}
		}
		return a
	}}))
	m := shop(aludel.Options{Logger: logger})
	if _, err := m.Upgrade(context.Background(), conn, aludel.UpgradeOptions{Target: "+1"}); err != nil {
		fmt.Println(err)
	}
	// Output: level=INFO msg="migration done" revision=27c6f3e1a0b4 direction=up message="Create users"
}

// A revision in Go stands in the same graph as the files. Its transaction is the one
// that changes the version rows.
func ExampleGoRevision() {
	ctx := context.Background()
	conn, done := connect()
	defer done()
	m := shop(aludel.Options{Revisions: []aludel.GoRevision{{
		ID: "c81fa90d3b57", Message: "Add the first user", DownRevisions: []string{"9f4c1d8e6b20"},
		Up: func(ctx context.Context, tx pgx.Tx) error {
			_, err := tx.Exec(ctx, "INSERT INTO users (email) VALUES ($1)", "root@example.com")
			return err
		},
		Irreversible: "somebody has to be there",
	}}})
	result, err := m.Upgrade(ctx, conn, aludel.UpgradeOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(len(result.Steps), "steps, at", result.To)
	_, err = m.Downgrade(ctx, conn, aludel.DowngradeOptions{Target: "-1"})
	var irreversible *aludel.IrreversibleError
	fmt.Println(errors.As(err, &irreversible), err)
	// Output:
	// 4 steps, at [c81fa90d3b57]
	// true revision c81fa90d3b57 can't be downgraded: somebody has to be there
}

// An Observer hears of each run from start to end, as metrics and traces need it.
// OpenTelemetry's is github.com/aludel-db/aludel/otel.
func ExampleObserver() {
	conn, done := connect()
	defer done()
	observer := func(_ context.Context, run aludel.Run) aludel.Watch {
		start, steps := time.Now(), 0
		return aludel.Watch{
			Event: func(e aludel.Event) {
				if e.Kind == aludel.StepDone {
					steps++
				}
			},
			Done: func(_ *aludel.Result, err error) {
				fmt.Println(run.Verb, "took some time:", time.Since(start) > 0, "steps:", steps, "error:", err)
			},
		}
	}
	m := shop(aludel.Options{Observers: []aludel.Observer{observer}})
	if _, err := m.Upgrade(context.Background(), conn, aludel.UpgradeOptions{}); err != nil {
		fmt.Println(err)
	}
	// Output: upgrade took some time: true steps: 3 error: <nil>
}
