package sqltext

import (
	"slices"
	"strings"
	"testing"
)

// TestDefinitionOf: a relation, what else is made, and some of the names; "-" of a
// statement whose outcome depends on more than it names.
func TestDefinitionOf(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ sql, relation, makes, names, not string }{
		{"CREATE TABLE IF NOT EXISTS s.t (a int REFERENCES s.u (b) ON DELETE CASCADE, c text DEFAULT nextval('q_seq'))", "s.t", "", "s t a b c nextval q_seq", "u"},
		{"CREATE UNLOGGED TABLE t (r record_of, \"References\" int)", "t", "", "record_of references", ""},
		{"ALTER TABLE ONLY t ADD CONSTRAINT k FOREIGN KEY (a) REFERENCES \"U\"", "t", "", "t k a", "u"},
		{"CREATE VIEW v AS SELECT x FROM references_of", "v", "", "x references_of", ""},
		{"CREATE UNIQUE INDEX CONCURRENTLY i ON ONLY s.t USING gin (f(a))", "s.t", "", "i t f a gin", ""},
		{"CREATE INDEX ON t (a)", "t", "", "a", ""},
		{"ALTER INDEX i ATTACH PARTITION j", "i", "", "i j", ""},
		{"CREATE TRIGGER g AFTER UPDATE OF a ON t FOR EACH ROW EXECUTE FUNCTION f('x y')", "t", "", "f x y", ""},
		{"CREATE POLICY p ON t USING (a = current_user)", "t", "", "p", ""},
		{"CREATE RULE r AS ON INSERT TO t DO ALSO NOTIFY x", "t", "", "r x", ""},
		{"CREATE STATISTICS st ON a, b FROM t", "t", "", "st", ""},
		{"COMMENT ON COLUMN s.t.a IS 'about others'", "s.t", "", "about others", ""},
		{"COMMENT ON CONSTRAINT k ON t IS NULL", "t", "", "k", ""},
		{"COMMENT ON FUNCTION f(int) IS 'x'", "", "", "f", ""},
		{"GRANT SELECT (a), UPDATE ON TABLE t TO r", "t", "", "a r", ""},
		{"GRANT SELECT ON t TO r", "t", "", "r", ""},
		{"GRANT SELECT ON t, u TO r", "", "", "t u", ""},
		{"REVOKE ALL ON FUNCTION f FROM PUBLIC", "", "", "f", ""},
		{"CREATE FUNCTION s.f(a t) RETURNS SETOF u LANGUAGE sql AS 'SELECT * FROM hidden'", "", "s.f", "t u sql", "hidden"},
		{"CREATE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT x FROM seen; END", "", "f", "seen", ""},
		{"CREATE TYPE s.mood AS ENUM ('sad')", "", "s.mood", "sad", ""},
		{"CREATE EXTENSION citext", "", "", "citext", ""},
		{"CREATE OPERATOR CLASS c DEFAULT FOR TYPE t USING btree AS STORAGE t", "", "", "c t", ""},
		{sql: "CREATE TEMP TABLE t (a int)", not: "-"},
		{sql: "ALTER TABLE t RENAME TO u", not: "-"},
		{sql: "ALTER TABLE t RENAME a TO b", not: "-"},
		{sql: "ALTER TABLE t SET SCHEMA s", not: "-"},
		{sql: "ALTER TABLE ALL IN TABLESPACE a SET TABLESPACE b", not: "-"},
		{sql: "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO r", not: "-"},
		{sql: "GRANT SELECT ON ALL TABLES IN SCHEMA s TO r", not: "-"},
		{sql: "GRANT a TO b", not: "-"},
		{sql: "GRANT CONNECT ON DATABASE d TO r", not: "-"},
		{sql: "CREATE SCHEMA s CREATE TABLE t (a int)", not: "-"},
		{sql: "CREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION f()", not: "-"},
		{sql: "CREATE ROLE r", not: "-"},
		{sql: "DO $$ BEGIN END $$", not: "-"},
		{sql: "INSERT INTO t VALUES (1)", not: "-"},
		{sql: "SELECT set_config('search_path', '', false)", not: "-"},
		{sql: "DROP TABLE t", not: "-"},
		{sql: "SET search_path = s", not: "-"},
		{sql: "CREATE VIEW v AS SELECT U&\"\\0061\" FROM t", not: "-"},
		{sql: "CREATE VIEW v AS SELECT E'\\x61'::regclass", not: "-"},
	} {
		d, alone := DefinitionOf(c.sql)
		if alone == (c.not == "-") {
			t.Errorf("%s: alone: %v", c.sql, alone)
			continue
		}
		if c.not == "-" {
			continue
		}
		if d.Relation != c.relation || d.Makes != c.makes {
			t.Errorf("%s: about %q, makes %q", c.sql, d.Relation, d.Makes)
		}
		for name := range strings.FieldsSeq(c.names) {
			if !slices.Contains(d.Names, name) {
				t.Errorf("%s: %s is not in %v", c.sql, name, d.Names)
			}
		}
		if slices.Contains(d.Names, c.not) {
			t.Errorf("%s: %s is in %v", c.sql, c.not, d.Names)
		}
		if c.not != "" && c.not != "hidden" && !slices.Contains(d.References, c.not) {
			t.Errorf("%s: %s is not in %v", c.sql, c.not, d.References)
		}
	}
}
