package bunddl_test

import (
	"slices"
	"strings"
	"testing"

	bunddl "github.com/aludel-db/aludel/orm/bun"
)

func TestHoist(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		sql   string
		now   string // of one line
		later []string
	}{
		"no key": {
			`CREATE TABLE a (id int, PRIMARY KEY (id))`,
			`CREATE TABLE a ( id int, PRIMARY KEY (id) )`, nil,
		},
		"keys": {
			`CREATE TABLE "a" ("id" int, FOREIGN KEY ("id") REFERENCES "b" ("id") ON DELETE SET NULL, constraint "x" foreign  key (id, "n") REFERENCES b (id, n), CHECK (id > 0))`,
			`CREATE TABLE "a" ( "id" int, CHECK (id > 0) )`,
			[]string{
				`ALTER TABLE "a" ADD FOREIGN KEY ("id") REFERENCES "b" ("id") ON DELETE SET NULL`,
				`ALTER TABLE "a" ADD constraint "x" foreign  key (id, "n") REFERENCES b (id, n)`,
			},
		},
		"a schema, and what comes behind": {
			`CREATE TABLE IF NOT EXISTS "s x"."a(b" ("id" int, FOREIGN KEY ("id") REFERENCES c (d)) PARTITION BY RANGE ("id")`,
			`CREATE TABLE IF NOT EXISTS "s x"."a(b" ( "id" int ) PARTITION BY RANGE ("id")`,
			[]string{`ALTER TABLE "s x"."a(b" ADD FOREIGN KEY ("id") REFERENCES c (d)`},
		},
		"in texts": {
			`CREATE TABLE a (n text DEFAULT '), FOREIGN KEY (''x', e text DEFAULT E'\'), FOREIGN KEY (', d text DEFAULT $$,'($$, "FOREIGN KEY (,)" int, FOREIGN KEY (n) REFERENCES b)`,
			`CREATE TABLE a ( n text DEFAULT '), FOREIGN KEY (''x', e text DEFAULT E'\'), FOREIGN KEY (', d text DEFAULT $$,'($$, "FOREIGN KEY (,)" int )`,
			[]string{`ALTER TABLE a ADD FOREIGN KEY (n) REFERENCES b`},
		},
		"behind a comment": {
			`/* (made, */ CREATE TABLE a (id int /* ) */, FOREIGN KEY (id) REFERENCES b)`,
			`/* (made, */ CREATE TABLE a ( id int /* ) */ )`,
			[]string{`ALTER TABLE a ADD FOREIGN KEY (id) REFERENCES b`},
		},
		"a column's own": {
			`CREATE TABLE a (id int REFERENCES b (id), foreign_key int)`,
			`CREATE TABLE a ( id int REFERENCES b (id), foreign_key int )`, nil,
		},
		"no end":            {`CREATE TABLE a (id int`, `CREATE TABLE a (id int`, nil},
		"another statement": {`CREATE INDEX i ON a (b, c)`, `CREATE INDEX i ON a (b, c)`, nil},
		"alter":             {`alter  table a ADD FOREIGN KEY (id) REFERENCES b`, ``, []string{`alter  table a ADD FOREIGN KEY (id) REFERENCES b`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			now, later := bunddl.Hoist([]string{test.sql})
			line := strings.NewReplacer("\n    ", " ", "\n", " ").Replace(strings.Join(now, ""))
			if line != test.now {
				t.Errorf("now   %s\nwant  %s", line, test.now)
			}
			if !slices.Equal(later, test.later) {
				t.Errorf("later %q\nwant  %q", later, test.later)
			}
		})
	}
}
