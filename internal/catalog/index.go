package catalog

import (
	"strings"
	"unicode/utf8"
)

// An Index is one that belongs to no constraint.
type Index struct {
	Common
	Table ID // or a materialized view
	// Definition is CREATE INDEX as PostgreSQL writes it, without the storage
	// parameters.
	Definition string
	Unique     bool
	Options    Parameters
	Tablespace string
	// Statistics are targets of expressions, by their number in the index.
	Statistics []IndexStatistics
	// Invalid is what a failed CREATE INDEX CONCURRENTLY leaves.
	Invalid bool
	// Above is the index that it is a part of, an index's or a constraint's;
	// zero for others.
	Above ID
	// NameGiven tells that such a part has not the name that PostgreSQL gives.
	NameGiven bool
}

// IndexStatistics is the target of an indexed expression.
type IndexStatistics struct{ Column, Target int }

func (r *reader) indexes() []query {
	byOID := map[uint32]*Index{}
	return []query{
		{
			"indexes", `SELECT i.indexrelid, i.indrelid, n.nspname::text, c.relname::text, pg_catalog.pg_get_indexdef(i.indexrelid), i.indisunique,
  coalesce(c.reloptions, '{}'), coalesce(ts.spcname::text, ''), NOT i.indisvalid,
  CASE WHEN c.relispartition THEN (SELECT h.inhparent FROM pg_catalog.pg_inherits h WHERE h.inhrelid = i.indexrelid) ELSE 0 END, tc.relname::text,
  CASE WHEN c.relispartition THEN (SELECT pg_catalog.array_agg(ia.attname::text ORDER BY ia.attnum) FROM pg_catalog.pg_attribute ia WHERE ia.attrelid = c.oid) END
FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_class tc ON tc.oid = i.indrelid
LEFT JOIN pg_catalog.pg_tablespace ts ON ts.oid = c.reltablespace
WHERE n.nspname` + userSchemas + `AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint k WHERE k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x'))` + r.picked("i.indrelid"),
			func(row *row) error {
				i := &Index{}
				var oid, table uint32
				var above uint32
				var tableName string
				var options, columns []string
				var at named
				if err := row.scan(&oid, &table, &at.schema, &at.name, &i.Definition, &i.Unique, &options, &i.Tablespace, &i.Invalid,
					&above, &tableName, &columns); err != nil {
					return err
				}
				i.ID, i.Options = at.id(KindIndex), storageOptions(options, nil)
				i.Definition = normalExpression(withoutOptions(i.Definition, options))
				i.NameGiven = above != 0 && !isGeneratedName(i.ID.Name(), tableName, columns, "idx")
				byOID[oid] = i
				if above != 0 {
					r.parts = append(r.parts, part{&i.Above, above})
				}
				relation := r.relations[table]
				if relation == nil {
					return nil
				}
				i.Table = relation.Base().ID
				r.add(i, classClass, oid)
				return nil
			},
		},
		{
			"index statistics", `SELECT a.attrelid, a.attnum, a.attstattarget FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
WHERE c.relkind IN ('i', 'I') AND a.attstattarget >= 0 ORDER BY a.attrelid, a.attnum`,
			func(row *row) error {
				var oid uint32
				var column, target int16
				err := row.scan(&oid, &column, &target)
				if i := byOID[oid]; i != nil {
					i.Statistics = append(i.Statistics, IndexStatistics{int(column), int(target)})
				}
				return err
			},
		},
	}
}

// A part is where to write what an index is a part of, and that one's OID.
type part struct {
	above *ID
	oid   uint32
}

// isGeneratedName tells that PostgreSQL would give an index this name by
// itself, perhaps with a number because that was taken.
func isGeneratedName(name, table string, columns []string, label string) bool {
	rest, ok := strings.CutPrefix(name, GeneratedName(table, columns, label))
	return ok && strings.Trim(rest, "0123456789") == ""
}

// GeneratedName is the name that PostgreSQL gives an index or the sequence of a
// column: the table's, its columns' and a label, cut to 63 bytes
// (makeObjectName).
func GeneratedName(table string, columns []string, label string) string {
	const limit = 63
	all := strings.Join(columns, "_")
	free := limit - len(label) - 1
	if all != "" {
		free--
	}
	for len(table)+len(all) > free {
		if len(table) > len(all) {
			table = table[:len(table)-1]
		} else {
			all = all[:len(all)-1]
		}
	}
	table, all = whole(table), whole(all)
	if all != "" {
		table += "_" + all
	}
	return table + "_" + label
}

// whole takes off what is left of a character that was cut through
// (pg_mbcliplen).
func whole(text string) string {
	for text != "" && !utf8.ValidString(text) {
		text = text[:len(text)-1]
	}
	return text
}
