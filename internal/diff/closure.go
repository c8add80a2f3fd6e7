package diff

import (
	"maps"
	"slices"
	"strings"

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
	w.swapContained(dependents)
	w.closeSwaps(dependents)
	queue := w.changeTyped()
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
			if w.drops[d] != nil || w.swaps[d] != nil || w.to.Get(d) == nil || !w.falls(d, id, dropped) {
				continue
			}
			if t, ok := w.from.Get(d).(*catalog.Type); ok && t.Domain.Default != "" && w.isUsed(d, dependents) {
				w.undressed[d] = true // what it needs besides would have it swapped
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
	switch from := a.From.(type) {
	case *catalog.Column:
		to := a.To.(*catalog.Column)
		return from.Type != to.Type || from.Collation != to.Collation || from.Expression != to.Expression
	case *catalog.Type:
		to := a.To.(*catalog.Type)
		return from.Form == catalog.Composite && (retyped(from, to) || loses(from, to))
	}
	return false
}

// falls tells that d, in both states, has to go because id does, or because
// id's type changes.
func (w *work) falls(d, id catalog.ID, dropped bool) bool {
	switch o := w.from.Get(d).(type) {
	case *catalog.Table:
		return dropped && o.Server != "" && id.Kind() == catalog.KindForeignServer // its rows are elsewhere
	case *catalog.Schema, *catalog.Extension, *catalog.Sequence:
		return false // holds data, or stands by itself; its alteration sees to it
	case *catalog.Attachment:
		return dropped && id.Kind() == catalog.KindTable
	case *catalog.Column:
		return o.Generated != "" || dropped && id == tableOf(d) // is computed from the others, or goes with its table
	case *catalog.Type:
		// Its own alteration lets go of what it doesn't need any more.
		return dropped && slices.Contains(w.to.Get(d).Base().Needs, id)
	case *catalog.Function:
		// One that speaks of a type needn't go when an attribute changes, but for
		// a body that PostgreSQL has read.
		return dropped || id.Kind() != catalog.KindType || o.HasParsedBody()
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

// closeSwaps turns the columns of swapped types into alterations. A type that is
// made of a swapped one is swapped as well; one that no column uses needn't be.
func (w *work) closeSwaps(dependents map[catalog.ID][]catalog.ID) {
	queue := slices.SortedFunc(maps.Keys(w.swaps), catalog.ID.Compare)
	for len(queue) > 0 {
		id := queue[0]
		queue = queue[1:]
		s := w.swaps[id]
		if !w.isUsed(id, dependents) {
			delete(w.swaps, id)
			from, isType := s.From.(*catalog.Type)
			if isType && appended(from, s.To.(*catalog.Type)) {
				w.alters[id] = Alter{From: s.From, To: s.To, Fields: w.differing(s.From, s.To)}
			} else {
				w.renew(id)
			}
			continue
		}
		for _, d := range dependents[id] {
			f, isColumn := w.from.Get(d).(*catalog.Column)
			t, stays := w.to.Get(d).(*catalog.Column)
			switch {
			case isColumn && stays && !slices.Contains(t.Needs, id):
				// Its own change of type lets go of this one.
			case isColumn && stays && f.Generated == "":
				if table, ok := w.to.Get(tableOf(d)).(*catalog.Table); ok && slices.Contains(table.KeyColumns, t.ID.Sub()) {
					w.renew(table.ID) // no ALTER reaches it
					continue
				}
				if !t.Inherited || !w.staysAttached(t.ID) || w.isUnderRenewed(t.ID) { // else the parent's change brings it
					s.Columns = append(s.Columns, t)
				}
				w.typeComesBySwap(d)
				w.takeDown(d, dependents)
			case d.Kind() == catalog.KindType && w.to.Get(d) != nil && w.drops[d] == nil && w.isUsed(d, dependents):
				if w.swaps[d] == nil {
					w.swaps[d] = &Swap{From: w.from.Get(d), To: w.to.Get(d)}
					delete(w.alters, d)
					queue = append(queue, d)
				}
			case w.to.Get(d) != nil && w.drops[d] == nil:
				w.renew(d)
			}
		}
	}
}

// typeComesBySwap takes a column's own change of type out, from the swapped type
// to an array of it: the swap rewrites the column into what it will be.
func (w *work) typeComesBySwap(column catalog.ID) {
	a, ok := w.alters[column]
	if !ok || !slices.Contains(a.Fields, "Type") {
		return
	}
	bare := *a.From.(*catalog.Column)
	bare.Type = a.To.(*catalog.Column).Type
	a.From, a.Fields = &bare, slices.DeleteFunc(slices.Clone(a.Fields), func(field string) bool { return field == "Type" })
	if w.alters[column] = a; len(a.Fields) == 0 {
		delete(w.alters, column)
	}
}

// swapContained has domains swapped that get a check or NOT NULL and stand in
// arrays, rows or ranges of tables, where PostgreSQL doesn't look.
func (w *work) swapContained(dependents map[catalog.ID][]catalog.ID) {
	stricter := map[catalog.ID]bool{}
	for id, a := range w.alters {
		if t, ok := a.To.(*catalog.Type); ok && t.Form == catalog.DomainType && t.Domain.NotNull {
			stricter[id] = !a.From.(*catalog.Type).Domain.NotNull
		}
	}
	for _, o := range w.creates {
		if k, ok := o.(*catalog.Constraint); ok && k.Domain && w.from.Get(k.ID.As(catalog.KindType)) != nil {
			stricter[k.ID.As(catalog.KindType)] = true
		}
	}
	for id, is := range stricter {
		from, to := w.from.Get(id), w.to.Get(id)
		if is && w.swaps[id] == nil && w.drops[id] == nil && to != nil && w.isContained(id, dependents) {
			w.swaps[id] = &Swap{From: from, To: to}
			delete(w.alters, id)
		}
	}
}

// isContained tells that a table's column that stays holds a type within
// another.
func (w *work) isContained(id catalog.ID, dependents map[catalog.ID][]catalog.ID) bool {
	return slices.ContainsFunc(dependents[id], func(d catalog.ID) bool {
		switch o := w.from.Get(d).(type) {
		case *catalog.Column:
			return w.to.Get(d) != nil && strings.HasSuffix(o.Type, "[]")
		case *catalog.Type:
			holds := o.Form != catalog.DomainType || strings.HasSuffix(o.Domain.Base, "[]")
			return holds && w.isUsed(d, dependents) || w.isContained(d, dependents)
		}
		return false
	})
}

// isUnderRenewed tells that a table above is made anew.
func (w *work) isUnderRenewed(table catalog.ID) bool {
	return slices.ContainsFunc(w.from.Parents(table), func(p catalog.ID) bool { return w.drops[p] != nil })
}

// takeDown has all that stands on a rewritten column fall, as with a change of
// its type.
func (w *work) takeDown(column catalog.ID, dependents map[catalog.ID][]catalog.ID) {
	for _, above := range dependents[column] {
		if w.to.Get(above) != nil && w.drops[above] == nil && (w.falls(above, column, false) || isIndexOrConstraint(w.from.Get(above))) {
			w.renew(above)
		}
	}
}

// isUsed tells that a table's column that stays has a type, or one that is made
// of it.
func (w *work) isUsed(id catalog.ID, dependents map[catalog.ID][]catalog.ID) bool {
	return slices.ContainsFunc(dependents[id], func(d catalog.ID) bool {
		switch w.from.Get(d).(type) {
		case *catalog.Column:
			return w.to.Get(d) != nil
		case *catalog.Type:
			return w.isUsed(d, dependents)
		}
		return false
	})
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
		if parent, ok := w.goesWith(o); ok && !w.holds(o, parent) && !w.isPinned(o) && !w.isSetAside(o) && !w.isInTheWay(o) {
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
		if a, ok := w.from.Get(attachmentOf(id)).(*catalog.Attachment); ok && a.IsPartition() && w.creates[id] == nil {
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

// isSetAside tells of a partition that is made anew: its rows go into the new
// one, and it must not hang on the table above when that changes or is filled.
func (w *work) isSetAside(o catalog.Object) bool {
	a, ok := o.(*catalog.Attachment)
	return ok && a.IsPartition() && w.creates[tableOf(a.ID)] != nil
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
