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
