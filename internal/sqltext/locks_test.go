package sqltext

import (
	"bufio"
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestRelationLocks compares with the locks that PostgreSQL 15 was seen to hold
// behind each statement, on the relations that it names.
func TestRelationLocks(t *testing.T) {
	t.Parallel()
	file, err := os.Open("testdata/locks.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	cases := 0
	for lines := bufio.NewScanner(file); lines.Scan(); cases++ {
		var c struct {
			SQL   string
			Locks map[string]string
		}
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			t.Fatal(err)
		}
		locks, known := RelationLocks(c.SQL)
		for _, l := range locks {
			if seen := observedMode(c.Locks[l.Relation]); seen != l.Mode && !isIndexOfT.MatchString(l.Relation) {
				t.Errorf("%s: %s on %s, and PostgreSQL takes %s", c.SQL, l.Mode, l.Relation, seen)
			}
		}
		for relation, mode := range c.Locks {
			named := regexp.MustCompile(`(?:^|[ ,(])` + regexp.QuoteMeta(relation) + `(?:[ ,(;.]|$)`).MatchString(c.SQL)
			if known && named && observedMode(mode) >= ShareUpdateExclusive && modeOf(locks, relation) != observedMode(mode) && !isIndexOfT.MatchString(relation) {
				t.Errorf("%s: PostgreSQL takes %s on %s, which is not said", c.SQL, observedMode(mode), relation)
			}
		}
	}
	if cases < 150 {
		t.Errorf("there are %d cases", cases)
	}
}

// isIndexOfT: a lock on an index stands for one on its table.
var isIndexOfT = regexp.MustCompile(`^t_`)

func modeOf(locks []RelationLock, relation string) LockMode {
	for _, l := range locks {
		if l.Relation == relation {
			return l.Mode
		}
	}
	return 0
}

func observedMode(name string) LockMode {
	for mode := AccessShare; mode <= AccessExclusive; mode++ {
		if strings.ReplaceAll(strings.ToLower(mode.String()), " ", "")+"lock" == strings.ToLower(name) {
			return mode
		}
	}
	return 0
}

func TestRelationLocksOfNames(t *testing.T) {
	t.Parallel()
	for sql, want := range map[string]string{
		`ALTER TABLE IF EXISTS ONLY app."Odd Name" ADD COLUMN x int, VALIDATE CONSTRAINT c`: `app."Odd Name" ACCESS EXCLUSIVE`,
		`CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS i ON ONLY a.b USING btree (c)`:      `a.b SHARE UPDATE EXCLUSIVE`,
		`CREATE TABLE x (a int REFERENCES y, b int, FOREIGN KEY (b) REFERENCES s.z (q))`:    `y SHARE ROW EXCLUSIVE, s.z SHARE ROW EXCLUSIVE`,
		`DROP TABLE IF EXISTS a, b.c`:                                                   `a ACCESS EXCLUSIVE, b.c ACCESS EXCLUSIVE`,
		`LOCK TABLE a, b IN SHARE ROW EXCLUSIVE MODE NOWAIT`:                            `a SHARE ROW EXCLUSIVE, b SHARE ROW EXCLUSIVE`,
		`COMMENT ON COLUMN app.t.c IS 'x'`:                                              `app.t SHARE UPDATE EXCLUSIVE`,
		`CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$ ALTER TABLE t ADD x int $$`: ``,
		`DO $$ BEGIN ALTER TABLE t ADD x int; END $$`:                                   `unknown`,
		`UPDATE t SET a = 1`:                                                            `unknown`,
	} {
		locks, known := RelationLocks(sql)
		var list []string
		for _, l := range locks {
			list = append(list, l.Relation+" "+l.Mode.String())
		}
		if !known {
			list = append(list, "unknown")
		}
		if got := strings.Join(list, ", "); got != want {
			t.Errorf("%s: %q, want %q", sql, got, want)
		}
	}
}
