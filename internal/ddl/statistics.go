package ddl

import (
	"strconv"

	"github.com/aludel-db/aludel/internal/catalog"
)

func (w *writer) createStatistics(s *catalog.Statistics) {
	w.add(s.Definition)
	for _, needed := range s.Needs {
		if k := needed.Kind(); k == catalog.KindColumn || k == catalog.KindTable || k == catalog.KindView {
			w.lock(ShareUpdateExclusive, tableOf(needed))
		}
	}
	w.statisticsTarget(-1, s)
}

func (w *writer) statisticsTarget(from int, to *catalog.Statistics) {
	if from != to.Target {
		w.add("ALTER " + name(to) + " SET STATISTICS " + strconv.Itoa(to.Target))
		w.lock(AccessShare)
	}
}
