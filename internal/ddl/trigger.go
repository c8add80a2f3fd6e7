package ddl

import "github.com/aludel-db/aludel/internal/catalog"

func (w *writer) createTrigger(t *catalog.Trigger) {
	if t.EnabledAbove != "" { // comes with the partitioned table's
		w.enable(t.ID, "TRIGGER", t.EnabledAbove, t.Enabled)
		return
	}
	w.add(t.Definition)
	w.lock(ShareRowExclusive, tableOf(t.ID))
	w.enable(t.ID, "TRIGGER", "ORIGIN", t.Enabled)
}

// dropTrigger removes one; one that a partition inherits is enabled again as
// the others are.
func (w *writer) dropTrigger(t *catalog.Trigger) {
	if t.EnabledAbove != "" {
		w.enable(t.ID, "TRIGGER", t.Enabled, t.EnabledAbove)
		return
	}
	w.add("DROP " + name(t))
}

// alterTrigger enables it in another way. Enabling the partitioned table's
// reaches down, and takes away what was set on the partition.
func (w *writer) alterTrigger(from, to *catalog.Trigger) {
	before := from.Enabled
	if from.EnabledAbove != to.EnabledAbove {
		before = ""
	}
	w.enable(to.ID, "TRIGGER", before, to.Enabled)
}

// enable sets when a trigger or a rule fires.
func (w *writer) enable(id catalog.ID, word, from, to string) {
	if from == to {
		return
	}
	verb := map[string]string{"ORIGIN": "ENABLE", "DISABLED": "DISABLE", "REPLICA": "ENABLE REPLICA", "ALWAYS": "ENABLE ALWAYS"}[to]
	w.add(alterTable(id) + verb + " " + word + " " + ident(id.Sub()))
	if word == "TRIGGER" {
		w.lock(ShareRowExclusive, tableOf(id))
	}
}
