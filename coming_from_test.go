package aludel_test

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"log"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/aludel-db/aludel"
	"github.com/aludel-db/aludel/internal/pgtest"
)

// A call is one of docs/coming-from.md, on a database that stands at start; it has
// to leave it at end.
type call struct {
	start, end string
	run        func(ctx context.Context, m *aludel.Migrator, db *sql.DB) error
}

const first, second, third, fourth = "27c6f3e1a0b4", "5b0e9d2f7a31", "9f4c1d8e6b20", "c81fa90d3b57"

// TestComingFrom makes the calls that docs/coming-from.md shows as ours.
func TestComingFrom(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]call{
		"Up":               {"", third, up},
		"UpByOne":          {first, second, upByOne},
		"UpTo":             {"", second, upTo},
		"Down":             {second, first, down},
		"DownTo":           {third, "", downTo},
		"Status":           {second, second, status},
		"HasPending":       {third, third, hasPending},
		"GetVersions":      {second, second, getVersions},
		"WithGoMigrations": {third, fourth, withGoMigrations},
		"PartialError":     {"", first, partialError},
		"Locker":           {"", third, locker},
		"NewWithInstance":  {"", "", newWithInstance},
		"Up of migrate":    {"", third, upMigrate},
		"Steps":            {"", first, steps},
		"Version":          {second, second, version},
		"Force":            {"", second, force},
		"Log":              {"", third, logged},
		"GracefulStop":     {"", "", gracefulStop},
		"Drop":             {"", "", dropAll},
		"Close":            {"", "", closeAll},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := pgtest.New(t)
			m, db := shop(aludel.Options{}), openSQL(t, server.URL())
			if c.start != "" {
				if _, err := m.Upgrade(t.Context(), db, aludel.UpgradeOptions{Target: c.start}); err != nil {
					t.Fatal(err)
				}
			}
			if err := c.run(t.Context(), m, db); err != nil {
				t.Fatal(err)
			}
			state, err := m.State(t.Context(), server.Connect(t))
			if err != nil || strings.Join(state.Rows, " ") != c.end {
				t.Errorf("it stands at %v, not at %q; %v", state, c.end, err)
			}
		})
	}
}

// TestComingFromIsShown: under each heading of docs/coming-from.md stand the peer's
// code and ours, and ours is in this file.
func TestComingFromIsShown(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("docs/coming-from.md")
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile("coming_from_test.go")
	if err != nil {
		t.Fatal(err)
	}
	sections := strings.Split(string(doc), "\n### ")[1:]
	if len(sections) < 20 {
		t.Errorf("%d calls are shown, not ten of each", len(sections))
	}
	ours := unindented(string(source))
	for _, section := range sections {
		heading, _, _ := strings.Cut(section, "\n")
		blocks := strings.Split(section, "```go\n")
		if len(blocks) != 3 {
			t.Errorf("%s: %d blocks of code, not the peer's and ours", heading, len(blocks)-1)
			continue
		}
		code, _, _ := strings.Cut(blocks[2], "```")
		if !strings.Contains(ours, unindented(code)) {
			t.Errorf("%s: not in coming_from_test.go:\n%s", heading, code)
		}
	}
}

// unindented is text without what its lines begin with.
func unindented(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString(strings.TrimLeft(line, "\t"))
	}
	return b.String()
}

var migrations fs.FS = os.DirFS("testdata/shop")

func up(ctx context.Context, _ *aludel.Migrator, db *sql.DB) error {
	m, err := aludel.New(migrations, aludel.Options{})
	if err != nil {
		return err
	}
	result, err := m.Upgrade(ctx, db, aludel.UpgradeOptions{Target: "head"})
	if err != nil {
		return err
	}
	for _, step := range result.Steps {
		log.Println(step.Revision.Path)
	}
	return nil
}

func upByOne(ctx context.Context, m *aludel.Migrator, db *sql.DB) error {
	if _, err := m.Upgrade(ctx, db, aludel.UpgradeOptions{Target: "+1"}); err != nil {
		return err
	}
	return nil
}

func upTo(ctx context.Context, m *aludel.Migrator, db *sql.DB) error {
	if _, err := m.Upgrade(ctx, db, aludel.UpgradeOptions{Target: "5b0e9d2f7a31"}); err != nil {
		return err
	}
	return nil
}

func down(ctx context.Context, m *aludel.Migrator, db *sql.DB) error {
	if _, err := m.Downgrade(ctx, db, aludel.DowngradeOptions{Target: "-1"}); err != nil {
		return err
	}
	return nil
}

func downTo(ctx context.Context, m *aludel.Migrator, db *sql.DB) error {
	if _, err := m.Downgrade(ctx, db, aludel.DowngradeOptions{Target: "base"}); err != nil {
		return err
	}
	return nil
}

func status(ctx context.Context, m *aludel.Migrator, db *sql.DB) error {
	state, err := m.State(ctx, db)
	if err != nil {
		return err
	}
	revisions, err := m.History(aludel.HistoryOptions{State: state})
	if err != nil {
		return err
	}
	for _, r := range revisions {
		log.Println(r.ID, *r.Applied)
	}
	return nil
}

func hasPending(ctx context.Context, m *aludel.Migrator, db *sql.DB) error {
	if err := m.Ready(ctx, db); err != nil {
		return err
	}
	return nil
}

func getVersions(ctx context.Context, m *aludel.Migrator, db *sql.DB) error {
	current, _, err := m.Current(ctx, db)
	if err != nil {
		return err
	}
	for _, r := range slices.Concat(current, m.Heads(false, nil)) {
		log.Println(r.ID)
	}
	return nil
}

func withGoMigrations(ctx context.Context, _ *aludel.Migrator, db *sql.DB) error {
	m, err := aludel.New(migrations, aludel.Options{Revisions: []aludel.GoRevision{{
		ID: "c81fa90d3b57", Message: "Add the first user", DownRevisions: []string{"9f4c1d8e6b20"},
		Up: func(ctx context.Context, tx pgx.Tx) error {
			_, err := tx.Exec(ctx, "INSERT INTO users (email) VALUES ('root@example.com')")
			return err
		},
	}}})
	if err != nil {
		return err
	}
	_, err = m.Upgrade(ctx, db, aludel.UpgradeOptions{})
	return err
}

func partialError(ctx context.Context, m *aludel.Migrator, db *sql.DB) error {
	if _, err := db.ExecContext(ctx, "CREATE TABLE orders (n int)"); err != nil {
		return err
	}
	_, err := m.Upgrade(ctx, db, aludel.UpgradeOptions{})
	var statement *aludel.StatementError
	if errors.As(err, &statement) {
		log.Println(statement.Path, statement.Line, statement.SQLState, statement.Message)
	}
	if statement == nil {
		return errors.Join(err, errors.New("no StatementError"))
	}
	return nil
}

func locker(ctx context.Context, _ *aludel.Migrator, db *sql.DB) error {
	m, err := aludel.New(migrations, aludel.Options{LockWait: time.Minute})
	if err != nil {
		return err
	}
	return upByTwoAndOne(ctx, m, db)
}

func upByTwoAndOne(ctx context.Context, m *aludel.Migrator, db *sql.DB) error {
	_, first := m.Upgrade(ctx, db, aludel.UpgradeOptions{Target: "+2"})
	_, second := m.Upgrade(ctx, db, aludel.UpgradeOptions{Target: "+1"})
	return errors.Join(first, second)
}

func newWithInstance(ctx context.Context, _ *aludel.Migrator, db *sql.DB) error {
	m, err := aludel.New(migrations, aludel.Options{VersionTable: "shop_migrations"})
	if err != nil {
		return err
	}
	if _, err = m.Upgrade(ctx, db, aludel.UpgradeOptions{}); err != nil {
		return err
	}
	var row string
	return db.QueryRowContext(ctx, "SELECT version_num FROM shop_migrations").Scan(&row)
}

func upMigrate(ctx context.Context, m *aludel.Migrator, db *sql.DB) error {
	if _, err := m.Upgrade(ctx, db, aludel.UpgradeOptions{}); err != nil {
		return err
	}
	return nil
}

func steps(ctx context.Context, m *aludel.Migrator, db *sql.DB) error {
	if _, err := m.Upgrade(ctx, db, aludel.UpgradeOptions{Target: "+2"}); err != nil {
		return err
	}
	if _, err := m.Downgrade(ctx, db, aludel.DowngradeOptions{Target: "-1"}); err != nil {
		return err
	}
	return nil
}

func version(ctx context.Context, m *aludel.Migrator, db *sql.DB) error {
	status, err := m.Status(ctx, db)
	if err != nil {
		return err
	}
	log.Println(status.State.Rows, len(status.Partial) > 0)
	return nil
}

func force(ctx context.Context, m *aludel.Migrator, db *sql.DB) error {
	if _, err := m.Stamp(ctx, db, aludel.StampOptions{Targets: []string{"5b0e9d2f7a31"}}); err != nil {
		return err
	}
	return nil
}

func logged(ctx context.Context, _ *aludel.Migrator, db *sql.DB) error {
	m, err := aludel.New(migrations, aludel.Options{Logger: slog.Default()})
	if err != nil {
		return err
	}
	_, err = m.Upgrade(ctx, db, aludel.UpgradeOptions{})
	return err
}

// gracefulStop ends while a revision runs.
func gracefulStop(ctx context.Context, _ *aludel.Migrator, db *sql.DB) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	m, err := aludel.New(migrations, aludel.Options{OnEvent: func(aludel.Event) { cancel() }, BeforeEach: "SELECT pg_sleep(600)"})
	if err != nil {
		return err
	}
	if err := interrupted(ctx, m, db); !errors.Is(err, context.Canceled) {
		return errors.Join(err, errors.New("not ended by the context"))
	}
	return nil
}

func interrupted(ctx context.Context, m *aludel.Migrator, db *sql.DB) error {
	_, err := m.Upgrade(ctx, db, aludel.UpgradeOptions{})
	var interrupted *aludel.InterruptedError
	if errors.As(err, &interrupted) {
		log.Println("ended by the context:", err)
	}
	return err
}

func dropAll(ctx context.Context, _ *aludel.Migrator, db *sql.DB) error {
	if _, err := db.ExecContext(ctx, "CREATE SCHEMA shop; CREATE TABLE shop.t ()"); err != nil {
		return err
	}
	if _, err := db.ExecContext(ctx, "DROP SCHEMA shop CASCADE; CREATE SCHEMA shop"); err != nil {
		return err
	}
	return nil
}

func closeAll(_ context.Context, _ *aludel.Migrator, db *sql.DB) error {
	if err := db.Close(); err != nil {
		return err
	}
	return nil
}
