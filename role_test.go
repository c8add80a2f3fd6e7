package aludel_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/aludel-db/aludel"
	"github.com/aludel-db/aludel/internal/pgtest"
)

// TestSectionsRunAsTheOwner: what they make is the role's, and nothing else is.
func TestSectionsRunAsTheOwner(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	admin, owner, other := db.Connect(t), "owner_"+db.Name, "other_"+db.Name
	for _, role := range []string{owner, other} {
		db.Exec(t, "CREATE ROLE "+role+"; GRANT CREATE ON SCHEMA public TO "+role)
		t.Cleanup(func() {
			if _, err := admin.Exec(context.Background(), "DROP OWNED BY "+role+"; DROP ROLE "+role); err != nil {
				t.Error(err)
			}
		})
	}
	m := newMigrator(t, files("\nCREATE TABLE a (id int PRIMARY KEY);\nINSERT INTO a VALUES (1);", " role:"+other+"\nCREATE TABLE b (id int);",
		" transaction:false\nCREATE INDEX CONCURRENTLY i ON a (id);\nCREATE TABLE c (id int);",
		" transaction:false\n-- migrate:batch table=a size=10\nUPDATE a SET id = 2 WHERE id BETWEEN :from AND :to AND current_user = '"+owner+"';",
		"\nCREATE TABLE d (id int);\nNONSENSE;"), aludel.Options{Role: owner})
	_, err := m.Upgrade(t.Context(), db.Connect(t), aludel.UpgradeOptions{})
	var statement *aludel.StatementError
	if !errors.As(err, &statement) || statement.Column != 1 || statement.Statement != "" && !strings.HasPrefix(statement.Source, "NONSENSE") {
		t.Fatalf("%v", err)
	}
	rows, _ := admin.Query(t.Context(), `SELECT relname || ' ' || replace(replace(pg_get_userbyid(relowner), $1, 'owner'), $2, 'other') FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'i') AND relname IN ('a', 'b', 'c', 'd', 'i', 'alembic_version') ORDER BY 1`, owner, other)
	got, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	if want := "a owner, alembic_version aludel, b other, c owner, i owner"; strings.Join(got, ", ") != want {
		t.Errorf("%v", got)
	}
	db.Exec(t, "SELECT 1/count(*)::int FROM a WHERE id = 2")
}

// TestGoRevisionsRunAsTheOwner: their code does, in a transaction, outside one and in
// batches; what is written down is the connection's, also when it fails.
func TestGoRevisionsRunAsTheOwner(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	admin, owner := db.Connect(t), "owner_"+db.Name
	db.Exec(t, "CREATE ROLE "+owner+"; GRANT CREATE ON SCHEMA public TO "+owner+"; CREATE TABLE seen (n int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, who text); GRANT ALL ON seen TO "+owner+"; INSERT INTO seen (who) VALUES ('first')")
	t.Cleanup(func() {
		if _, err := admin.Exec(context.Background(), "DROP OWNED BY "+owner+"; DROP ROLE "+owner); err != nil {
			t.Error(err)
		}
	})
	const see = "INSERT INTO seen (who) VALUES (current_user)"
	failing := true
	m := newMigrator(t, nil, aludel.Options{Role: owner, Revisions: []aludel.GoRevision{
		{ID: "g1", Up: exec(see)},
		{ID: "g2", DownRevisions: []string{"g1"}, UpConn: func(ctx context.Context, s *aludel.Session) error {
			if failing {
				return errors.New("not yet")
			}
			err := s.InBatches(ctx, aludel.Batch{Table: "seen"}, func(ctx context.Context, tx pgx.Tx, _ aludel.BatchRange) error { return exec(see)(ctx, tx) })
			return errors.Join(err, execConn(see)(ctx, s))
		}},
	}})
	if _, err := m.Upgrade(t.Context(), db.Connect(t), aludel.UpgradeOptions{}); err == nil || !strings.Contains(err.Error(), "not yet") {
		t.Fatalf("%v", err)
	}
	failing = false
	if _, err := m.Upgrade(t.Context(), db.Connect(t), aludel.UpgradeOptions{}); err != nil {
		t.Fatal(err)
	}
	if got := answer(t, admin, "SELECT replace(who, '"+owner+"', 'owner') FROM seen ORDER BY n"); got != "first, owner, owner, owner" {
		t.Error(got)
	}
	if got := answer(t, admin, "SELECT DISTINCT applied_by FROM aludel_history"); got != db.User {
		t.Error(got)
	}
	if got := answer(t, admin, "SELECT outcome FROM aludel_history WHERE revision = 'g2' ORDER BY id"); !strings.HasPrefix(got, "running, failed, ") || !strings.HasSuffix(got, ", done") {
		t.Error(got)
	}
}

// TestTransactionTimeout: the server ends what takes too long as a whole.
func TestTransactionTimeout(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	conn := db.Connect(t)
	if aludel.ServerMajor(conn) < 17 {
		t.Skip("transaction_timeout is there from PostgreSQL 17 on")
	}
	for _, m := range []*aludel.Migrator{
		newMigrator(t, files("\nSELECT pg_sleep(60);"), aludel.Options{TransactionTimeout: 50 * time.Millisecond}),
		newMigrator(t, files(" transaction_timeout:50ms\nSELECT pg_sleep(60);"), aludel.Options{}),
	} {
		if _, err := m.Upgrade(t.Context(), db.Connect(t), aludel.UpgradeOptions{}); err == nil || !strings.Contains(err.Error(), "transaction timeout") {
			t.Errorf("%v", err)
		}
	}
}
