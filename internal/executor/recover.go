package executor

import (
	"context"
	"fmt"
	"strings"

	"github.com/aludel-db/aludel/internal/sqltext"
)

// index tells whether there is an index, and whether it is valid.
func (o *outside) index(ctx context.Context, name string) (there, valid bool, err error) {
	rows, err := query(ctx, o.conn, "SELECT indisvalid FROM pg_catalog.pg_index WHERE indexrelid = pg_catalog.to_regclass("+sqltext.QuoteLiteral(name)+")")
	if err != nil {
		return false, false, fmt.Errorf("looking for index %s: %w", name, err)
	}
	return len(rows) > 0, len(rows) > 0 && isTrue(rows[0][0]), nil
}

// checkIndexes looks, before the first statement runs, for INVALID indexes of the
// names that the section is to build: what is found later is the section's own.
func (o *outside) checkIndexes(ctx context.Context) error {
	dropped := map[string]bool{}
	for i := range o.section.Statements {
		name, creates, ok := sqltext.ConcurrentIndex(o.section.Statements[i].Text)
		switch {
		case !ok:
			continue
		case !creates:
			dropped[name] = true
			continue
		case dropped[name]:
			continue
		}
		there, valid, err := o.index(ctx, name)
		if err != nil {
			return err
		}
		if there && !valid {
			return o.foreignIndex(i, name)
		}
	}
	return nil
}

// isThere tells that the index which the next statement is to build is there
// already: then it fails, and nothing of it is the section's own.
func (o *outside) isThere(ctx context.Context) (bool, error) {
	name, creates, ok := sqltext.ConcurrentIndex(o.section.Statements[o.done].Text)
	if !ok || !creates {
		return false, nil
	}
	there, _, err := o.index(ctx, name)
	return there, err
}

func (o *outside) foreignIndex(i int, name string) error {
	path, line, _ := o.section.Position(o.section.Statements[i].Offset)
	return &ForeignIndexError{Revision: o.step.Revision.ID, Path: path, Line: line, Index: name}
}

// recover looks at what became of the statement that an earlier run had begun, of
// those that leave something behind when they are cut off.
func (o *outside) recover(ctx context.Context) (skip bool, err error) {
	text := o.section.Statements[o.done].Text
	if table, partition, ok := sqltext.ConcurrentDetach(text); ok {
		return o.recoverDetach(ctx, table, partition)
	}
	if relation, ok := sqltext.ConcurrentReindex(text); ok {
		return false, o.recoverReindex(ctx, relation)
	}
	if name, creates, ok := sqltext.ConcurrentIndex(text); ok {
		return o.recoverIndex(ctx, name, creates)
	}
	return false, nil
}

// recoverIndex: an INVALID index of the same name is what a failed or killed CREATE
// INDEX CONCURRENTLY leaves, and goes; a valid one means that it was done after all.
// One that was there before the earlier run is neither.
func (o *outside) recoverIndex(ctx context.Context, name string, creates bool) (skip bool, err error) {
	there, valid, err := o.index(ctx, name)
	switch {
	case err != nil:
		return false, err
	case !there:
		return !creates, nil // a DROP is done, a CREATE is not
	case !creates:
		return false, nil
	case strings.Contains(o.failure, duplicateTable):
		return false, o.foreignIndex(o.done, name)
	case valid:
		return true, nil
	}
	return false, o.dropLeft(ctx, name)
}

// dropLeft drops an INVALID index that an earlier attempt has left.
func (o *outside) dropLeft(ctx context.Context, name string) error {
	if _, err := query(ctx, o.conn, "DROP INDEX CONCURRENTLY "+name); err != nil {
		return fmt.Errorf("dropping the invalid index %s that an earlier attempt left: %w", name, err)
	}
	e := o.event(IndexDropped, o.i)
	e.Object = name
	o.OnEvent(e)
	return nil
}

// recoverDetach: the first of its two transactions marks the partition, and then
// only FINALIZE is taken; where it is none any more it was done.
func (o *outside) recoverDetach(ctx context.Context, table, partition string) (skip bool, err error) {
	rows, err := query(ctx, o.conn, "SELECT inhdetachpending FROM pg_catalog.pg_inherits WHERE inhparent = pg_catalog.to_regclass("+
		sqltext.QuoteLiteral(table)+") AND inhrelid = pg_catalog.to_regclass("+sqltext.QuoteLiteral(partition)+")")
	switch {
	case err != nil:
		return false, fmt.Errorf("looking for the partition %s: %w", partition, err)
	case len(rows) == 0:
		return true, nil
	case !isTrue(rows[0][0]):
		return false, nil
	}
	if _, err := o.send(ctx, "ALTER TABLE "+table+" DETACH PARTITION "+partition+" FINALIZE"); err != nil {
		return false, fmt.Errorf("finishing the detachment of %s that an earlier attempt began: %w", partition, err)
	}
	return true, nil
}

// recoverReindex drops what a REINDEX CONCURRENTLY that was cut off leaves: INVALID
// indexes beside those that it was to replace, named after them with _ccnew or
// _ccold and perhaps a number ("Rebuilding Indexes Concurrently" in PostgreSQL's
// documentation).
func (o *outside) recoverReindex(ctx context.Context, relation string) error {
	rows, err := query(ctx, o.conn, "SELECT i.indexrelid::pg_catalog.regclass::text FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid "+
		"WHERE NOT i.indisvalid AND c.relname ~ '_cc(new|old)[0-9]*$' AND i.indrelid = (SELECT coalesce((SELECT x.indrelid FROM pg_catalog.pg_index x WHERE x.indexrelid = r), r) "+
		"FROM (SELECT pg_catalog.to_regclass("+sqltext.QuoteLiteral(relation)+")::oid) AS relation (r))")
	if err != nil {
		return fmt.Errorf("looking for what REINDEX has left: %w", err)
	}
	for _, row := range rows {
		if err := o.dropLeft(ctx, string(row[0])); err != nil {
			return err
		}
	}
	return nil
}
