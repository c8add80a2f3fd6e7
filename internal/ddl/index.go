package ddl

import (
	"slices"
	"strconv"
	"strings"

	"github.com/aludel-db/aludel/internal/catalog"
)

func (w *writer) createIndex(i *catalog.Index) {
	sql := i.Definition
	if len(i.Options) > 0 {
		with := " WITH (" + strings.Join(i.Options, ", ") + ")"
		if at := strings.Index(sql, " WHERE "); at >= 0 {
			sql = sql[:at] + with + sql[at:]
		} else {
			sql += with
		}
	}
	// A partitioned index is written ON ONLY; made on the table itself, the
	// partitions get theirs at once.
	w.add(strings.Replace(sql, " ON ONLY ", " ON ", 1))
	w.indexStatistics(nil, i)
	if i.Tablespace != "" {
		w.add("ALTER INDEX " + qualified(i.ID.Schema, i.ID.Name) + " SET TABLESPACE " + ident(i.Tablespace))
	}
}

func (w *writer) alterIndex(from, to *catalog.Index) {
	alter := "ALTER INDEX " + qualified(to.ID.Schema, to.ID.Name)
	w.storage(alter, from.Options, to.Options)
	if from.Tablespace != to.Tablespace {
		w.add(alter + " SET TABLESPACE " + ident(orDefault(to.Tablespace, "pg_default")))
	}
	w.indexStatistics(from.Statistics, to)
}

func (w *writer) indexStatistics(from []catalog.IndexStatistics, to *catalog.Index) {
	alter := "ALTER INDEX " + qualified(to.ID.Schema, to.ID.Name) + " ALTER COLUMN "
	for _, s := range to.Statistics {
		if !slices.Contains(from, s) {
			w.add(alter + strconv.Itoa(s.Column) + " SET STATISTICS " + strconv.Itoa(s.Target))
		}
	}
	for _, s := range from {
		if !slices.ContainsFunc(to.Statistics, func(o catalog.IndexStatistics) bool { return o.Column == s.Column }) {
			w.add(alter + strconv.Itoa(s.Column) + " SET STATISTICS -1")
		}
	}
}
