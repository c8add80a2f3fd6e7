package catalog

import "github.com/jackc/pgx/v5"

// An Index is one that belongs to no constraint and is no part of a
// partitioned index.
type Index struct {
	Common
	Table ID // or a materialized view
	// Definition is CREATE INDEX as PostgreSQL writes it, without the storage
	// parameters.
	Definition string
	Unique     bool
	Options    []string
	Tablespace string
	// Statistics are targets of expressions, by their number in the index.
	Statistics []IndexStatistics
	// Invalid is what a failed CREATE INDEX CONCURRENTLY leaves.
	Invalid bool
}

// IndexStatistics is the target of an indexed expression.
type IndexStatistics struct{ Column, Target int }

func (r *reader) indexes() []query {
	byOID := map[uint32]*Index{}
	return []query{
		{
			"indexes", `SELECT i.indexrelid, i.indrelid, n.nspname::text, c.relname::text, pg_catalog.pg_get_indexdef(i.indexrelid), i.indisunique,
  coalesce(c.reloptions, '{}'), coalesce(ts.spcname::text, ''), NOT i.indisvalid
FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_tablespace ts ON ts.oid = c.reltablespace
WHERE n.nspname` + userSchemas + `AND NOT c.relispartition
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint k WHERE k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x'))`,
			func(rows pgx.Rows) error {
				i := &Index{}
				var oid, table uint32
				var options []string
				if err := rows.Scan(&oid, &table, &i.ID.Schema, &i.ID.Name, &i.Definition, &i.Unique, &options, &i.Tablespace, &i.Invalid); err != nil {
					return err
				}
				i.ID.Kind, i.Options = KindIndex, storageOptions(options, nil)
				i.Definition = normalExpression(withoutOptions(i.Definition, options))
				byOID[oid] = i
				r.indexTables = append(r.indexTables, indexTable{i, table})
				r.at(address{classClass, oid, 0}, i.ID)
				return nil
			},
		},
		{
			"index statistics", `SELECT a.attrelid, a.attnum, a.attstattarget FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
WHERE c.relkind IN ('i', 'I') AND a.attstattarget >= 0 ORDER BY a.attrelid, a.attnum`,
			func(rows pgx.Rows) error {
				var oid uint32
				var column, target int16
				err := rows.Scan(&oid, &column, &target)
				if i := byOID[oid]; i != nil {
					i.Statistics = append(i.Statistics, IndexStatistics{int(column), int(target)})
				}
				return err
			},
		},
	}
}

// An indexTable is an index and the OID of what it is on, which may be a
// materialized view that is read later.
type indexTable struct {
	index *Index
	table uint32
}
