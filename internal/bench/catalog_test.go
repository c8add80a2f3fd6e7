package bench_test

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/aludel-db/aludel/internal/catalog"
	"github.com/aludel-db/aludel/internal/diff"
	"github.com/aludel-db/aludel/internal/pgtest"
)

// tables makes n tables of 12 columns, three indexes, two foreign keys, a check
// and comments, with a view and a function for every tenth and a trigger for
// every fifth.
func tables(n int) []string {
	list := []string{"CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy'); CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'"}
	for i := range n {
		other := max(i-1, 0)
		sql := fmt.Sprintf(`CREATE TABLE t%[1]d (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, a bigint REFERENCES t%[2]d, b bigint REFERENCES t%[2]d, c text NOT NULL, d text, e integer DEFAULT 0,
f numeric(10,2), g timestamptz NOT NULL DEFAULT now(), h boolean, i jsonb, j mood, k date, CHECK (e >= 0));
CREATE INDEX t%[1]d_a ON t%[1]d (a); CREATE INDEX t%[1]d_c ON t%[1]d (lower(c)); CREATE INDEX t%[1]d_e ON t%[1]d (e) WHERE h;
COMMENT ON TABLE t%[1]d IS 'table %[1]d'; COMMENT ON COLUMN t%[1]d.c IS 'column c'`, i, other)
		if i%10 == 0 {
			sql += fmt.Sprintf("; CREATE VIEW v%[1]d AS SELECT id, c FROM t%[1]d WHERE h; CREATE FUNCTION f%[1]d(x integer) RETURNS integer LANGUAGE sql AS 'SELECT x'", i)
		}
		if i%5 == 0 {
			sql += fmt.Sprintf("; CREATE TRIGGER g BEFORE UPDATE ON t%[1]d FOR EACH ROW EXECUTE FUNCTION touch()", i)
		}
		list = append(list, sql)
	}
	return list
}

// readOnce is what a process of its own does, whose memory is looked at.
func readOnce(url string) {
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		panic(err)
	}
	if _, err := catalog.Read(ctx, conn, catalog.Options{}); err != nil {
		panic(err)
	}
	_ = conn.Close(ctx)
}

// BenchmarkCatalog reads a database and compares it with an equal one, beside
// pg_dump -s (budget 0.5, a tenth of the reading for the comparison, and 100 MiB
// at 5,000 for the process that reads).
func BenchmarkCatalog(b *testing.B) {
	for _, n := range []int{100, 1000, 5000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			db := pgtest.New(b)
			conn := db.Connect(b)
			for _, sql := range tables(n) {
				if _, err := conn.PgConn().Exec(context.Background(), sql).ReadAll(); err != nil {
					b.Fatalf("%v in %s", err, strings.TrimSpace(sql))
				}
			}
			var last *catalog.Catalog
			ours := func() cost {
				start := time.Now()
				var err error
				if last, err = catalog.Read(context.Background(), conn, catalog.Options{}); err != nil {
					b.Fatal(err)
				}
				return cost{wall: time.Since(start)}
			}
			pairs(b, 3, ours, func() cost { return process(b, exec.Command("pg_dump", "-s", "-d", db.URL())) })
			again := last
			ours()
			start := time.Now()
			changes, err := diff.Compare(again, last, diff.Options{})
			if err != nil || len(changes) > 0 {
				b.Fatal(len(changes), err)
			}
			b.ReportMetric(float64(time.Since(start).Microseconds())/1000, "ms/compare")
			reader := self(b, "")
			reader.Env = append(reader.Env, readEnv+"="+db.URL())
			b.ReportMetric(peak(b, reader), "MiB/read")
		})
	}
}
