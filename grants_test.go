package aludel_test

import (
	"context"
	"errors"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/aludel-db/aludel"
	"github.com/aludel-db/aludel/internal/pgtest"
)

// A granted is a database whose roles deploy/grants.sql has made.
type granted struct {
	db                    *pgtest.DB
	admin, migrator, user string
	script                string
	optional              string // the script, with what is more than the least
}

// setupGrants has roles of the test's own, which go with it: roles are the server's.
func setupGrants(t *testing.T) *granted {
	t.Helper()
	text, err := os.ReadFile("deploy/grants.sql")
	if err != nil {
		t.Fatal(err)
	}
	db := pgtest.New(t)
	g := &granted{db: db, admin: "admin_" + db.Name, migrator: "migrator_" + db.Name, user: "user_" + db.Name}
	g.script = strings.NewReplacer("app_migrator", g.migrator, "app_user", g.user, "app_schema", "experimentation").Replace(string(text))
	marks := regexp.MustCompile(`(?m)^--optional: `)
	if aludel.ServerMajor(db.Connect(t)) >= 15 {
		marks = regexp.MustCompile(`(?m)^--optional(?: 15)?: `)
	}
	g.optional = marks.ReplaceAllString(g.script, "")
	admin := db.Connect(t)
	t.Cleanup(func() {
		for _, role := range []string{g.user, g.migrator, g.admin} {
			drop := "DO $$ BEGIN IF EXISTS (SELECT FROM pg_roles WHERE rolname = '" + role + "') THEN REASSIGN OWNED BY " + role + " TO current_user; DROP OWNED BY " + role + " CASCADE; DROP ROLE " + role + "; END IF; END $$"
			if _, err := admin.Exec(context.Background(), drop); err != nil {
				t.Error(err)
			}
		}
	})
	return g
}

func (g *granted) connect(t *testing.T, role string) *pgx.Conn {
	t.Helper()
	config := g.db.Config()
	config.User = role
	conn, err := pgx.ConnectConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) }) //nolint:errcheck // the database goes anyway
	return conn
}

func (g *granted) run(t *testing.T, conn *pgx.Conn, sql string) {
	t.Helper()
	if _, err := conn.PgConn().Exec(t.Context(), sql).ReadAll(); err != nil {
		t.Fatalf("%v", err)
	}
}

// TestGrants: a migrator with what deploy/grants.sql gives it takes the example
// platform up and down, and the application has its rows alone. The script is run by a
// superuser, and by such a role as providers give out.
func TestGrants(t *testing.T) {
	t.Parallel()
	for _, by := range []string{"superuser", "administrator"} {
		t.Run(by, func(t *testing.T) {
			t.Parallel()
			g := setupGrants(t)
			runner, script := g.db.User, g.optional
			if by == "administrator" {
				g.db.Exec(t, "CREATE ROLE "+g.admin+" LOGIN CREATEROLE; ALTER DATABASE "+g.db.Name+" OWNER TO "+g.admin+"; ALTER SCHEMA public OWNER TO "+g.admin)
				runner, script = g.admin, g.script // pg_read_all_stats is for a superuser to give
			}
			admin := g.connect(t, runner)
			g.run(t, admin, script)
			m, err := aludel.New(os.DirFS("examples/experimentation/app/db/migrations/versions"), aludel.Options{Schema: "experimentation"})
			if err != nil {
				t.Fatal(err)
			}
			migrator := g.connect(t, g.migrator)
			if created, err := m.EnsureVersion(t.Context(), migrator, aludel.EnsureVersionOptions{}); err != nil || !created {
				t.Fatalf("%v %v", created, err)
			}
			g.refused(t, "before the second run", "SELECT FROM experimentation.alembic_version")
			g.run(t, admin, script)
			g.upAndDown(t, m, migrator)
		})
	}
}

// upAndDown takes the platform to its head and back to its beginning.
func (g *granted) upAndDown(t *testing.T, m *aludel.Migrator, migrator *pgx.Conn) {
	t.Helper()
	if result, err := m.Upgrade(t.Context(), migrator, aludel.UpgradeOptions{}); err != nil || len(result.Steps) < 10 {
		t.Fatalf("%v %v", result, err)
	}
	user := g.connect(t, g.user)
	g.run(t, user, `SET search_path = experimentation;
INSERT INTO users (email, display_name) VALUES ('a@example.com', 'A'); UPDATE users SET display_name = 'B'; SELECT * FROM users; DELETE FROM users;`)
	if err := m.Ready(t.Context(), user); err != nil {
		t.Errorf("the application may not see where the database stands: %v", err)
	}
	g.refused(t, "altering", "ALTER TABLE experimentation.users ADD COLUMN x int", "DROP TABLE experimentation.users", "TRUNCATE experimentation.users",
		"CREATE TABLE experimentation.t (id int)", "CREATE TABLE public.t (id int)", "CREATE INDEX ON experimentation.users (id)",
		"UPDATE experimentation.alembic_version SET version_num = 'x'", "DELETE FROM experimentation.alembic_version",
		"DELETE FROM experimentation.aludel_history", "SET ROLE "+g.migrator)
	if _, err := m.Downgrade(t.Context(), migrator, aludel.DowngradeOptions{Target: "base"}); err != nil {
		t.Fatal(err)
	}
	want := [][]string{{"f", "f", "f", "aludel_history, alembic_version"}}
	got := g.db.Query(t, "SELECT rolsuper, rolcreaterole, rolcreatedb, (SELECT string_agg(relname, ', ' ORDER BY relname DESC) FROM pg_class WHERE relnamespace = 'experimentation'::regnamespace AND relkind IN ('r', 'p', 'v')) FROM pg_roles WHERE rolname = '"+g.migrator+"'")
	if !slices.EqualFunc(got, want, slices.Equal) {
		t.Errorf("%v, not %v", got, want)
	}
}

// refused tries statements as the application.
func (g *granted) refused(t *testing.T, what string, statements ...string) {
	t.Helper()
	conn := g.connect(t, g.user)
	for _, sql := range statements {
		_, err := conn.Exec(t.Context(), sql)
		var server *pgconn.PgError
		if !errors.As(err, &server) || server.Code != "42501" {
			t.Errorf("%s: %s: %v", what, sql, err)
		}
	}
}
