package ddl

import (
	"strings"

	"github.com/aludel-db/aludel/internal/catalog"
)

func (w *writer) createRule(r *catalog.Rule) {
	w.add(strings.TrimSuffix(r.Definition, ";"))
	w.enable(r.ID, "RULE", "ORIGIN", r.Enabled)
}
