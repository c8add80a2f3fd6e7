package ddl

import (
	"github.com/aludel-db/aludel/internal/catalog"
	"github.com/aludel-db/aludel/internal/diff"
)

// rename gives an object its new name, and its new schema where that is
// another.
func (w *writer) rename(r diff.Rename) {
	from, to := r.From.Base().ID, r.To.Base().ID
	switch o := r.From.(type) {
	case *catalog.Column:
		w.add(alterTable(from) + "RENAME COLUMN " + ident(from.Sub()) + " TO " + ident(to.Sub()))
		return
	case *catalog.Constraint:
		if t, ok := w.from.Get(from.As(catalog.KindTable)).(*catalog.Table); ok && t.OfType != "" && o.Index != "" {
			// A typed table refuses RENAME CONSTRAINT, as if it were of a column.
			w.add("ALTER INDEX " + qualified(from.Schema(), o.Index) + " RENAME TO " + ident(to.Sub()))
			w.lock(AccessShare) // of the table none: the index alone is locked
			return
		}
		w.add("ALTER " + parentOf(o) + " RENAME CONSTRAINT " + ident(from.Sub()) + " TO " + ident(to.Sub()))
		return
	case *catalog.Trigger, *catalog.Rule, *catalog.Policy:
		w.add("ALTER " + name(o) + " RENAME TO " + ident(to.Sub()))
		return
	}
	if from.Name() != to.Name() {
		w.add("ALTER " + name(r.From) + " RENAME TO " + ident(to.Name()))
		from = catalog.NewID(from.Kind(), from.Schema(), to.Name(), from.Sub())
	}
	if from.Schema() != to.Schema() {
		w.add("ALTER " + name(catalog.At(r.From, from)) + " SET SCHEMA " + ident(to.Schema()))
	}
}

func (w *writer) renameLabel(r diff.RenameLabel) {
	switch o := r.Of.(type) {
	case *catalog.Type:
		if o.Form == catalog.Enum {
			w.add("ALTER " + name(o) + " RENAME VALUE " + literal(r.Was) + " TO " + literal(r.Is))
			return
		}
		w.add("ALTER " + name(o) + " RENAME ATTRIBUTE " + ident(r.Was) + " TO " + ident(r.Is))
	case *catalog.View:
		w.add("ALTER " + name(o) + " RENAME COLUMN " + ident(r.Was) + " TO " + ident(r.Is))
	}
}
