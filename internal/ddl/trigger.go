package ddl

import "github.com/aludel-db/aludel/internal/catalog"

func (w *writer) createTrigger(t *catalog.Trigger) {
	w.add(t.Definition)
	w.enable(t.ID, "TRIGGER", "ORIGIN", t.Enabled)
}

// enable sets when a trigger or a rule fires.
func (w *writer) enable(id catalog.ID, word, from, to string) {
	if from == to {
		return
	}
	verb := map[string]string{"ORIGIN": "ENABLE", "DISABLED": "DISABLE", "REPLICA": "ENABLE REPLICA", "ALWAYS": "ENABLE ALWAYS"}[to]
	w.add(alterTable(id) + verb + " " + word + " " + ident(id.Sub))
}
