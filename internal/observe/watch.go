package observe

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
)

// A Watch notices what happens to the definitions in a database that nobody else
// changes. PostgreSQL marks every row, of its own catalogs too, with the
// transactions that made it (xmin) and that took it away (xmax); so those that are
// younger than the watch say exactly what has been touched, whatever was meant to
// be.
//
// It holds a snapshot as long: CREATE INDEX CONCURRENTLY would wait for its end.
type Watch struct {
	before   pgx.Tx // sees what was there
	since    uint64 // the first transaction that comes after it
	catalogs []string
}

// A Relation is a table, a view or a sequence.
type Relation struct {
	OID uint32
	// Schema and Name are what it was called when the watch began; empty of one that is
	// new.
	Schema, Name string
}

// StartWatch begins a watch on a connection that is used for nothing else meanwhile.
func StartWatch(ctx context.Context, conn *pgx.Conn) (*Watch, error) {
	tx, err := conn.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err != nil {
		return nil, fmt.Errorf("watching the database: %w", err)
	}
	w := &Watch{before: tx}
	if err := w.start(ctx); err != nil {
		return nil, fmt.Errorf("watching the database: %w", errors.Join(err, tx.Rollback(ctx)))
	}
	return w, nil
}

// start reads which are the catalogs; later versions may have some that nobody here
// knows. Of those that all databases share, some have what definitions speak of.
func (w *Watch) start(ctx context.Context) error {
	var since string
	err := w.before.QueryRow(ctx, `SELECT pg_catalog.pg_snapshot_xmax(pg_catalog.pg_current_snapshot())::text, pg_catalog.array_agg(relname::text)
  FROM pg_catalog.pg_class WHERE relnamespace = 'pg_catalog'::pg_catalog.regnamespace AND relkind = 'r' AND oid < 16384
  AND (NOT relisshared OR relname IN ('pg_subscription', 'pg_authid', 'pg_tablespace'))`).Scan(&since, &w.catalogs)
	if err == nil {
		w.since, err = strconv.ParseUint(since, 10, 32) // a throw-away server is too young for its numbers to come round again
	}
	return err
}

// End tells which relations were touched, with those whose definitions may read in
// another way for it. Elsewhere tells that something else was touched as well, or
// that it can't be said what.
func (w *Watch) End(ctx context.Context, conn *pgx.Conn) (touched []Relation, elsewhere bool, err error) {
	touched, elsewhere, err = w.end(ctx, conn)
	if err = errors.Join(err, w.before.Rollback(ctx)); err != nil {
		err = fmt.Errorf("seeing what has happened to the database: %w", err)
	}
	return touched, elsewhere, err
}

func (w *Watch) end(ctx context.Context, conn *pgx.Conn) (touched []Relation, elsewhere bool, err error) {
	var come []uint32
	done := make(chan error, 1)
	go func() { // each has a session
		var err error
		come, err = oids(ctx, conn, touchedSQL(w.catalogs, "xmin", w.since))
		done <- err
	}()
	gone, err := oids(ctx, w.before, touchedSQL(w.catalogs, "xmax", w.since))
	if err = errors.Join(err, <-done); err != nil {
		return nil, false, err
	}
	known := map[uint32]bool{}
	for _, oid := range append(gone, come...) {
		if elsewhere = elsewhere || oid == 0; oid != 0 && !known[oid] {
			known[oid] = true
			touched = append(touched, Relation{OID: oid})
		}
	}
	return touched, elsewhere, w.name(ctx, touched)
}

// name says what the relations were called.
func (w *Watch) name(ctx context.Context, touched []Relation) error {
	at := map[uint32]int{}
	for i, r := range touched {
		at[r.OID] = i
	}
	rows, err := w.before.Query(ctx, fmt.Sprintf(`SELECT c.oid, n.nspname::text, c.relname::text FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = ANY ('%s'::pg_catalog.oid[])`, oidArray(touched)))
	if err != nil {
		return err
	}
	var r Relation
	_, err = pgx.ForEachRow(rows, []any{&r.OID, &r.Schema, &r.Name}, func() error {
		touched[at[r.OID]] = r
		return nil
	})
	return err
}

type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

func oids(ctx context.Context, conn querier, sql string) ([]uint32, error) {
	rows, err := conn.Query(ctx, sql)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[uint32])
}

// oidArray writes an array as a constant.
func oidArray(relations []Relation) string {
	list := make([]string, len(relations))
	for i, r := range relations {
		list[i] = strconv.FormatUint(uint64(r.OID), 10)
	}
	return "{" + strings.Join(list, ",") + "}"
}

// relationOf answers the OID of the relation that a row x of a catalog is about,
// or belongs to: that of an index or a TOAST table will do.
var relationOf = map[string]string{
	"pg_class":      "x.oid",
	"pg_attribute":  "x.attrelid",
	"pg_attrdef":    "x.adrelid",
	"pg_index":      "x.indexrelid",
	"pg_constraint": "x.conrelid",
	"pg_trigger":    "x.tgrelid",
	"pg_rewrite":    "x.ev_class",
	"pg_policy":     "x.polrelid",
	"pg_sequence":   "x.seqrelid",
	// Each relation has a type of its rows, and an array type of that.
	"pg_type":        "CASE WHEN x.typrelid <> 0 THEN x.typrelid ELSE (SELECT e.typrelid FROM pg_catalog.pg_type e WHERE e.oid = x.typelem AND e.typarray = x.oid) END",
	"pg_depend":      addressed("x.classid", "x.objid"),
	"pg_description": addressed("x.classoid", "x.objoid"),
}

// noDefinitions are catalogs of what is known of the rows in tables, and of rows.
var noDefinitions = map[string]bool{"pg_statistic": true, "pg_statistic_ext_data": true, "pg_largeobject": true, "pg_largeobject_metadata": true}

// addressed is the relation of an object that a catalog and an OID name.
func addressed(class, oid string) string {
	return strings.NewReplacer("CLASS", class, "OBJECT", oid).Replace(`CASE CLASS WHEN 1259 THEN OBJECT
    WHEN 1247 THEN (SELECT CASE WHEN t.typrelid <> 0 THEN t.typrelid ELSE (SELECT e.typrelid FROM pg_catalog.pg_type e WHERE e.oid = t.typelem AND e.typarray = t.oid) END FROM pg_catalog.pg_type t WHERE t.oid = OBJECT)
    WHEN 2604 THEN (SELECT d.adrelid FROM pg_catalog.pg_attrdef d WHERE d.oid = OBJECT)
    WHEN 2606 THEN (SELECT k.conrelid FROM pg_catalog.pg_constraint k WHERE k.oid = OBJECT)
    WHEN 2618 THEN (SELECT w.ev_class FROM pg_catalog.pg_rewrite w WHERE w.oid = OBJECT)
    WHEN 2620 THEN (SELECT g.tgrelid FROM pg_catalog.pg_trigger g WHERE g.oid = OBJECT)
    WHEN 3256 THEN (SELECT p.polrelid FROM pg_catalog.pg_policy p WHERE p.oid = OBJECT) END`)
}

// touchedSQL lists the OIDs of relations that have rows in the catalogs whose
// system column is since or later, with those that stand on them: their
// definitions speak of them by name. age counts backwards from the next transaction;
// of none, and of those that were there when the server was made, it is the largest. 0 is what is no relation, or one whose
// definition depends on others in more ways.
func touchedSQL(catalogs []string, column string, since uint64) string {
	var hits []string
	for _, catalog := range catalogs {
		of, known := relationOf[catalog]
		if noDefinitions[catalog] {
			continue
		}
		if !known {
			of = "0::pg_catalog.oid"
		}
		hits = append(hits, fmt.Sprintf("SELECT %s FROM pg_catalog.%s x WHERE pg_catalog.age(x.%s) <= pg_catalog.age('%d'::pg_catalog.xid)", of, catalog, column, since))
	}
	return `WITH hit (oid) AS MATERIALIZED (` + strings.Join(hits, "\nUNION ALL ") + `),
touched (oid) AS MATERIALIZED (SELECT DISTINCT ` + whole("hit.oid") + ` FROM hit),
standing (oid) AS (SELECT ` + addressed("s.classid", "s.objid") + ` FROM pg_catalog.pg_depend s
  WHERE s.refclassid = 1259 AND s.refobjid IN (SELECT oid FROM touched)
  UNION ALL SELECT s.refobjid FROM pg_catalog.pg_depend s -- the table of a sequence
  WHERE s.classid = 1259 AND s.refclassid = 1259 AND s.deptype IN ('a', 'i') AND s.objid IN (SELECT oid FROM touched)),
told (oid) AS MATERIALIZED (SELECT oid FROM touched UNION SELECT ` + whole("standing.oid") + ` FROM standing)
SELECT oid FROM told
UNION SELECT s.objid FROM pg_catalog.pg_depend s JOIN pg_catalog.pg_class c ON c.oid = s.objid AND c.relkind = 'S' -- the sequences of all these
  WHERE s.classid = 1259 AND s.refclassid = 1259 AND s.deptype IN ('a', 'i') AND s.refobjid IN (SELECT oid FROM told)
UNION SELECT 0 FROM pg_catalog.pg_inherits WHERE inhrelid IN (SELECT oid FROM touched) OR inhparent IN (SELECT oid FROM touched)`
}

// whole is the table of an index, of a TOAST table or of that one's index, which
// have its OID in their names; 0 of a composite type.
func whole(oid string) string {
	return `coalesce((SELECT CASE c.relkind WHEN 't' THEN pg_catalog.substring(c.relname::text, '^pg_toast_([0-9]+)')::pg_catalog.oid WHEN 'c' THEN 0 ELSE c.oid END
  FROM pg_catalog.pg_class c WHERE c.oid = coalesce((SELECT i.indrelid FROM pg_catalog.pg_index i WHERE i.indexrelid = ` + oid + `), ` + oid + `)), 0)`
}
