package executor

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/aludel-db/aludel/internal/revision"
	"github.com/aludel-db/aludel/internal/sqltext"
	"github.com/aludel-db/aludel/internal/versiontable"
)

// A BatchError is a table that a statement can't run over in batches.
type BatchError struct {
	Path         string
	Line, Column int
	Message      string
	Hint         string // the mend
}

func (e *BatchError) Error() string {
	return fmt.Sprintf("%s:%d:%d: %s", e.Path, e.Line, e.Column, e.Message)
}

// A batchKey is a table's primary key.
type batchKey struct {
	table   string
	columns []string // quoted
	types   []string // of a literal; empty where it takes the column's
}

// batchKey looks up the primary key of a batch's table, as the session finds it.
func (o *outside) batchKey(ctx context.Context, spec *revision.Batch) (*batchKey, error) {
	k := &batchKey{table: spec.Table}
	found, kind := false, ""
	_, err := o.ask(ctx, keySQL(spec.Table), func(_ int, values [][]byte) {
		found, kind = true, string(values[0])
		if values[1] != nil {
			k.columns, k.types = append(k.columns, string(values[1])), append(k.types, string(values[2]))
		}
	})
	message, hint := "", ""
	switch {
	case err != nil:
		return nil, fmt.Errorf("looking at table %s: %w", spec.Table, err)
	case !found:
		message, hint = "there is no table "+spec.Table+" to run over in batches", "names without a schema are looked for in "+sqltext.QuoteIdent(o.Table.Target)
	case kind != "r" && kind != "p":
		message, hint = spec.Table+" is not a table", "name the table whose primary key the batches are to follow"
	case len(k.columns) == 0:
		message, hint = "table "+spec.Table+" has no primary key for batches to follow", "add one first, or run the statement as a whole, without \"-- migrate:batch\""
	default:
		return k, nil
	}
	return nil, o.batchError(spec, message, hint)
}

func (o *outside) batchError(spec *revision.Batch, message, hint string) error {
	path, line, column := o.section.Position(spec.Offset)
	return &BatchError{Path: path, Line: line, Column: column, Message: message, Hint: hint}
}

// keySQL asks for a table's kind and the columns of its primary key. A literal
// is given the type of its column, without its length, or for a domain none: a
// domain may have a collation of its own, which would contend with the column's.
func keySQL(table string) string {
	return `SELECT c.relkind, pg_catalog.quote_ident(a.attname),
  CASE WHEN t.typtype = 'd' THEN '' ELSE pg_catalog.format_type(a.atttypid, -1) END
FROM pg_catalog.pg_class c
LEFT JOIN pg_catalog.pg_index i ON i.indrelid = c.oid AND i.indisprimary
LEFT JOIN LATERAL pg_catalog.unnest(i.indkey[0:i.indnkeyatts - 1]) WITH ORDINALITY AS k (attnum, place) ON true
LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum
LEFT JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
WHERE c.oid = pg_catalog.to_regclass(` + sqltext.QuoteLiteral(table) + `) ORDER BY k.place`
}

// literal writes a key as SQL: a value, or a row of them.
func (k *batchKey) literal(values []string) string {
	list := make([]string, len(values))
	for i, v := range values {
		if list[i] = sqltext.QuoteLiteral(v); k.types[i] != "" {
			list[i] += "::" + k.types[i]
		}
	}
	if len(list) == 1 {
		return list[0]
	}
	return "ROW(" + strings.Join(list, ", ") + ")"
}

// row writes the key's columns as something that compares with a literal.
func (k *batchKey) row() string {
	if len(k.columns) == 1 {
		return k.columns[0]
	}
	return "ROW(" + strings.Join(k.columns, ", ") + ")"
}

// firstAnswer is the place of the first of several queries within reading.
const firstAnswer = 3

// reading puts queries into a transaction in which PostgreSQL writes values so
// that they read back the same under any setting.
func (k *batchKey) reading(queries ...string) string {
	return "BEGIN READ ONLY;\nSET LOCAL datestyle = ISO;\nSET LOCAL extra_float_digits = 1;\n" +
		strings.Join(queries, ";\n") + ";\nCOMMIT;\n"
}

// lastSQL asks for the table's last key. The index gives it without a scan.
func (k *batchKey) lastSQL() string {
	return "SELECT " + strings.Join(k.columns, ", ") + " FROM " + k.table + " ORDER BY " + strings.Join(k.columns, " DESC, ") + " DESC LIMIT 1"
}

// estimateSQL has the planner guess how many rows there are: it goes by the
// table's size even where nobody has analysed it.
func (k *batchKey) estimateSQL() string { return "EXPLAIN (FORMAT JSON) SELECT FROM " + k.table }

// planRows reads the answer to estimateSQL.
func planRows(values [][]byte) int64 {
	var plans []struct {
		Plan struct {
			Rows int64 `json:"Plan Rows"`
		}
	}
	if json.Unmarshal(values[0], &plans) != nil || len(plans) == 0 {
		return 0 // an estimate can be missed
	}
	return plans[0].Plan.Rows
}

// stretchSQL asks for the first and the last key of the next batch: a row for
// each, one where they are the same, with the number of rows in front.
func (k *batchKey) stretchSQL(at *versiontable.Batch) string {
	columns := strings.Join(k.columns, ", ")
	where := k.row() + " <= " + k.literal(at.End)
	if at.Last != nil {
		where += " AND " + k.row() + " > " + k.literal(at.Last)
	}
	names := make([]string, len(k.columns))
	for i := range names {
		names[i] = fmt.Sprintf("k%d", i+1)
	}
	list := strings.Join(names, ", ")
	return fmt.Sprintf(`WITH batch (%[1]s) AS (SELECT %[2]s FROM %[3]s WHERE %[4]s ORDER BY %[2]s LIMIT %[5]d),
numbered AS (SELECT %[1]s, pg_catalog.row_number() OVER (ORDER BY %[1]s) AS number, pg_catalog.count(*) OVER () AS rows FROM batch)
SELECT rows, %[1]s FROM numbered WHERE number IN (1, rows) ORDER BY number`, list, columns, k.table, where, at.Size)
}

// lagSQL names a replica that has fallen behind by more than a second, or by
// more than a segment of the log: the time stands still where one has stopped.
// Who may not see that (pg_read_all_stats) gets no row.
const lagSQL = `SELECT pg_catalog.format('replica %s is %s behind', coalesce(nullif(application_name, ''), pid::text),
  CASE WHEN bytes > 16777216 THEN pg_catalog.pg_size_pretty(bytes) ELSE pg_catalog.date_trunc('milliseconds', replay_lag)::text END)
FROM (SELECT *, pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_lsn(), replay_lsn) AS bytes FROM pg_catalog.pg_stat_replication) AS replica
WHERE state IN ('streaming', 'catchup') AND (replay_lag > interval '1 second' OR bytes > 16777216)
ORDER BY bytes DESC LIMIT 1`
