package ddl

import (
	"strings"

	"github.com/aludel-db/aludel/internal/catalog"
)

func (w *writer) createEventTrigger(e *catalog.EventTrigger) {
	sql := "CREATE EVENT TRIGGER " + ident(e.ID.Name()) + " ON " + e.Event
	if len(e.Tags) > 0 {
		var tags []string
		for _, t := range e.Tags {
			tags = append(tags, literal(t))
		}
		sql += " WHEN TAG IN (" + strings.Join(tags, ", ") + ")"
	}
	w.add(sql + " EXECUTE FUNCTION " + e.Function + "()")
	w.enableEvent(e, "ORIGIN")
}

func (w *writer) enableEvent(e *catalog.EventTrigger, from string) {
	if e.Enabled == from {
		return
	}
	w.add("ALTER " + name(e) + " " + map[string]string{"ORIGIN": "ENABLE", "DISABLED": "DISABLE", "REPLICA": "ENABLE REPLICA", "ALWAYS": "ENABLE ALWAYS"}[e.Enabled])
}
