package ddl_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/aludel-db/aludel/internal/catalog"
	"github.com/aludel-db/aludel/internal/ddl"
	"github.com/aludel-db/aludel/internal/sqltext"
)

// A watcher compares what statements say of their locks and of rewriting with
// what the server does.
type watcher struct {
	tables map[uint32]catalog.ID // those that were there before
	above  map[uint32][]uint32   // what each hangs on
	files  map[uint32]uint32     // where their rows are
	aside  bool                  // that a table was set aside
	major  int
	online bool // nobody may be kept from reading and writing while rows are read
	// open tells of a transaction, in which locks were said.
	open bool
	said map[catalog.ID]ddl.LockMode
}

// rowsRead counts, by table, those that the session has read, as far as it has
// not reported them yet: only differences say something.
func rowsRead(conn *pgx.Conn) (map[uint32]int, error) {
	rows, _ := conn.Query(context.Background(), "SELECT relid, seq_tup_read FROM pg_stat_xact_user_tables")
	read := map[uint32]int{}
	var oid uint32
	var n int
	_, err := pgx.ForEachRow(rows, []any{&oid, &n}, func() error {
		read[oid] = n
		return nil
	})
	return read, err
}

// checkOnline looks whether rows were read, or written anew, under a lock that
// keeps others from writing.
func (w *watcher) checkOnline(conn *pgx.Conn, s ddl.Statement, before map[uint32]int) error {
	after, err := rowsRead(conn)
	if err != nil {
		return err
	}
	rows, _ := conn.Query(context.Background(), "SELECT relation, mode FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'relation' AND mode IN ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')")
	var oid uint32
	var mode string
	var wrong []error
	_, err = pgx.ForEachRow(rows, []any{&oid, &mode}, func() error {
		if id, known := w.tables[oid]; known && after[oid] > before[oid] {
			wrong = append(wrong, fmt.Errorf("reads the rows of %s under %s: %s", id, mode, s.SQL))
		}
		return nil
	})
	return errors.Join(append(wrong, err)...)
}

func watchLocks(conn *pgx.Conn, major int) (*watcher, error) {
	w := &watcher{major: major, tables: map[uint32]catalog.ID{}, above: map[uint32][]uint32{}}
	rows, _ := conn.Query(context.Background(), `SELECT c.oid, CASE WHEN c.relkind IN ('v', 'm') THEN 'view' ELSE 'table' END, n.nspname::text, c.relname::text
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p', 'f', 'v', 'm') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'`)
	var oid uint32
	var kind, schema, name string
	_, err := pgx.ForEachRow(rows, []any{&oid, &kind, &schema, &name}, func() error {
		w.tables[oid] = catalog.NewID(catalog.Kind(kind), schema, name, "")
		return nil
	})
	if err != nil {
		return nil, err
	}
	if err := w.hang(conn); err != nil {
		return nil, err
	}
	w.files, err = w.filesOf(conn)
	return w, err
}

func (w *watcher) filesOf(conn *pgx.Conn) (map[uint32]uint32, error) {
	rows, _ := conn.Query(context.Background(), "SELECT oid, relfilenode FROM pg_class WHERE oid >= 16384 AND relkind IN ('r', 'm')")
	files := map[uint32]uint32{}
	var oid, file uint32
	_, err := pgx.ForEachRow(rows, []any{&oid, &file}, func() error {
		files[oid] = file
		return nil
	})
	return files, err
}

// run executes a statement: in a transaction of its own, where it can be in one, or
// online in one with those before, as it will be in a file.
func (w *watcher) run(conn *pgx.Conn, s ddl.Statement) error {
	ctx := context.Background()
	if !s.Transactional {
		if err := w.commit(conn); err != nil {
			return err
		}
		_, err := conn.Exec(ctx, inOne(s), pgx.QueryExecModeSimpleProtocol)
		return err
	}
	if !w.open {
		if _, err := conn.Exec(ctx, "BEGIN"); err != nil {
			return err
		}
		w.open, w.said = true, map[catalog.ID]ddl.LockMode{}
	}
	before, err := rowsRead(conn)
	if err != nil {
		return err
	}
	if _, err := conn.Exec(ctx, s.SQL, pgx.QueryExecModeSimpleProtocol); err != nil {
		_, back := conn.Exec(ctx, "ROLLBACK")
		return errors.Join(err, back)
	}
	wrong := w.check(conn, s)
	if w.online {
		wrong = errors.Join(wrong, w.checkOnline(conn, s, before))
	}
	if !w.online || s.CommitAfter {
		wrong = errors.Join(w.commit(conn), wrong)
	}
	return wrong
}

// inOne is a statement that runs in batches as one over all rows.
func inOne(s ddl.Statement) string {
	if s.Batch == nil {
		return s.SQL
	}
	key := strings.Join(s.Batch.Key, ", ")
	end := func(direction string) string {
		return "(SELECT " + key + " FROM " + s.Batch.Table + " ORDER BY " + strings.Join(s.Batch.Key, direction+", ") + direction + " LIMIT 1)"
	}
	sql, _ := sqltext.Bind(s.SQL, sqltext.Bounds(s.SQL), end(""), end(" DESC"))
	return sql
}

// commit ends the transaction, if there is one.
func (w *watcher) commit(conn *pgx.Conn) error {
	if !w.open {
		return nil
	}
	w.open = false
	if _, err := conn.Exec(context.Background(), "COMMIT"); err != nil {
		return err
	}
	return w.hang(conn)
}

// hang looks what hangs on what by now.
func (w *watcher) hang(conn *pgx.Conn) error {
	clear(w.above)
	rows, _ := conn.Query(context.Background(), "SELECT inhrelid, inhparent FROM pg_inherits")
	var child, parent uint32
	_, err := pgx.ForEachRow(rows, []any{&child, &parent}, func() error {
		w.above[child] = append(w.above[child], parent)
		return nil
	})
	return err
}

func (w *watcher) check(conn *pgx.Conn, s ddl.Statement) error {
	rows, _ := conn.Query(context.Background(), "SELECT relation, mode FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'relation' AND database <> 0")
	held := map[uint32]ddl.LockMode{}
	var oid uint32
	var mode string
	if _, err := pgx.ForEachRow(rows, []any{&oid, &mode}, func() error {
		held[oid] = max(held[oid], modes[mode])
		return nil
	}); err != nil {
		return err
	}
	// A table that was set aside is locked from then on, in one transaction, and
	// so is what hangs on it.
	if w.aside = w.aside || strings.Contains(s.SQL, "aludel_aside"); w.aside {
		return nil
	}
	said := w.said
	for _, l := range s.Locks {
		said[l.Table] = max(said[l.Table], l.Mode)
	}
	var wrong []error
	for oid, id := range w.tables {
		if held[oid] < ddl.ShareUpdateExclusive {
			held[oid] = 0
		}
		if held[oid] > w.claimed(oid, said) {
			wrong = append(wrong, fmt.Errorf("locks %s in mode %s, said are %v: %s", id, held[oid], s.Locks, s.SQL))
		}
		// Before PostgreSQL 15 a foreign key to a partitioned table has triggers
		// on the partitions only.
		if said[id] > held[oid] && w.major >= 15 {
			wrong = append(wrong, fmt.Errorf("says to lock %s in mode %s, and does in mode %d: %s", id, said[id], held[oid], s.SQL))
		}
	}
	files, err := w.filesOf(conn)
	if err != nil {
		return err
	}
	rewrote := false
	for oid, file := range files {
		if was, known := w.files[oid]; known && was != file {
			if _, isOld := w.tables[oid]; isOld {
				rewrote = true
			}
		}
	}
	w.files = files
	if rewrote && !slices.Contains(s.Hazards, ddl.Rewrite) && !strings.HasPrefix(s.SQL, "REFRESH ") {
		wrong = append(wrong, fmt.Errorf("rewrites a table and doesn't say so: %s", s.SQL))
	}
	if rewrote && w.online && s.NotOnline == "" {
		wrong = append(wrong, fmt.Errorf("rewrites a table and doesn't say why: %s", s.SQL))
	}
	return errors.Join(wrong...)
}

// claimed is the mode said for a table or for one that it hangs on.
func (w *watcher) claimed(oid uint32, said map[catalog.ID]ddl.LockMode) ddl.LockMode {
	mode := said[w.tables[oid]]
	for _, above := range w.above[oid] {
		mode = max(mode, w.claimed(above, said))
	}
	return mode
}

var modes = map[string]ddl.LockMode{
	"AccessShareLock": ddl.AccessShare, "RowShareLock": ddl.RowShare, "RowExclusiveLock": ddl.RowExclusive, "ShareUpdateExclusiveLock": ddl.ShareUpdateExclusive,
	"ShareLock": ddl.Share, "ShareRowExclusiveLock": ddl.ShareRowExclusive, "ExclusiveLock": ddl.Exclusive, "AccessExclusiveLock": ddl.AccessExclusive,
}
