package diff

import (
	"slices"

	"github.com/aludel-db/aludel/internal/catalog"
)

// close finds what has to be taken down and built again because something that
// it stands on is: PostgreSQL drops nothing that others need, and changes no
// type of a column that a view shows.
func (w *work) close() {
	if len(w.drops)+len(w.alters)+len(w.swaps) == 0 {
		return
	}
	dependents := w.from.Dependents()
	w.closeSwaps(dependents)
	var queue []catalog.ID
	for id := range w.drops {
		queue = append(queue, id)
	}
	for id, a := range w.alters {
		if disturbs(a) {
			queue = append(queue, id)
		}
	}
	slices.SortFunc(queue, catalog.ID.Compare)
	for len(queue) > 0 {
		id := queue[0]
		queue = queue[1:]
		_, dropped := w.drops[id]
		for _, d := range dependents[id] {
			if w.drops[d] != nil || w.to.Get(d) == nil || !w.falls(d, id, dropped) {
				continue
			}
			w.renew(d)
			queue = append(queue, d)
		}
	}
}

// disturbs tells that an alteration can't be made under those that need the
// object.
func disturbs(a Alter) bool {
	if c, ok := a.From.(*catalog.Column); ok {
		to := a.To.(*catalog.Column)
		return c.Type != to.Type || c.Collation != to.Collation || c.Expression != to.Expression
	}
	return false
}

// falls tells that d, in both states, has to go because id does, or because
// id's type changes.
func (w *work) falls(d, id catalog.ID, dropped bool) bool {
	switch o := w.from.Get(d).(type) {
	case *catalog.Table, *catalog.Schema, *catalog.Extension, *catalog.Sequence:
		return false // holds data, or stands by itself; its alteration sees to it
	case *catalog.Attachment:
		return dropped && id.Kind() == catalog.KindTable
	case *catalog.Column:
		return o.Generated != "" || dropped && id == tableOf(d) // is computed from the others, or goes with its table
	case *catalog.Type:
		return dropped
	case *catalog.Default:
		return dropped || w.alters[id].From != nil
	case *catalog.Constraint:
		// PostgreSQL builds it again with the column, but for foreign keys of
		// which only one side has changed yet.
		return dropped || o.Type == catalog.ForeignKey
	case *catalog.Index:
		return dropped
	}
	return true
}

// closeSwaps turns the columns of swapped types into alterations.
func (w *work) closeSwaps(dependents map[catalog.ID][]catalog.ID) {
	for id, s := range w.swaps {
		for _, d := range dependents[id] {
			f, isColumn := w.from.Get(d).(*catalog.Column)
			t, stays := w.to.Get(d).(*catalog.Column)
			switch {
			case isColumn && stays && !slices.Contains(t.Needs, id):
				// Its own change of type lets go of this one.
			case isColumn && stays && f.Generated == "":
				if !t.Inherited || !w.staysAttached(t.ID) { // else the parent's change brings it
					s.Columns = append(s.Columns, t)
				}
				// All that stands on the column falls as with a change of type.
				for _, above := range dependents[d] {
					if w.to.Get(above) != nil && w.drops[above] == nil && (w.falls(above, d, false) || isIndexOrConstraint(w.from.Get(above))) {
						w.renew(above)
					}
				}
			case w.to.Get(d) != nil && w.drops[d] == nil:
				w.renew(d)
			}
		}
	}
}

func isIndexOrConstraint(o catalog.Object) bool {
	switch o.(type) {
	case *catalog.Index, *catalog.Constraint, *catalog.Default:
		return true
	}
	return false
}

// subsume takes out what comes with another change: what belongs to a table
// goes with it, what is inherited changes with what is above.
func (w *work) subsume() {
	w.inherited()
	for id, o := range w.drops {
		if parent, ok := w.goesWith(o); ok && !w.holds(o, parent) {
			w.carried[parent] = append(w.carried[parent], o)
			w.wentWith[id] = parent
			delete(w.drops, id)
		}
	}
}

// goesWith answers what an object is dropped with, of what is dropped.
func (w *work) goesWith(o catalog.Object) (parent catalog.ID, ok bool) {
	id := o.Base().ID
	dropped := func(parent catalog.ID) (catalog.ID, bool) {
		_, ok := w.drops[parent]
		if !ok {
			_, ok = w.wentWith[parent]
		}
		return parent, ok
	}
	switch o := o.(type) {
	case *catalog.Index:
		return dropped(o.Table)
	case *catalog.Table:
		// Partitions go with the partitioned table; a foreign key to it would
		// not let them go alone.
		if a, ok := w.from.Get(attachmentOf(id)).(*catalog.Attachment); ok && a.IsPartition() {
			return dropped(a.Parents[0])
		}
	case *catalog.Sequence:
		if parent, ok := dropped(tableOf(o.OwnedBy)); ok {
			return parent, true
		}
		return dropped(o.OwnedBy)
	case *catalog.Constraint:
		if o.Inherited { // goes with its table, or that above
			break
		}
		// A foreign key keeps the other table, which may go as well.
		if o.Type == catalog.ForeignKey && w.needsDropped(o) {
			return parent, false
		}
	}
	schema, name, isChild := id.Parent()
	if !isChild {
		return parent, false
	}
	for _, kind := range []catalog.Kind{catalog.KindTable, catalog.KindView, catalog.KindType} {
		if parent, ok := dropped(catalog.NewID(kind, schema, name, "")); ok {
			return parent, true
		}
	}
	switch id.Kind() {
	case catalog.KindDefault:
		return dropped(catalog.NewID(catalog.KindColumn, schema, name, id.Sub()))
	case catalog.KindTrigger: // one that is inherited
		for _, above := range o.Base().Needs {
			if parent, ok := dropped(above); ok && above.Kind() == catalog.KindTrigger {
				return parent, true
			}
		}
	}
	return parent, false
}

// holds tells that something that o needs can't go before o's parent does: an
// index on a table over a function of the table's rows has to go first.
func (w *work) holds(o catalog.Object, parent catalog.ID) bool {
	seen := map[catalog.ID]bool{}
	var reaches func(id catalog.ID) bool
	reaches = func(id catalog.ID) bool {
		if id == parent {
			return true
		}
		if seen[id] || w.drops[id] == nil {
			return false
		}
		seen[id] = true
		return slices.ContainsFunc(w.from.Get(id).Base().Needs, reaches)
	}
	return slices.ContainsFunc(o.Base().Needs, func(needed catalog.ID) bool {
		_, _, isChild := needed.Parent()
		return needed != parent && !isChild && needed.Kind() != catalog.KindSequence && w.drops[needed] != nil && reaches(needed)
	})
}

// needsDropped tells that a foreign key leads to another table that goes.
func (w *work) needsDropped(k *catalog.Constraint) bool {
	return slices.ContainsFunc(k.Needs, func(id catalog.ID) bool {
		other := tableOf(id)
		return (id.Kind() == catalog.KindTable || id.Kind() == catalog.KindColumn) && other != tableOf(k.ID) && w.drops[other] != nil
	})
}

func tableOf(id catalog.ID) catalog.ID {
	return id.As(catalog.KindTable)
}
