package ddl

import (
	"slices"
	"strconv"
	"strings"

	"github.com/aludel-db/aludel/internal/catalog"
)

// indexSQL is CREATE INDEX with the storage parameters; a partitioned index is ON
// ONLY.
func indexSQL(i *catalog.Index) string {
	if len(i.Options) == 0 {
		return i.Definition
	}
	with := " WITH (" + strings.Join(i.Options, ", ") + ")"
	if at := strings.Index(i.Definition, " WHERE "); at >= 0 {
		return i.Definition[:at] + with + i.Definition[at:]
	}
	return i.Definition + with
}

func (w *writer) createIndex(i *catalog.Index) {
	if !w.createIndexOnline(i) {
		sql := indexSQL(i)
		if !i.Invalid {
			// Made on the table itself, the partitions get theirs at once. It is
			// invalid while some have none.
			sql = strings.Replace(sql, " ON ONLY ", " ON ", 1)
		}
		w.add(sql)
		w.lock(Share, append(w.attachedTo(i.Table), i.Table)...)
		w.scans(i.Table)
	}
	if w.comesInvalid(i.Above) {
		w.later("ALTER INDEX "+qualified(i.Above.Schema(), i.Above.Name())+" ATTACH PARTITION "+qualified(i.ID.Schema(), i.ID.Name()), AccessShare, i.Table)
	}
	w.indexStatistics(nil, i)
	if i.Tablespace != "" {
		w.add("ALTER INDEX " + qualified(i.ID.Schema(), i.ID.Name()) + " SET TABLESPACE " + ident(i.Tablespace))
		w.lock(AccessShare)
	}
}

func (w *writer) dropIndex(i *catalog.Index) {
	sql := "DROP " + name(i)
	if !w.isBusy(i.Table) || w.isSplit(i.Table) || i.Above != (catalog.ID{}) {
		w.add(sql)
		return
	}
	w.add(concurrently(sql))
	w.lock(ShareUpdateExclusive, i.Table)
}

// comesInvalid tells that an index will be made for which not all partitions
// have one.
func (w *writer) comesInvalid(id catalog.ID) bool {
	at, ok := w.made[id]
	if !ok {
		return false
	}
	i, isIndex := w.changes[at].Object().(*catalog.Index)
	return isIndex && i.Invalid
}

func (w *writer) alterIndex(from, to *catalog.Index) {
	alter := "ALTER INDEX " + qualified(to.ID.Schema(), to.ID.Name())
	w.storage(AccessShare, to.Table, alter, from.Options, to.Options)
	if from.Tablespace != to.Tablespace {
		w.add(alter + " SET TABLESPACE " + ident(orDefault(to.Tablespace, "pg_default")))
		w.lock(AccessShare)
	}
	w.indexStatistics(from.Statistics, to)
}

func (w *writer) indexStatistics(from []catalog.IndexStatistics, to *catalog.Index) {
	alter := "ALTER INDEX " + qualified(to.ID.Schema(), to.ID.Name()) + " ALTER COLUMN "
	for _, s := range to.Statistics {
		if !slices.Contains(from, s) {
			w.add(alter + strconv.Itoa(s.Column) + " SET STATISTICS " + strconv.Itoa(s.Target))
			w.lock(AccessShare)
		}
	}
	for _, s := range from {
		if !slices.ContainsFunc(to.Statistics, func(o catalog.IndexStatistics) bool { return o.Column == s.Column }) {
			w.add(alter + strconv.Itoa(s.Column) + " SET STATISTICS -1")
			w.lock(AccessShare)
		}
	}
}
