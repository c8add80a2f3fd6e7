package diff

import (
	"cmp"
	"slices"

	"github.com/aludel-db/aludel/internal/catalog"
)

func table(from, to *catalog.Table, fields []string) way {
	if slices.Contains(fields, "PartitionKey") || from.Server != to.Server {
		return replaceable
	}
	return alterable
}

// matchKeys has partitioned tables made anew where a column of their key changes
// its type: no ALTER reaches that.
func (w *work) matchKeys() {
	for id, a := range w.alters {
		c, isColumn := a.To.(*catalog.Column)
		if !isColumn || !slices.Contains(a.Fields, "Type") && !slices.Contains(a.Fields, "Collation") {
			continue
		}
		t, ok := w.to.Get(tableOf(id)).(*catalog.Table)
		if ok && t.PartitionKey != "" && slices.Contains(t.KeyColumns, c.ID.Sub()) {
			w.renew(t.ID)
		}
	}
}

// markAgain has tables say again which index they are clustered on, and which is
// their replica identity: that goes with an index that is built anew.
func (w *work) markAgain() {
	for _, o := range w.creates {
		relation, index := tableOfObject(o), ""
		switch o := o.(type) {
		case *catalog.Index:
			index = o.ID.Name()
		case *catalog.Constraint:
			index = o.Index
		}
		if index == "" {
			continue
		}
		for _, kind := range []catalog.Kind{catalog.KindTable, catalog.KindView} {
			if id := relation.As(kind); w.from.Get(id) != nil && w.to.Get(id) != nil && w.drops[id] == nil {
				w.markWith(id, index)
			}
		}
	}
}

// markWith has a table or a materialized view speak of an index again, where it
// does.
func (w *work) markWith(id catalog.ID, index string) {
	from, to := w.from.Get(id), w.to.Get(id)
	if a, ok := w.alters[id]; ok {
		from = a.From
	}
	unmarked := func(clusterOn, identity *string) {
		for _, mark := range []*string{clusterOn, identity} {
			if *mark == index {
				*mark = ""
			}
		}
	}
	switch f := from.(type) {
	case *catalog.Table:
		bare := *f
		unmarked(&bare.ClusterOn, &bare.ReplicaIdentity)
		from = &bare
	case *catalog.View:
		bare := *f
		unmarked(&bare.ClusterOn, &bare.ReplicaIdentity)
		from = &bare
	}
	if fields := w.differing(from, to); len(fields) > 0 {
		w.alters[id] = Alter{From: from, To: to, Fields: fields}
	}
}

// moveGrants has columns say what is granted again where their table gets another
// owner: what the old one was granted becomes the new one's (aclnewowner).
func (w *work) moveGrants() {
	owners := map[catalog.ID][2]string{}
	for id, a := range w.alters {
		if id.Kind() == catalog.KindTable && slices.Contains(a.Fields, "Owner") && !w.options.NoPrivileges {
			owners[id] = [2]string{cmp.Or(a.From.Base().Owner, w.from.User), cmp.Or(a.To.Base().Owner, w.to.User)}
		}
	}
	if len(owners) == 0 {
		return
	}
	for o := range w.from.Each {
		c, isColumn := o.(*catalog.Column)
		if !isColumn || w.to.Get(c.ID) == nil || w.drops[c.ID] != nil {
			continue
		}
		pair, changes := owners[tableOf(c.ID)]
		if !changes || !slices.ContainsFunc(c.Grants, func(g catalog.Grant) bool { return g.Role == pair[0] }) {
			continue
		}
		from := *c
		if a, ok := w.alters[c.ID]; ok {
			from = *a.From.(*catalog.Column)
		}
		from.Grants = movedGrants(c.Grants, pair[0], pair[1])
		delete(w.alters, c.ID)
		if to := w.to.Get(c.ID); len(w.differing(&from, to)) > 0 {
			w.alters[c.ID] = Alter{From: &from, To: to, Fields: w.differing(&from, to)}
		}
	}
}

// movedGrants are grants where one role's have become another's.
func movedGrants(grants []catalog.Grant, from, to string) []catalog.Grant {
	var list []catalog.Grant
	for _, g := range grants {
		if g.Role == from {
			g.Role = to
		}
		at := slices.IndexFunc(list, func(h catalog.Grant) bool { return h.Role == g.Role && h.Privilege == g.Privilege })
		if at < 0 {
			list = append(list, g)
		} else {
			list[at].Grantable = list[at].Grantable || g.Grantable
		}
	}
	return list
}

// changeTyped takes out of the changes what comes to typed tables with their
// type, which is altered with CASCADE. It answers the columns that go or change
// their type with it.
func (w *work) changeTyped() []catalog.ID {
	var changed []catalog.ID
	for id, a := range w.alters {
		if t, ok := a.To.(*catalog.Type); !ok || t.Form != catalog.Composite || !slices.Contains(a.Fields, "Attributes") {
			continue
		}
		for o := range w.to.Each {
			t, ok := o.(*catalog.Table)
			from, stays := w.from.Get(o.Base().ID).(*catalog.Table)
			if ok && stays && t.OfType == from.OfType && slices.Contains(t.Needs, id) && t.OfType != "" {
				changed = append(changed, w.comesWithType(t.ID, a.From.(*catalog.Type), a.To.(*catalog.Type))...)
			}
		}
	}
	return changed
}

func (w *work) comesWithType(table catalog.ID, from, to *catalog.Type) []catalog.ID {
	var changed []catalog.ID
	for _, a := range slices.Concat(from.Attributes, to.Attributes) {
		id := table.With(catalog.KindColumn, a.Name)
		if w.drops[id] != nil || disturbs(w.alters[id]) {
			changed = append(changed, id)
		}
		delete(w.drops, id)
		if c, isNew := w.creates[id].(*catalog.Column); isNew {
			delete(w.creates, id)
			bare := *c
			bare.NotNull, bare.Comment, bare.Grants, bare.Statistics, bare.Storage, bare.Options = false, "", nil, -1, "", nil
			if fields := w.differing(&bare, c); len(fields) > 0 {
				w.alters[id] = Alter{From: &bare, To: c, Fields: fields}
			}
		}
		if alter, ok := w.alters[id]; ok {
			alter.Fields = slices.DeleteFunc(slices.Clone(alter.Fields), func(f string) bool { return f == "Type" || f == "Collation" })
			if w.alters[id] = alter; len(alter.Fields) == 0 {
				delete(w.alters, id)
			}
		}
	}
	return changed
}
