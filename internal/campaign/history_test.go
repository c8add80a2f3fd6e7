package campaign_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/aludel-db/aludel/internal/catalog"
	"github.com/aludel-db/aludel/internal/diff"
	"github.com/aludel-db/aludel/internal/observe"
	"github.com/aludel-db/aludel/internal/pgtest"
)

// A script is a revision of the campaigns' history. Each direction writes into the
// ledger, a table that no revision makes: a section that ran twice, or whose rows
// stand without its definitions, shows there. Many statements can't run twice, so
// that a repetition fails or leaves other data.
type script struct{ id, up, down string }

// history has revisions of each kind: transactional ones, sections outside a
// transaction with one statement and with several, batches, and code in Go, which is
// in ./migrate.
var history = []script{
	{"r1", `
CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE TABLE orders (id int PRIMARY KEY, mood mood NOT NULL, total numeric NOT NULL, cents bigint NOT NULL DEFAULT 0, note text NOT NULL);
INSERT INTO orders (id, mood, total, note) SELECT g, 'ok', g * 3, md5(g::text) FROM generate_series(1, 3000) AS g;
CREATE INDEX orders_note ON orders (note);`, `
DROP TABLE orders;
DROP TYPE mood;`},
	{"r2", `
ALTER TABLE orders ADD COLUMN status text NOT NULL DEFAULT 'new';
UPDATE orders SET status = 'old', cents = cents + 1 WHERE id % 3 = 0;
CREATE VIEW old_orders AS SELECT id, total FROM orders WHERE status = 'old';`, `
DROP VIEW old_orders;
UPDATE orders SET cents = cents - 1 WHERE status = 'old';
ALTER TABLE orders DROP COLUMN status;`},
	{"r3", ` transaction:false
CREATE INDEX CONCURRENTLY orders_total ON orders (total);
UPDATE orders SET cents = cents + 10 WHERE id % 7 = 0;
CREATE UNIQUE INDEX CONCURRENTLY orders_key ON orders (note, id);
DROP INDEX CONCURRENTLY orders_note;`, ` transaction:false
CREATE INDEX CONCURRENTLY orders_note ON orders (note);
DROP INDEX CONCURRENTLY orders_key;
UPDATE orders SET cents = cents - 10 WHERE id % 7 = 0;
DROP INDEX CONCURRENTLY IF EXISTS orders_total;`},
	{"r4", ` transaction:false
ALTER TYPE mood ADD VALUE 'great';
ALTER TYPE mood ADD VALUE 'angry' BEFORE 'sad';
UPDATE orders SET mood = 'great' WHERE id % 5 = 0;`, `
UPDATE orders SET mood = 'ok';
ALTER TYPE mood RENAME TO mood_old;
CREATE TYPE mood AS ENUM ('sad', 'ok');
ALTER TABLE orders ALTER COLUMN mood TYPE mood USING mood::text::mood;
DROP TYPE mood_old;`},
	{"r5", `
CREATE TABLE lines (order_id int NOT NULL REFERENCES orders, number int NOT NULL, PRIMARY KEY (order_id, number));
INSERT INTO lines SELECT id, 1 FROM orders;`, `
DROP TABLE lines;`},
	{"r6", ` transaction:false
-- migrate:batch table=orders size=400
UPDATE orders SET cents = cents + 100 WHERE id BETWEEN :from AND :to;
CREATE INDEX CONCURRENTLY IF NOT EXISTS lines_number ON lines (number);`, ` transaction:false
DROP INDEX CONCURRENTLY lines_number;
-- migrate:batch table=orders size=400
UPDATE orders SET cents = cents - 100 WHERE id BETWEEN :from AND :to;`},
	{"r7", ` transaction:false
CREATE INDEX CONCURRENTLY orders_status ON orders (status, id);`, ` transaction:false
DROP INDEX CONCURRENTLY orders_status;`},
	{"r8", `
CREATE TABLE notes (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, body text);
INSERT INTO notes (body) SELECT note FROM orders WHERE mood = 'great' ORDER BY id;`, `
DROP TABLE notes;`},
	{id: "g9"},
	{id: "g10"},
	{"r11", `
CREATE INDEX orders_cents ON orders (cents);`, `
DROP INDEX orders_cents;`},
}

const head = "r11"

// writeHistory writes the history as files and returns their folder.
func writeHistory(t *testing.T) string {
	t.Helper()
	return writeScripts(t, history)
}

func writeScripts(t *testing.T, scripts []script) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "versions")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	parent, inGo := "", ""
	for _, s := range scripts {
		if s.up == "" {
			inGo += s.id + "\n"
			parent = s.id
			continue
		}
		ledger := func(direction string) string {
			return fmt.Sprintf("\nINSERT INTO public.ledger (revision, direction) VALUES ('%s', '%s');\n", s.id, direction)
		}
		text := fmt.Sprintf("-- revision %s\n--\n-- revision: %s\n-- down_revision: %s\n\n-- migrate:up%s%s\n-- migrate:down%s%s",
			s.id, s.id, parent, s.up, ledger("up"), s.down, ledger("down"))
		if err := os.WriteFile(filepath.Join(dir, s.id+".sql"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		parent = s.id
	}
	if err := os.WriteFile(filepath.Join(filepath.Dir(dir), "go_revisions"), []byte(inGo), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

// newDatabase has nothing but the ledger.
func newDatabase(t *testing.T) *pgtest.DB {
	t.Helper()
	db := pgtest.New(t)
	db.Exec(t, ledgerDDL)
	return db
}

const ledgerDDL = "CREATE TABLE ledger (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, revision text NOT NULL, direction text NOT NULL)"

// A state is all there is in a database but the history and the ledger.
type state struct {
	description string
	catalog     *catalog.Catalog
	data        map[string]string
}

// A session is what a look at a database needs.
type session interface {
	Query(tb testing.TB, sql string) [][]string
}

func look(t *testing.T, db *pgtest.DB) state {
	t.Helper()
	conn := db.Connect(t)
	defer func() { _ = conn.Close(t.Context()) }()
	description, err := observe.Describe(t.Context(), conn)
	if err != nil {
		t.Fatal(err)
	}
	c, err := catalog.Read(t.Context(), conn, catalog.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return state{description, c, data(t, db)}
}

// data has a checksum of the rows of each table.
func data(t *testing.T, db session) map[string]string {
	t.Helper()
	sums := map[string]string{}
	for _, row := range db.Query(t, "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace "+
		"AND relname NOT IN ('ledger', 'aludel_history')") {
		sum := db.Query(t, fmt.Sprintf("SELECT count(*) || ' ' || md5(coalesce(string_agg(r::text, ',' ORDER BY r::text), '')) FROM %s AS r", row[0]))
		sums[row[0]] = sum[0][0]
	}
	return sums
}

// clean are the states of undisturbed runs, by the revision they stand at.
type clean map[string]state

func cleanRuns(t *testing.T, dir string) clean {
	t.Helper()
	db := newDatabase(t)
	states := clean{}
	for _, target := range []string{"base", head, "r1", head, "base", "r1"} {
		if target != "base" || len(states) > 0 {
			verb := "upgrade"
			if position(target) < position(version(t, db)) {
				verb = "downgrade"
			}
			if got := plainly(t, placeOf(db), dir, verb, target); got.status != 0 {
				t.Fatalf("%s %s: %s", verb, target, got.output)
			}
		} else {
			plainly(t, placeOf(db), dir, "upgrade", "r1") // makes the version table
			plainly(t, placeOf(db), dir, "downgrade", "base")
		}
		now := look(t, db)
		if before, known := states[target]; known {
			compare(t, before, now, "a second undisturbed run to "+target)
		}
		states[target] = now
	}
	return states
}

// position is that of a revision in the history, 0 for base.
func position(id string) int {
	return 1 + slices.IndexFunc(history, func(s script) bool { return s.id == id })
}

// version is the only version row, "base" where there is none.
func version(t *testing.T, db session) string {
	t.Helper()
	if db.Query(t, "SELECT to_regclass('alembic_version')")[0][0] == "NULL" {
		return "base"
	}
	rows := db.Query(t, "SELECT version_num FROM alembic_version")
	switch len(rows) {
	case 0:
		return "base"
	case 1:
		return rows[0][0]
	}
	t.Fatalf("several version rows: %v", rows)
	return ""
}

func compare(t *testing.T, want, got state, doing string) {
	t.Helper()
	if d := cmp.Diff(want.description, got.description); d != "" {
		t.Errorf("%s: the description differs (-want +got):\n%s", doing, d)
	}
	if d := cmp.Diff(want.data, got.data); d != "" {
		t.Errorf("%s: the data differ (-want +got):\n%s", doing, d)
	}
	changes, err := diff.Compare(want.catalog, got.catalog, diff.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range changes {
		t.Errorf("%s: the catalog differs: %T of %s", doing, c, c.Object().Base().ID)
	}
}

// check compares the database with an undisturbed run's, and looks whether the
// history makes sense.
func (c clean) check(t *testing.T, db *pgtest.DB, target, doing string) {
	t.Helper()
	if got := version(t, db); got != target {
		t.Errorf("%s: the database is at %s, want %s", doing, got, target)
	}
	compare(t, c[target], look(t, db), doing)
	for rule, sql := range rules {
		if rows := db.Query(t, sql); len(rows) > 0 {
			t.Errorf("%s: %s: %v", doing, rule, rows)
		}
	}
	if t.Failed() {
		t.Logf("%s: history: %v", doing, db.Query(t, "SELECT id, revision, direction, outcome, statements_done, statements, left(error, 120) FROM aludel_history ORDER BY id DESC LIMIT 30"))
	}
}

// rules are queries that have no rows when all is well.
var rules = map[string]string{
	"an index is not valid": "SELECT indexrelid::regclass FROM pg_index WHERE NOT indisvalid",
	"a revision ran another number of times than the history says": `
		SELECT revision, direction, l.n, h.n FROM (SELECT revision, direction, count(*) AS n FROM ledger GROUP BY 1, 2) AS l
		FULL JOIN (SELECT revision, direction, count(*) AS n FROM aludel_history WHERE outcome = 'done' GROUP BY 1, 2) AS h USING (revision, direction)
		WHERE l.n IS DISTINCT FROM h.n`,
	"up and down don't take turns": `
		SELECT id, revision, direction FROM (SELECT id, revision, direction, lag(direction, 1, 'down') OVER (PARTITION BY revision ORDER BY id) AS before
		FROM aludel_history WHERE outcome = 'done') AS h WHERE direction = before`,
	"a row contradicts itself": `
		SELECT id, revision FROM aludel_history WHERE finished_at < started_at OR statements_done > statements OR checksum IS NULL AND revision NOT LIKE 'g%'
		OR outcome = 'done' AND statements_done <> statements OR outcome NOT IN ('done', 'running', 'failed')`,
	"a revision is partial": `
		SELECT id, revision, outcome FROM aludel_history AS h WHERE outcome <> 'done' AND statements IS NOT NULL
		AND NOT EXISTS (SELECT FROM aludel_history AS later WHERE later.revision = h.revision AND later.id > h.id AND later.outcome = 'done')`,
}

// direction is the verb that leads from one revision to another.
func direction(from, to string) string {
	if position(to) < position(from) {
		return "downgrade"
	}
	return "upgrade"
}

// summary is the last line of an output.
func summary(o outcome) string {
	lines := strings.Split(strings.TrimSpace(o.output), "\n")
	return fmt.Sprintf("status %d, %s", o.status, strings.Join(lines[max(0, len(lines)-8):], "\n"))
}
