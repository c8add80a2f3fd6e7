package observe_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/aludel-db/aludel/internal/observe"
	"github.com/aludel-db/aludel/internal/pgtest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }

const schema = `CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TABLE users (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name varchar(50) NOT NULL, mood mood);
CREATE TABLE orders (id serial PRIMARY KEY, number int GENERATED ALWAYS AS IDENTITY, user_id bigint REFERENCES users, note text);
CREATE INDEX orders_note ON orders (lower(note));
CREATE VIEW grown AS SELECT id, name FROM users;
`

// TestWatch: all that a transaction has touched is told, with what stands on it. That
// it was rolled back doesn't count: to look once too often does no harm.
func TestWatch(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	conn, aside := db.Connect(t), db.Connect(t)
	db.Exec(t, schema)
	for _, c := range []struct {
		sql       string
		names     string
		elsewhere bool
	}{
		{"SELECT 1", "", false},
		{"BEGIN; ALTER TABLE users ADD x int; ROLLBACK", "grown orders orders_id_seq orders_number_seq users users_id_seq", false},
		{"INSERT INTO users (name) VALUES ('x')", "", false},
		{"ANALYZE", "", false},
		{"ALTER TABLE orders SET (toast.autovacuum_enabled = off)", "orders orders_id_seq orders_number_seq", false},
		{"COMMENT ON INDEX orders_note IS 'x'", "orders orders_id_seq orders_number_seq", false},
		{"ALTER TABLE users ALTER name SET STATISTICS 5", "grown orders orders_id_seq orders_number_seq users users_id_seq", false},
		{"CREATE FUNCTION more() RETURNS int LANGUAGE sql AS 'SELECT 1'", "", true},
		{"ALTER TYPE mood ADD VALUE 'more'", "", true},
		{"COMMENT ON FUNCTION touch() IS 'x'", "", true},
		{"CREATE STATISTICS s ON id, name FROM users", "", true},
	} {
		watch, err := observe.StartWatch(t.Context(), aside)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Exec(t.Context(), c.sql, pgx.QueryExecModeSimpleProtocol); err != nil {
			t.Fatal(err)
		}
		touched, elsewhere, err := watch.End(t.Context(), conn)
		if err != nil {
			t.Fatal(err)
		}
		if elsewhere != c.elsewhere || names(touched) != c.names {
			t.Errorf("%s: touched %s, elsewhere %v", c.sql, names(touched), elsewhere)
		}
	}
}

func names(touched []observe.Relation) string {
	var list []string
	for _, r := range touched {
		list = append(list, r.Name)
	}
	slices.Sort(list)
	return strings.Join(list, " ")
}
