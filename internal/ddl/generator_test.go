package ddl_test

import (
	"fmt"
	"slices"
	"strings"

	"pgregory.net/rapid"
)

// drawSchema writes a schema of all kinds of objects over few names, so that two
// of them have much in common.
func drawSchema(r *rapid.T, label string) string {
	g := &generator{r: r, label: label}
	g.schemas()
	g.types()
	g.functions()
	g.sequences()
	for i := range 4 {
		if g.chance(70) {
			g.table(fmt.Sprintf("t%d", i))
		}
	}
	g.partitioned()
	g.inheriting()
	g.foreignKeys()
	g.triggers()
	g.views()
	g.server()
	g.others()
	return g.sql.String()
}

type generator struct {
	r      *rapid.T
	label  string
	sql    strings.Builder
	own    []string // types that columns may have
	places []string // schemas, with a dot
	tables []tableDraft
	has    map[string]bool // functions, sequences
	drawn  int
}

type tableDraft struct {
	name    string // qualified
	columns []string
	types   map[string]string
	key     string
	// unlogged ones can't be published, nor referred to by others.
	unlogged bool
}

func (g *generator) chance(percent int) bool {
	g.drawn++
	return rapid.IntRange(1, 100).Draw(g.r, fmt.Sprintf("%s%d", g.label, g.drawn)) <= percent
}

func (g *generator) pick(list ...string) string {
	g.drawn++
	return rapid.SampledFrom(list).Draw(g.r, fmt.Sprintf("%s%d", g.label, g.drawn))
}

func (g *generator) add(format string, args ...any) { fmt.Fprintf(&g.sql, format+";\n", args...) }

func (g *generator) schemas() {
	g.places, g.has = []string{"", "", ""}, map[string]bool{}
	for _, name := range []string{"app", `"Odd schema"`} {
		if g.chance(30) {
			g.add("CREATE SCHEMA %s", name)
			g.places = append(g.places, name+".")
			if g.chance(20) {
				g.add("ALTER DEFAULT PRIVILEGES IN SCHEMA %s GRANT %s ON TABLES TO bob", name, g.pick("SELECT", "ALL"))
			}
		}
	}
}

func (g *generator) types() {
	for _, name := range []string{"e", "f"} {
		if !g.chance(60) {
			continue
		}
		labels := []string{"a"}
		for _, l := range []string{"b", "c", "d"} {
			if g.chance(60) {
				labels = append(labels, l)
			}
		}
		if g.chance(20) {
			slices.Reverse(labels)
		}
		g.own = append(g.own, name)
		g.add("CREATE TYPE %s AS ENUM ('%s')", name, strings.Join(labels, "', '"))
	}
	if g.chance(40) {
		g.add("CREATE DOMAIN d AS %s%s", g.pick("int", "bigint"), g.pick("", " DEFAULT 1", " CHECK (VALUE > 0)", " NOT NULL DEFAULT 2"))
		g.own = append(g.own, "d")
	}
	if g.chance(30) {
		g.add("CREATE TYPE c AS (x %s, y text%s)", g.pick("int", "text"), g.pick("", ", z date"))
		g.own = append(g.own, "c")
	}
	if g.chance(20) {
		g.add("CREATE TYPE r AS RANGE (subtype = %s)", g.pick("float8", "numeric"))
		g.own = append(g.own, "r")
	}
	if g.chance(15) {
		g.add(`CREATE COLLATION k (locale = '%s')`, g.pick("C", "POSIX"))
	}
}

func (g *generator) functions() {
	if g.chance(60) {
		g.has["touch"] = true
		g.add("CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql%s AS 'BEGIN RETURN %s; END'", g.pick("", " SECURITY DEFINER", " SET search_path = public"), g.pick("NEW", "NULL"))
	}
	if g.chance(50) {
		g.has["twice"] = true
		g.add("CREATE FUNCTION twice(int) RETURNS int LANGUAGE sql IMMUTABLE%s AS 'SELECT $1 * %s'", g.pick("", " STRICT", " PARALLEL SAFE"), g.pick("2", "(1 + 1)"))
	}
	if g.chance(20) {
		g.add("CREATE PROCEDURE go(INOUT x %s) LANGUAGE plpgsql AS 'BEGIN END'", g.pick("int", "text"))
	}
	if g.has["twice"] && g.chance(20) {
		g.add("CREATE FUNCTION plus(int, int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1 + $2'; CREATE AGGREGATE total(int) (SFUNC = plus, STYPE = int%s)", g.pick("", ", INITCOND = '0'"))
	}
	if g.has["twice"] && g.chance(15) {
		g.add("CREATE OPERATOR @@@ (FUNCTION = twice, RIGHTARG = int)")
	}
}

func (g *generator) sequences() {
	if g.chance(40) {
		g.has["q"] = true
		g.add("CREATE SEQUENCE q%s", g.pick("", " INCREMENT 5", " AS smallint", " MAXVALUE 1000 CYCLE", " CACHE 10"))
	}
}

func (g *generator) table(name string) {
	t := tableDraft{name: g.pick(g.places...) + name, types: map[string]string{}}
	var lines []string
	for _, column := range []string{"id", "a", "b", "c"} {
		if column == "id" || g.chance(70) {
			lines = append(lines, g.column(&t, column))
		}
	}
	if g.chance(75) {
		t.key = "id"
		lines = append(lines, "PRIMARY KEY (id)")
	}
	if len(t.columns) > 2 && g.chance(30) && t.types[t.columns[1]] != "c" && t.types[t.columns[2]] != "c" {
		lines = append(lines, fmt.Sprintf("CONSTRAINT %s_u UNIQUE (%s, %s)", name, t.columns[1], t.columns[2]))
	}
	if t.types["a"] != "" && g.chance(15) {
		lines = append(lines, "CONSTRAINT "+name+"_x EXCLUDE USING btree (id WITH =)")
	}
	if t.types["a"] == "int" && g.chance(25) {
		lines = append(lines, fmt.Sprintf("g %s GENERATED ALWAYS AS (a * %s) STORED", g.pick("int", "bigint"), g.pick("2", "3")))
	}
	t.unlogged = g.chance(15)
	g.add("CREATE %sTABLE %s (%s)%s", map[bool]string{true: "UNLOGGED "}[t.unlogged], t.name, strings.Join(lines, ", "), g.pick("", "", " WITH (fillfactor = 70)", " WITH (autovacuum_enabled = false, fillfactor = 80)"))
	g.onTable(&t, name)
	g.tables = append(g.tables, t)
}

func (g *generator) column(t *tableDraft, column string) string {
	types := append([]string{"int", "int", "bigint", "text", "varchar(20)", "numeric(10,2)", "timestamptz", "int[]", "jsonb"}, g.own...)
	typ := g.pick(types...)
	if column == "id" {
		typ = g.pick("int", "bigint")
	}
	line := column + " " + typ
	isInt, isText := typ == "int" || typ == "bigint", typ == "text" || typ == "varchar(20)"
	if isText && g.chance(10) {
		line += ` COLLATE "C"`
	}
	switch {
	case column == "id" && g.chance(40):
		line += g.pick(" GENERATED BY DEFAULT AS IDENTITY", " GENERATED ALWAYS AS IDENTITY", " GENERATED BY DEFAULT AS IDENTITY (START 100 INCREMENT 2)")
	case isInt && g.has["q"] && g.chance(25):
		line += " DEFAULT nextval('q')"
	case isInt && g.chance(30):
		line += " DEFAULT " + g.pick("0", "1", "(2 + 3)")
	case typ == "int" && g.has["twice"] && g.chance(20):
		line += " DEFAULT twice(4)"
	case (typ == "e" || typ == "f") && g.chance(40):
		line += " DEFAULT 'a'"
	case isText && g.chance(30):
		line += " DEFAULT " + g.pick("'x'", "'it''s'", "NULL")
	}
	if g.chance(30) {
		line += " NOT NULL"
	}
	if (isInt || typ == "numeric(10,2)") && g.chance(20) {
		line += fmt.Sprintf(" CHECK (%s %s 0)", column, g.pick(">", ">=", "<>"))
	}
	if typ == "int" && g.has["twice"] && g.chance(10) {
		line += fmt.Sprintf(" CONSTRAINT even_%s CHECK (twice(%[1]s) > 1)", column)
	}
	t.columns, t.types[column] = append(t.columns, column), typ
	return line
}

// onTable makes what a table has besides.
func (g *generator) onTable(t *tableDraft, name string) {
	for i, column := range t.columns {
		typ := t.types[column]
		if g.chance(25) {
			g.add("CREATE INDEX %s_i%d ON %s %s(%s)%s", name, i, t.name, g.pick("", "", "USING btree "), column+g.pick("", "", " DESC"), g.pick("", "", " WHERE id > 5", " WITH (fillfactor = 60)"))
		}
		if typ == "int" && g.has["twice"] && g.chance(15) {
			g.add("CREATE INDEX %s_f%d ON %s (twice(%s))", name, i, t.name, column)
		}
		if g.chance(10) {
			g.add("COMMENT ON COLUMN %s.%s IS '%s'", t.name, column, g.pick("x", "y"))
		}
		if g.chance(8) {
			g.add("ALTER TABLE %s ALTER %s SET STATISTICS %s", t.name, column, g.pick("10", "200"))
		}
		if (typ == "text" || typ == "jsonb") && g.chance(10) {
			g.add("ALTER TABLE %s ALTER %s SET STORAGE %s", t.name, column, g.pick("EXTERNAL", "MAIN"))
		}
		if g.chance(8) {
			g.add("GRANT SELECT (%s) ON %s TO bob", column, t.name)
		}
	}
	if g.chance(20) {
		g.add("ALTER TABLE %s ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON %[1]s%s USING (id > %s)", t.name, g.pick("", " FOR SELECT TO alice", " AS RESTRICTIVE"), g.pick("1", "2"))
	}
	if g.chance(20) {
		g.add("GRANT %s ON %s TO alice%s", g.pick("SELECT", "INSERT, UPDATE"), t.name, g.pick("", " WITH GRANT OPTION"))
	}
	if g.chance(15) {
		g.add("ALTER TABLE %s REPLICA IDENTITY %s", t.name, g.pick("FULL", "NOTHING"))
	}
	if t.key != "" && g.chance(10) {
		g.add("ALTER TABLE %s CLUSTER ON %s_pkey", t.name, name)
	}
	if len(t.columns) > 2 && t.types[t.columns[1]] != "jsonb" && t.types[t.columns[1]] != "c" && g.chance(15) {
		g.add("CREATE STATISTICS %s_s (%s) ON %s, %s FROM %s", name, g.pick("ndistinct", "dependencies"), "id", t.columns[1], t.name)
	}
	if g.chance(10) {
		g.add("CREATE RULE no AS ON DELETE TO %s DO INSTEAD %s", t.name, g.pick("NOTHING", "SELECT 1"))
	}
	if g.chance(10) {
		g.add("ALTER TABLE %s OWNER TO alice", t.name)
	}
}

// partitioned makes a table of which the parts come and go, or a plain one of
// the same name.
func (g *generator) partitioned() {
	if !g.chance(50) {
		return
	}
	t := tableDraft{name: "p", columns: []string{"id", "a"}, types: map[string]string{"id": "int", "a": "text"}}
	key, by := "", g.pick("RANGE (id)", "LIST (id)")
	if g.chance(60) {
		t.key, key = "id", ", PRIMARY KEY (id)"
	}
	g.add("CREATE TABLE p (id int%s, a text%s%s) PARTITION BY %s", g.pick("", " NOT NULL"), g.pick("", " DEFAULT 'x'"), key, by)
	for i := range 3 {
		bound := fmt.Sprintf("FOR VALUES FROM (%d) TO (%d)", i*10, i*10+10)
		if by == "LIST (id)" {
			bound = fmt.Sprintf("FOR VALUES IN (%d)", i)
		}
		switch part := fmt.Sprintf("p%d", i); g.pick("", "of", "of", "attached", "alone") {
		case "of":
			g.add("CREATE TABLE %s PARTITION OF p%s %s", part, g.pick("", " (a DEFAULT 'y')", " (CHECK (id <> 5))"), bound)
		case "attached":
			g.add("CREATE TABLE %s (a text, id int NOT NULL); ALTER TABLE p ATTACH PARTITION %[1]s %s", part, bound)
		case "alone":
			g.add("CREATE TABLE %s (id int NOT NULL, a text)", part)
		}
	}
	if g.chance(30) {
		g.add("CREATE TABLE p9 PARTITION OF p DEFAULT")
	}
	if g.chance(40) {
		g.add("CREATE INDEX p_a ON p (a)")
	}
	if g.chance(20) {
		g.add("ALTER TABLE p ADD CONSTRAINT p_check CHECK (id > -1)")
	}
	g.tables = append(g.tables, t)
}

// inheriting makes a table and one that inherits from it, always from the same:
// columns that were there before INHERIT stay a table's own, which pg_dump shows
// and no statement changes.
func (g *generator) inheriting() {
	if !g.chance(30) {
		return
	}
	g.add("CREATE TABLE root (id %s%s%s)", g.pick("int", "bigint"), g.pick("", ", a text", ", a text DEFAULT 'x', b int NOT NULL"), g.pick("", ", CHECK (id > 0)"))
	g.add("CREATE TABLE heir (%s) INHERITS (root)", g.pick("", "own int", "own text DEFAULT 'x', more int"))
	if g.chance(20) {
		g.add("ALTER TABLE heir ALTER id SET DEFAULT 7")
	}
}

func (g *generator) foreignKeys() {
	for i, from := range g.tables {
		for j, to := range g.tables {
			if to.key == "" || from.unlogged || to.unlogged || !g.chance(25) {
				continue
			}
			for _, c := range from.columns {
				if from.types[c] == to.types["id"] && c != "id" {
					g.add("ALTER TABLE %s ADD CONSTRAINT fk_%d_%d FOREIGN KEY (%s) REFERENCES %s%s", from.name, i, j, c, to.name,
						g.pick("", " ON DELETE CASCADE", " DEFERRABLE", " ON UPDATE SET NULL NOT VALID"))
					break
				}
			}
		}
	}
}

func (g *generator) triggers() {
	if !g.has["touch"] {
		return
	}
	for i, t := range g.tables {
		if !g.chance(25) {
			continue
		}
		g.add("CREATE TRIGGER tr%d %s ON %s %s EXECUTE FUNCTION touch()", i, g.pick("BEFORE UPDATE", "AFTER INSERT OR DELETE"), t.name, g.pick("FOR EACH ROW", "FOR EACH ROW WHEN (pg_trigger_depth() < 3)", "FOR EACH STATEMENT"))
		if g.chance(25) {
			g.add("ALTER TABLE %s %s TRIGGER tr%d", t.name, g.pick("DISABLE", "ENABLE ALWAYS"), i)
		}
	}
}

func (g *generator) views() {
	var made []string
	for i, t := range g.tables {
		if !g.chance(50) {
			continue
		}
		name := fmt.Sprintf("v%d", i)
		kind := g.pick("VIEW", "VIEW", "MATERIALIZED VIEW")
		columns := t.columns[:1+len(t.columns)/2]
		g.add("CREATE %s %s AS SELECT %s FROM %s%s", kind, name, strings.Join(columns, ", "), t.name, g.pick("", " WHERE id > 3"))
		made = append(made, name)
		if kind == "MATERIALIZED VIEW" && g.chance(40) {
			g.add("CREATE INDEX %s_i ON %[1]s (id)", name)
		}
		if g.chance(15) {
			g.add("GRANT SELECT ON %s TO bob", name)
		}
		if g.chance(15) {
			g.add("COMMENT ON %s %s IS 'of %s'", kind, name, g.pick("x", "y"))
		}
	}
	for i, below := range made {
		if g.chance(40) {
			g.add("CREATE VIEW w%d%s AS SELECT id FROM %s", i, g.pick("", " WITH (security_barrier)"), below)
		}
	}
	if len(g.tables) > 0 && g.chance(40) {
		g.add("CREATE FUNCTION h(x %s) RETURNS %s LANGUAGE sql AS 'SELECT NULL::%[2]s'", g.tables[0].name, g.pick("int", "text"))
	}
}

func (g *generator) server() {
	if !g.chance(25) {
		return
	}
	g.add("CREATE FOREIGN DATA WRAPPER wrapper%s; CREATE SERVER server FOREIGN DATA WRAPPER wrapper%s", g.pick("", " OPTIONS (debug 'true')"), g.pick("", " OPTIONS (host 'x')"))
	if g.chance(60) {
		g.add("CREATE FOREIGN TABLE t9 (id int%s, a %s) SERVER server%s", g.pick("", " NOT NULL", " OPTIONS (n '1')"), g.pick("int", "text"), g.pick("", " OPTIONS (table_name 'x')"))
	}
	if g.chance(30) {
		g.add("CREATE USER MAPPING FOR alice SERVER server")
	}
}

func (g *generator) others() {
	if g.chance(20) && len(g.tables) > 0 && !g.tables[0].unlogged {
		g.add("CREATE PUBLICATION pub FOR %s", g.pick("ALL TABLES", "TABLE "+g.tables[0].name))
	}
	if g.chance(15) {
		g.add("CREATE TEXT SEARCH CONFIGURATION ts (COPY = %s)", g.pick("simple", "english"))
	}
	if g.chance(15) && len(g.own) > 0 && g.own[0] == "e" && g.has["twice"] {
		g.add("CREATE FUNCTION as_int(e) RETURNS int LANGUAGE sql AS 'SELECT 1'; CREATE CAST (e AS int) WITH FUNCTION as_int(e)%s", g.pick("", " AS ASSIGNMENT"))
	}
	if g.chance(10) {
		g.add("ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC")
	}
	if g.chance(10) {
		g.add("CREATE FUNCTION watch() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'; CREATE EVENT TRIGGER ev ON %s EXECUTE FUNCTION watch()", g.pick("ddl_command_end", "sql_drop"))
	}
}
