package catalog

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
)

// A Relation is a table, a view or a sequence: its OID, and what it was called; that
// is empty of one that is new.
type Relation struct {
	OID          uint32
	Schema, Name string
}

// Reread is the catalog, which was read with the same options, as it is after
// something has happened to some relations and to nothing else. Only these are read,
// with what is theirs. None of them may be attached to another.
//
// What they need is told where needs is set, which takes longer; without, the outcome
// is one to compare for equality.
func Reread(ctx context.Context, conn *pgx.Conn, before *Catalog, options Options, touched []Relation, needs bool) (*Catalog, error) {
	only, gone := make([]uint32, len(touched)), make(map[[2]string]bool, len(touched))
	for i, r := range touched {
		only[i] = r.OID
		if r.Name != "" {
			gone[[2]string{r.Schema, r.Name}] = true
		}
	}
	var now *reader
	var err error
	if needs {
		now, err = readNeeding(ctx, conn, options, only)
	} else {
		now, err = read(ctx, conn, options, partly, only)
	}
	if err != nil {
		return nil, fmt.Errorf("reading a part of the catalog: %w", err)
	}
	come := make(map[[2]string]bool, len(touched))
	for _, oid := range only {
		if o := now.byOID[addressOf(classClass, oid, 0)]; o != nil {
			come[relationOf(o)] = true
		}
	}
	after := *now.catalog
	after.Unsupported = before.Unsupported
	after.objects, after.places = make([]Object, 0, len(before.objects)), make(map[ID]int32, len(before.objects))
	for _, o := range before.objects {
		if !gone[relationOf(o)] {
			after.put(o)
		}
	}
	for _, o := range now.catalog.objects {
		if come[relationOf(o)] {
			after.put(o)
		}
	}
	return &after, nil
}

// readNeeding reads relations, with those that they stand on, and all that is none.
func readNeeding(ctx context.Context, conn *pgx.Conn, options Options, only []uint32) (*reader, error) {
	rows, err := conn.Query(ctx, `WITH one (oid) AS (SELECT pg_catalog.unnest($1::pg_catalog.oid[]))
SELECT DISTINCT coalesce(i.indrelid, d.refobjid) FROM pg_catalog.pg_depend d LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = d.refobjid
WHERE d.refclassid = 1259 AND (d.classid, d.objid) IN (SELECT 1259, oid FROM one
  UNION ALL SELECT 1259, indexrelid FROM pg_catalog.pg_index JOIN one ON oid = indrelid
  UNION ALL SELECT 2604, x.oid FROM pg_catalog.pg_attrdef x JOIN one ON one.oid = adrelid
  UNION ALL SELECT 2606, x.oid FROM pg_catalog.pg_constraint x JOIN one ON one.oid = conrelid
  UNION ALL SELECT 2618, x.oid FROM pg_catalog.pg_rewrite x JOIN one ON one.oid = ev_class
  UNION ALL SELECT 2620, x.oid FROM pg_catalog.pg_trigger x JOIN one ON one.oid = tgrelid
  UNION ALL SELECT 3256, x.oid FROM pg_catalog.pg_policy x JOIN one ON one.oid = polrelid)`, only)
	if err != nil {
		return nil, err
	}
	needed, err := pgx.CollectRows(rows, pgx.RowTo[uint32])
	if err != nil {
		return nil, err
	}
	return read(ctx, conn, options, needing, slices.Concat(only, needed))
}

// relationOf names the table, view or sequence that an object is, or belongs to.
func relationOf(o Object) [2]string {
	id := o.Base().ID
	switch o := o.(type) {
	case *Table, *View, *Sequence, *Column, *Default, *Trigger, *Rule, *Policy:
	case *Index:
		id = o.Table
	case *Constraint:
		if o.Domain {
			return [2]string{}
		}
	default:
		return [2]string{}
	}
	return [2]string{id.Schema(), id.Name()}
}
