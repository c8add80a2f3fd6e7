package catalog

import (
	"context"
	"crypto/md5" //nolint:gosec // marks what was cut off, as SQLAlchemy does
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
)

// Naming are patterns of names for constraints and indexes that were given none,
// such as uq_{table}_{columns}. Where one is empty, PostgreSQL's own stay.
type Naming struct{ PrimaryKey, Unique, ForeignKey, Check, Index, Exclude string }

// None tells that all names stay.
func (n *Naming) None() bool { return *n == Naming{} }

// Validate tells what is wrong in a pattern.
func (n *Naming) Validate() error {
	for _, p := range []struct {
		pattern                string
		isForeign, ownRelation bool
	}{{n.PrimaryKey, false, true}, {n.Unique, false, true}, {n.ForeignKey, true, false}, {n.Check, false, false}, {n.Index, false, true}, {n.Exclude, false, true}} {
		if err := validateNaming(p.pattern, p.isForeign, p.ownRelation); err != nil {
			return err
		}
	}
	return nil
}

var (
	ownPlaceholders     = []string{"schema", "table", "columns"}
	foreignPlaceholders = []string{"referred_table", "referred_columns"}
	placeholder         = regexp.MustCompile(`\{[^{}]*\}`)
)

// validateNaming looks at one. Two indexes of a schema can't have one name.
func validateNaming(pattern string, isForeign, ownRelation bool) error {
	known := ownPlaceholders
	if isForeign {
		known = slices.Concat(ownPlaceholders, foreignPlaceholders)
	}
	for _, match := range placeholder.FindAllString(pattern, -1) {
		switch name := strings.Trim(match, "{}"); {
		case slices.Contains(known, name):
		case slices.Contains(foreignPlaceholders, name):
			return fmt.Errorf("%q: %s is known of a foreign key alone; there are %s", pattern, match, braced(known))
		default:
			return fmt.Errorf("%q: %s is no placeholder; there are %s", pattern, match, braced(known))
		}
	}
	rest := placeholder.ReplaceAllString(pattern, "")
	switch {
	case pattern == "":
	case strings.Contains(pattern, "%("):
		return fmt.Errorf("%q: placeholders are written in braces here: %s", pattern, braced(known))
	case strings.ContainsAny(rest, "{}"):
		return fmt.Errorf("%q: a brace has no other half", pattern)
	case strings.ContainsRune(pattern, 0):
		return fmt.Errorf("%q holds a NUL byte", pattern)
	case ownRelation && !strings.Contains(pattern, "{table}"):
		return fmt.Errorf("%q: it wants {table}, for a schema has no two indexes of one name", pattern)
	}
	return nil
}

func braced(names []string) string {
	return "{" + strings.Join(names, "}, {") + "}"
}

// A Nameable is a constraint of a table, or an index.
type Nameable struct {
	ID   ID
	Type ConstraintType // empty of an index
	// Table has it, or a materialized view.
	Table ID
	// Columns are those that PostgreSQL makes a name of: of an expression in an
	// index its "expr", or the name of its function.
	Columns []string
	// Referred is the table that a foreign key leads to.
	Referred        ID
	ReferredColumns []string
	// Definition tells apart what would have one name.
	Definition string
	// Above is the foreign key of the table above, of which this is a part; that
	// of a partition has its name.
	Above ID
	// Inherited tells of a part that is named by PostgreSQL alone: an index of a
	// partition, a check that goes with that of the table above.
	Inherited bool
}

// Nameables are the constraints of tables and the indexes of a database, and the
// names that its relations have, by schema. Constraints of typed tables are left
// out: PostgreSQL doesn't rename them.
func Nameables(ctx context.Context, conn *pgx.Conn) (list []Nameable, relations map[string][]string, err error) {
	rows, err := conn.Query(ctx, `SELECT n.nspname::text, c.relname::text, x.name, x.type, coalesce(x.columns, '{}'), coalesce(rn.nspname::text, ''), coalesce(rc.relname::text, ''),
  coalesce(x.referred, '{}'), x.definition, coalesce(pn.nspname::text, ''), coalesce(pc.relname::text, ''), coalesce(x.above, ''), x.inherited
FROM (
  SELECT k.conrelid AS relation, k.conname::text AS name, k.contype::text AS type, pg_catalog.pg_get_constraintdef(k.oid) AS definition, k.confrelid AS referred_relation,
    CASE WHEN k.contype IN ('p', 'u', 'x') THEN (SELECT pg_catalog.array_agg(a.attname::text ORDER BY a.attnum) FROM pg_catalog.pg_attribute a WHERE a.attrelid = k.conindid)
    ELSE (SELECT pg_catalog.array_agg(a.attname::text ORDER BY p.n) FROM pg_catalog.unnest(k.conkey) WITH ORDINALITY p (attnum, n)
      JOIN pg_catalog.pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = p.attnum) END AS columns,
    (SELECT pg_catalog.array_agg(a.attname::text ORDER BY p.n) FROM pg_catalog.unnest(k.confkey) WITH ORDINALITY p (attnum, n)
      JOIN pg_catalog.pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = p.attnum) AS referred,
    above.conname::text AS above, above.conrelid AS above_relation, k.coninhcount > 0 AS inherited
  FROM pg_catalog.pg_constraint k LEFT JOIN pg_catalog.pg_constraint above ON above.oid = k.conparentid
  WHERE k.contype IN ('p', 'u', 'c', 'f', 'x') AND k.conrelid <> 0 AND above.conrelid IS DISTINCT FROM k.conrelid
  UNION ALL
  SELECT i.indrelid, c.relname::text, '', pg_catalog.pg_get_indexdef(i.indexrelid), 0,
    (SELECT pg_catalog.array_agg(a.attname::text ORDER BY a.attnum) FROM pg_catalog.pg_attribute a WHERE a.attrelid = i.indexrelid), NULL, NULL, NULL, c.relispartition
  FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
  WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_constraint k WHERE k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x'))
) x JOIN pg_catalog.pg_class c ON c.oid = x.relation JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_class rc ON rc.oid = x.referred_relation LEFT JOIN pg_catalog.pg_namespace rn ON rn.oid = rc.relnamespace
LEFT JOIN pg_catalog.pg_class pc ON pc.oid = x.above_relation LEFT JOIN pg_catalog.pg_namespace pn ON pn.oid = pc.relnamespace
WHERE (x.type = '' OR c.reloftype = 0) AND n.nspname`+userSchemas+`AND`+notMember("pg_class", "c.oid")+`ORDER BY 1, 2, 9, 3`)
	if err != nil {
		return nil, nil, err
	}
	list, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (o Nameable, err error) {
		var schema, table, name, referredSchema, referred, aboveSchema, aboveTable, above string
		err = row.Scan(&schema, &table, &name, (*string)(&o.Type), &o.Columns, &referredSchema, &referred, &o.ReferredColumns, &o.Definition, &aboveSchema, &aboveTable, &above, &o.Inherited)
		o.Table, o.ID = NewID(KindTable, schema, table, ""), NewID(KindIndex, schema, name, "")
		if o.Type != "" {
			o.ID = NewID(KindConstraint, schema, table, name)
		}
		if referred != "" {
			o.Referred = NewID(KindTable, referredSchema, referred, "")
		}
		if o.Type == ForeignKey && above != "" {
			o.Above = NewID(KindConstraint, aboveSchema, aboveTable, above)
		}
		return o, err
	})
	if err != nil {
		return nil, nil, err
	}
	rows, err = conn.Query(ctx, `SELECT n.nspname::text, c.relname::text FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname`+userSchemas)
	if err != nil {
		return nil, nil, err
	}
	relations = map[string][]string{}
	var schema, name string
	_, err = pgx.ForEachRow(rows, []any{&schema, &name}, func() error {
		relations[schema] = append(relations[schema], name)
		return nil
	})
	return list, relations, err
}

// name is that of a constraint or an index.
func (o *Nameable) name() string {
	if o.Type == "" {
		return o.ID.Name()
	}
	return o.ID.Sub()
}

// named is the same under another name.
func (o *Nameable) named(name string) ID {
	if o.Type == "" {
		return NewID(KindIndex, o.ID.Schema(), name, "")
	}
	return o.ID.With(KindConstraint, name)
}

// isUnnamed tells that the name is one that PostgreSQL gives
// (ChooseConstraintName, ChooseIndexName), and so most likely did.
func (o *Nameable) isUnnamed() bool {
	label, columns := "idx", o.Columns
	switch o.Type {
	case PrimaryKey:
		label, columns = "pkey", nil
	case Unique:
		label = "key"
	case Exclusion:
		label = "excl"
	case ForeignKey:
		label = "fkey"
	case Check:
		if label = "check"; len(columns) != 1 {
			columns = nil
		}
	}
	return isGeneratedName(o.name(), o.Table.Name(), columns, label)
}

// pattern is the one for it.
func (n *Naming) pattern(t ConstraintType) string {
	switch t {
	case PrimaryKey:
		return n.PrimaryKey
	case Unique:
		return n.Unique
	case ForeignKey:
		return n.ForeignKey
	case Check:
		return n.Check
	case Exclusion:
		return n.Exclude
	}
	return n.Index
}

// A NewName is what a constraint or an index is to be called.
type NewName struct{ From, To ID }

// Names answers those that unnamed constraints and indexes get, in an order and
// by ways in which no name is there twice. What would have one name is numbered
// in the order of the definitions.
func (n *Naming) Names(list []Nameable, relations map[string][]string) []NewName {
	taken := takenNames(list, relations)
	var renames []NewName
	followed := map[ID]string{}
	for i := range list {
		if o := &list[i]; n.applies(o) {
			taken.free(o, o.name())
			followed[o.ID] = ""
		}
	}
	for i := range list {
		o := &list[i]
		if _, applies := followed[o.ID]; !applies {
			continue
		}
		name := ""
		for number := 0; name == "" || taken.has(o, name); number++ {
			name = fill(n.pattern(o.Type), o, number)
		}
		taken.take(o, name)
		followed[o.ID] = name
		if name != o.name() {
			renames = append(renames, NewName{o.ID, o.named(name)})
		}
	}
	renames = append(renames, parts(list, followed)...)
	return aside(renames)
}

func (n *Naming) applies(o *Nameable) bool {
	return n.pattern(o.Type) != "" && !o.Inherited && o.isUnnamed()
}

// parts has the foreign keys of partitions keep the name of the one above, which
// PostgreSQL gives them.
func parts(list []Nameable, followed map[ID]string) []NewName {
	above := map[ID]*Nameable{}
	for i := range list {
		above[list[i].ID] = &list[i]
	}
	var renames []NewName
	for i := range list {
		o := &list[i]
		top := o
		for top.Above != (ID{}) && above[top.Above] != nil && above[top.Above].name() == o.name() {
			top = above[top.Above]
		}
		if name := followed[top.ID]; top != o && name != "" && name != o.name() {
			renames = append(renames, NewName{o.ID, o.named(name)})
		}
	}
	return renames
}

// aside goes by a name of its own where the new one is still another's.
func aside(renames []NewName) []NewName {
	old := map[ID]bool{}
	for _, r := range renames {
		old[nameSpace(r.From)] = true
	}
	var first, then []NewName
	for i, r := range renames {
		if !old[nameSpace(r.To)] {
			then = append(then, r)
			continue
		}
		between := Nameable{ID: r.From}
		if r.From.Kind() == KindConstraint {
			between.Type = Check
		}
		through := between.named("aludel_naming_" + strconv.Itoa(i))
		first, then = append(first, NewName{r.From, through}), append(then, NewName{through, r.To})
	}
	return append(first, then...)
}

// nameSpace is where a name is there once: constraints with an index share the
// relations' names, so any two of one schema and name are kept apart.
func nameSpace(id ID) ID {
	name := id.Name()
	if id.Kind() == KindConstraint {
		name = id.Sub()
	}
	return NewID("", id.Schema(), name, "")
}

// names are those that are taken: of the relations of a schema, and of the
// constraints of a table.
type names map[ID]bool

func takenNames(list []Nameable, relations map[string][]string) names {
	taken := names{}
	for schema, all := range relations {
		for _, name := range all {
			taken[NewID(KindIndex, schema, name, "")] = true
		}
	}
	for i := range list {
		taken.take(&list[i], list[i].name())
	}
	return taken
}

// places are where a name of o has to be free.
func (names) places(o *Nameable, name string) []ID {
	var list []ID
	if o.Type != ForeignKey && o.Type != Check {
		list = append(list, NewID(KindIndex, o.ID.Schema(), name, ""))
	}
	if o.Type != "" {
		list = append(list, NewID(KindConstraint, o.Table.Schema(), o.Table.Name(), name))
	}
	return list
}

func (t names) has(o *Nameable, name string) bool {
	return slices.ContainsFunc(t.places(o, name), func(id ID) bool { return t[id] })
}

func (t names) take(o *Nameable, name string) {
	for _, id := range t.places(o, name) {
		t[id] = true
	}
}

func (t names) free(o *Nameable, name string) {
	for _, id := range t.places(o, name) {
		delete(t, id)
	}
}

// fill writes a name by a pattern. Where there is nothing to put in, as of a
// check that speaks of no column, an underscore goes as well. A number above 0
// tells it from others.
func fill(pattern string, o *Nameable, number int) string {
	values := map[string]string{
		"schema": o.Table.Schema(), "table": o.Table.Name(), "columns": strings.Join(o.Columns, "_"),
		"referred_table": o.Referred.Name(), "referred_columns": strings.Join(o.ReferredColumns, "_"),
	}
	for name, value := range values {
		if value == "" {
			for _, empty := range []string{"_{" + name + "}", "{" + name + "}_"} {
				pattern = strings.ReplaceAll(pattern, empty, "")
			}
		}
	}
	name := placeholder.ReplaceAllStringFunc(pattern, func(match string) string { return values[strings.Trim(match, "{}")] })
	if number > 0 {
		name += strconv.Itoa(number)
	}
	return shortened(name)
}

// shortened is a name in 63 bytes, in the way of SQLAlchemy, and so of Alembic:
// the first 55 bytes, and of an MD5 of the whole the last four digits.
func shortened(name string) string {
	const limit = 63
	if len(name) <= limit {
		return name
	}
	sum := md5.Sum([]byte(name)) //nolint:gosec // see the import
	digits := hex.EncodeToString(sum[:])
	return whole(name[:limit-8]) + "_" + digits[len(digits)-4:]
}
