package diff

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/aludel-db/aludel/internal/catalog"
)

func attachment(from, to *catalog.Attachment) way {
	if from.IsPartition() || to.IsPartition() || len(to.Parents) == 0 {
		return replaceable
	}
	// NO INHERIT takes one away, INHERIT adds one at the end. Between the two
	// columns may have to change.
	if isPrefix(to.Parents, from.Parents) || leaves(from, to) {
		return alterable
	}
	return replaceable
}

func isPrefix(list, prefix []catalog.ID) bool {
	return len(prefix) <= len(list) && slices.Equal(list[:len(prefix)], prefix)
}

// leaves tells that a table hangs on fewer others than before, and on no new
// one.
func leaves(from, to *catalog.Attachment) bool {
	kept := slices.DeleteFunc(slices.Clone(from.Parents), func(p catalog.ID) bool { return !slices.Contains(to.Parents, p) })
	return len(to.Parents) < len(from.Parents) && slices.Equal(kept, to.Parents)
}

func attachmentOf(id catalog.ID) catalog.ID {
	return id.As(catalog.KindAttachment)
}

// staysAttached tells that the table of what id names hangs on the same tables
// before and after, and in between: what changes there changes here.
func (w *work) staysAttached(id catalog.ID) bool {
	a := attachmentOf(id)
	return w.from.Get(a) != nil && w.to.Get(a) != nil && w.drops[a] == nil
}

// keepsParent tells that what an object of one of the catalogs came from is
// above its table before and after.
func (w *work) keepsParent(in *catalog.Catalog, o catalog.Object) bool {
	table := tableOfObject(o)
	if !w.staysAttached(table) {
		return false
	}
	k, isConstraint := o.(*catalog.Constraint)
	if _, isIndex := o.(*catalog.Index); isIndex || isConstraint && k.Type != catalog.Check {
		return true
	}
	id, parents := o.Base().ID, w.to.Parents(table)
	return slices.ContainsFunc(w.from.Parents(table), func(parent catalog.ID) bool {
		return slices.Contains(parents, parent) && in.Get(parent.With(id.Kind(), id.Sub())) != nil
	})
}

// isInherited tells that an object came to its table from the one above.
func isInherited(o catalog.Object) bool {
	switch o := o.(type) {
	case *catalog.Column:
		return o.Inherited
	case *catalog.Constraint:
		return o.Inherited
	case *catalog.Index:
		return o.Above != catalog.ID{}
	}
	return false
}

// inheritedFrom are the columns, the constraint or the index above that an
// object of a catalog comes from; none of what is its table's own.
func inheritedFrom(in *catalog.Catalog, id catalog.ID) []catalog.ID {
	o := in.Get(id)
	if o == nil || !isInherited(o) {
		return nil
	}
	if above := aboveOf(o); above != (catalog.ID{}) {
		return []catalog.ID{above}
	}
	var list []catalog.ID
	for _, parent := range in.Parents(id) {
		list = append(list, parent.With(id.Kind(), id.Sub()))
	}
	return list
}

// matchShared has a table hang on nothing for a while where a column changes its
// type that more than one table above has by itself: PostgreSQL refuses that
// from either.
func (w *work) matchShared() {
	for id, a := range w.alters {
		if id.Kind() != catalog.KindColumn || !slices.Contains(a.Fields, "Type") && !slices.Contains(a.Fields, "Collation") {
			continue
		}
		fromOne := func(parent catalog.ID) bool { return len(w.roots(parent.With(id.Kind(), id.Sub()))) < 2 }
		parents := w.from.Parents(id)
		if w.staysAttached(id) && slices.Equal(parents, w.to.Parents(id)) && len(w.roots(id)) > 1 && !slices.ContainsFunc(parents, func(p catalog.ID) bool { return !fromOne(p) }) {
			w.renew(attachmentOf(id))
		}
	}
}

// matchExpressions has tables two levels down let go of theirs while columns
// become plain: DROP EXPRESSION on a table reaches the tables below, but fails
// when these have others below them (ATPrepDropExpression).
func (w *work) matchExpressions() {
	for id, a := range w.alters {
		from, isColumn := a.From.(*catalog.Column)
		if !isColumn || from.Generated == "" || a.To.(*catalog.Column).Generated != "" || !w.staysAttached(id) {
			continue
		}
		for _, above := range inheritedFrom(w.from, id) {
			if len(inheritedFrom(w.from, above)) > 0 {
				w.renew(attachmentOf(id))
				break
			}
		}
	}
}

// roots are the columns at the top that one is merged with, or itself.
func (w *work) roots(column catalog.ID) []catalog.ID {
	var list []catalog.ID
	for _, parent := range w.from.Parents(column) {
		above := parent.With(column.Kind(), column.Sub())
		if w.from.Get(above) == nil {
			continue
		}
		for _, root := range w.roots(above) {
			if !slices.Contains(list, root) {
				list = append(list, root)
			}
		}
	}
	if len(list) == 0 {
		list = append(list, column)
	}
	return list
}

// below are the columns that come from one, at all depths, in both states.
func (w *work) below(column catalog.ID) []catalog.ID {
	if w.children == nil {
		w.children = map[catalog.ID][]catalog.ID{}
		for o := range w.from.Each {
			if a, ok := o.(*catalog.Attachment); ok && w.staysAttached(a.ID) {
				for _, parent := range a.Parents {
					w.children[parent] = append(w.children[parent], a.ID)
				}
			}
		}
	}
	var list []catalog.ID
	for _, table := range w.children[tableOf(column)] {
		child := table.With(catalog.KindColumn, column.Sub())
		list = append(append(list, child), w.below(child)...)
	}
	return list
}

// tableOfObject is the table of a column, a constraint or an index.
func tableOfObject(o catalog.Object) catalog.ID {
	if i, ok := o.(*catalog.Index); ok {
		return i.Table
	}
	return tableOf(o.Base().ID)
}

// inherited takes out what comes, goes and changes with the table above. What
// is on a table that is attached or detached meanwhile has to be seen to.
func (w *work) inherited() {
	w.partitionIdentities()
	w.inheritedTriggers()
	for id, o := range w.creates {
		if !isInherited(o) || !w.comes(o) {
			continue
		}
		delete(w.creates, id)
		bare := w.withoutExtras(o)
		if fields := w.differing(bare, o); len(fields) > 0 {
			w.alters[id] = Alter{From: bare, To: o, Fields: fields}
			w.cameDown[id] = true
		}
	}
	w.leaveBehind()
	w.goWithAbove()
	w.losesNotNull()
	w.altered = maps.Clone(w.alters) // of which some are taken out here
	for id, a := range w.alters {
		if !isInherited(a.From) || !isInherited(a.To) || !w.keepsParent(w.to, a.To) {
			continue
		}
		switch to := a.To.(type) {
		case *catalog.Constraint:
			delete(w.alters, id)
		case *catalog.Column:
			retyped := slices.Contains(a.Fields, "Type") || slices.Contains(a.Fields, "Collation")
			a = w.withoutInherited(a)
			if retyped && (to.Storage != "" || to.Compression != "") { // which the change above resets
				bare := *a.From.(*catalog.Column)
				bare.Type, bare.Collation, bare.Storage, bare.Compression = to.Type, to.Collation, "", ""
				a.From, a.Fields = &bare, append(a.Fields, "Storage")
				w.cameDown[id] = true
			}
			if w.alters[id] = a; len(a.Fields) == 0 {
				delete(w.alters, id)
			}
		}
	}
	w.commentsComeDown()
}

// goWithAbove takes out what goes with the column, the constraint or the index
// above.
func (w *work) goWithAbove() {
	for id, o := range w.drops {
		if !isInherited(o) || w.to.Get(tableOfObject(o)) == nil || !w.keepsParent(w.from, o) || w.isLeftBelow(id) {
			continue
		}
		delete(w.drops, id)
		for _, above := range inheritedFrom(w.from, id) {
			if w.from.Get(above) != nil {
				w.carried[above] = append(w.carried[above], o)
				w.wentWith[id] = above
				break
			}
		}
	}
}

// commentsComeDown has the parts of a partitioned index keep what is said of
// them: where a column changes its type PostgreSQL builds all of them again with
// the comment of the one at the top.
func (w *work) commentsComeDown() {
	for from := range w.from.Each {
		id, top := from.Base().ID, w.topOf(from)
		to := w.to.Get(id)
		if top == nil || to == nil || w.drops[id] != nil || w.creates[id] != nil || !isRetyped(from, w.altered) {
			continue
		}
		if w.drops[top.Base().ID] != nil || indexComment(top) == nil {
			continue
		}
		var bare catalog.Object
		switch o := from.(type) {
		case *catalog.Index:
			index := *o
			bare = &index
		case *catalog.Constraint:
			constraint := *o
			bare = &constraint
		}
		if comment := indexComment(bare); comment != nil && *comment != *indexComment(top) {
			*comment = *indexComment(top)
			if fields := w.differing(bare, to); len(fields) > 0 {
				w.alters[id] = Alter{From: bare, To: to, Fields: fields}
				w.cameDown[id] = true
			}
		}
	}
}

// indexComment is what is said of an index, its own or a constraint's.
func indexComment(o catalog.Object) *string {
	switch o := o.(type) {
	case *catalog.Index:
		return &o.Comment
	case *catalog.Constraint:
		if o.Index != "" {
			return &o.IndexComment
		}
	}
	return nil
}

// matchParts has partitioned indexes built anew of which a part has a name or
// parameters of its own, where a column changes its type: PostgreSQL would give
// all parts what the one at the top has.
func (w *work) matchParts() {
	special := map[catalog.ID]bool{}
	for o := range w.from.Each {
		top := w.topOf(o)
		if top == nil || w.to.Get(top.Base().ID) == nil || !isRetyped(o, w.alters) {
			continue
		}
		switch o := o.(type) {
		case *catalog.Index:
			if above, ok := top.(*catalog.Index); o.NameGiven || !ok || !o.Options.Equal(above.Options) || len(o.Statistics) > 0 || o.Tablespace != "" {
				special[top.Base().ID] = true
			}
		case *catalog.Constraint:
			if above, ok := top.(*catalog.Constraint); o.Index != "" && (o.NameGiven || !ok || !o.IndexOptions.Equal(above.IndexOptions)) {
				special[top.Base().ID] = true
			}
		}
	}
	if len(special) == 0 {
		return
	}
	for o := range w.from.Each {
		id := o.Base().ID
		if top := w.topOf(o); w.to.Get(id) != nil && (special[id] || top != nil && special[top.Base().ID]) {
			w.renew(id)
		}
	}
}

// matchFormerParts has an index or a key that was a part of another, and goes with
// that, made again where it is to stay by itself or as a part of something else.
func (w *work) matchFormerParts() {
	for from := range w.from.Each {
		above := aboveOf(from)
		if k, ok := from.(*catalog.Constraint); above == (catalog.ID{}) || w.drops[above] == nil || ok && k.Type == catalog.Check {
			continue
		}
		to := w.to.Get(from.Base().ID)
		if to != nil && aboveOf(to) != above && w.staysAttached(tableOfObject(from)) {
			w.renew(to.Base().ID)
		}
	}
}

// topOf is the index, or the constraint, at the top of those that one is a part
// of; nil of what is no part.
func (w *work) topOf(o catalog.Object) catalog.Object {
	above := aboveOf(o)
	if above == (catalog.ID{}) {
		return nil
	}
	top := w.from.Get(above)
	if top == nil {
		return nil
	}
	if more := w.topOf(top); more != nil {
		return more
	}
	return top
}

// isRetyped tells that a column of an index changes its type.
func isRetyped(index catalog.Object, alters map[catalog.ID]Alter) bool {
	return slices.ContainsFunc(index.Base().Needs, func(id catalog.ID) bool {
		a, ok := alters[id]
		return ok && id.Kind() == catalog.KindColumn && (slices.Contains(a.Fields, "Type") || slices.Contains(a.Fields, "Collation"))
	})
}

// leaveBehind finds the columns that go from a table and stay below it: DROP
// COLUMN takes the inherited ones away as well, with their data, but for ONLY.
func (w *work) leaveBehind() {
	for o := range w.from.Each {
		a, ok := o.(*catalog.Attachment)
		if !ok || a.IsPartition() || !w.staysAttached(a.ID) {
			continue
		}
		for _, parent := range a.Parents {
			for id := range w.drops {
				if id.Kind() != catalog.KindColumn || tableOf(id) != parent || w.creates[id] != nil {
					continue
				}
				below := a.ID.With(catalog.KindColumn, id.Sub())
				was, _ := w.from.Get(below).(*catalog.Column)
				is, _ := w.to.Get(below).(*catalog.Column)
				if was != nil && is != nil && was.Inherited && !is.Inherited {
					w.leaveColumn(id)
				}
			}
		}
	}
}

// leaveColumn has a column go from its table only, and likewise from those above.
func (w *work) leaveColumn(id catalog.ID) {
	if w.drops[id] == nil || w.leftBehind[id] {
		return
	}
	w.leftBehind[id] = true
	for _, parent := range w.from.Parents(tableOf(id)) {
		w.leaveColumn(parent.With(catalog.KindColumn, id.Sub()))
	}
}

// isLeftBelow tells that a table above loses a column by itself only.
func (w *work) isLeftBelow(column catalog.ID) bool {
	return slices.ContainsFunc(w.from.Parents(tableOf(column)), func(parent catalog.ID) bool {
		return w.leftBehind[parent.With(catalog.KindColumn, column.Sub())]
	})
}

// losesNotNull has columns below set NOT NULL again when the one above loses it:
// DROP NOT NULL takes it from all.
func (w *work) losesNotNull() {
	again := map[catalog.ID]Alter{}
	for id, a := range w.alters {
		c, isColumn := a.From.(*catalog.Column)
		if !isColumn || !c.NotNull || a.To.(*catalog.Column).NotNull {
			continue
		}
		for o := range w.from.Each {
			below, ok := o.(*catalog.Attachment)
			if !ok || !slices.Contains(below.Parents, tableOf(id)) || !w.staysAttached(below.ID) {
				continue
			}
			part := below.ID.With(catalog.KindColumn, id.Sub())
			from, was := w.from.Get(part).(*catalog.Column)
			to, is := w.to.Get(part).(*catalog.Column)
			if !was || !is || !from.NotNull || !to.NotNull || from.NotNullLocal || w.drops[part] != nil {
				continue
			}
			bare := *from
			bare.NotNull = false
			again[part] = Alter{From: &bare, To: to, Fields: append(slices.Clone(w.alters[part].Fields), "NotNull")}
		}
	}
	for id, a := range again {
		w.alters[id] = a
		w.cameDown[id] = true
	}
}

// inheritedTriggers sees to those that a partition enables in its own way:
// detaching takes them away, attaching brings them as they are above.
func (w *work) inheritedTriggers() {
	again := false
	for id, o := range w.drops {
		if t, ok := o.(*catalog.Trigger); ok && t.EnabledAbove != "" && !w.staysAttached(id) {
			delete(w.drops, id)
		}
		_, isAttachment := o.(*catalog.Attachment)
		again = again || isAttachment && w.to.Get(id) != nil
	}
	if !again {
		return
	}
	for o := range w.to.Each {
		id := o.Base().ID
		if t, ok := o.(*catalog.Trigger); ok && t.EnabledAbove != "" && !w.staysAttached(id) {
			delete(w.alters, id)
			w.creates[id] = t
		}
	}
}

// withoutExtras is a column, an index, or a constraint with one, as it comes with
// that above.
func (w *work) withoutExtras(o catalog.Object) catalog.Object {
	switch o := o.(type) {
	case *catalog.Column:
		bare := *o
		bare.Comment, bare.Grants, bare.Statistics, bare.Options, bare.Storage, bare.Compression = "", nil, -1, nil, "", ""
		bare.NotNull, bare.NotNullComment = false, ""
		for _, id := range inheritedFrom(w.to, o.ID) {
			if above, ok := w.to.Get(id).(*catalog.Column); ok {
				bare.NotNull = bare.NotNull || above.NotNull
			}
		}
		if !bare.NotNull {
			bare.NotNullName, bare.NotNullNoInherit, bare.NotNullNotValid = "", false, false
		}
		return &bare
	case *catalog.Index:
		bare := *o
		bare.Comment, bare.Options, bare.Statistics, bare.Tablespace = "", nil, nil, ""
		return &bare
	case *catalog.Constraint:
		bare := *o
		bare.Comment, bare.IndexComment, bare.IndexOptions = "", "", nil
		return &bare
	}
	return o
}

// comes tells that an inherited object comes by itself: with that above, or
// when the table is attached to it.
func (w *work) comes(o catalog.Object) bool {
	table := tableOfObject(o)
	isNew := w.from.Get(table) == nil || w.drops[table] != nil
	stays := !isNew && w.keepsParent(w.to, o)
	switch o := o.(type) {
	case *catalog.Constraint:
		// A check has to be there before; a new table's is written with it.
		return stays && !o.NameGiven || o.Type != catalog.Check && !o.NameGiven
	case *catalog.Index:
		if above, ok := w.creates[o.Above].(*catalog.Index); ok && above.Invalid {
			return false // it has some of its parts only
		}
		return !o.NameGiven || stays && w.creates[o.Above] == nil
	}
	return stays
}

// partitionIdentities takes out of the alterations that a partition has its
// identity from the table above, since PostgreSQL 17: attaching brings it,
// detaching takes it away.
func (w *work) partitionIdentities() {
	isPartition := func(in *catalog.Catalog, id catalog.ID) bool {
		a, ok := in.Get(attachmentOf(id)).(*catalog.Attachment)
		return ok && a.IsPartition()
	}
	for id, a := range w.alters {
		if w.to.Major < 17 || !slices.Contains(a.Fields, "Identity") && !slices.Contains(a.Fields, "Sequence") {
			continue
		}
		was, is := isPartition(w.from, id), isPartition(w.to, id)
		if !was && !is {
			continue
		}
		from, to := *a.From.(*catalog.Column), *a.To.(*catalog.Column)
		if was {
			from.Identity, from.Sequence = "", nil
		}
		if is {
			to.Identity, to.Sequence = "", nil
		}
		w.alters[id] = Alter{From: &from, To: &to, Fields: w.differing(&from, &to)}
		if len(w.alters[id].Fields) == 0 {
			delete(w.alters, id)
		}
	}
}

// withoutInherited is an alteration of a column without what comes from above.
func (w *work) withoutInherited(a Alter) Alter {
	bare, to := *a.From.(*catalog.Column), a.To.(*catalog.Column)
	fields := a.Fields
	a.From, a.Fields = &bare, nil
	for _, field := range fields {
		if !w.comesDown(a.From.(*catalog.Column), to, field) {
			a.Fields = append(a.Fields, field)
			continue
		}
		switch field { // which the alteration goes by
		case "NotNull":
			bare.NotNull, bare.NotNullName = to.NotNull, to.NotNullName
		case "NotNullName":
			bare.NotNullName = to.NotNullName
		case "Generated", "Expression":
			bare.Generated, bare.Expression = to.Generated, to.Expression
		case "NotNullNotValid":
			bare.NotNullNotValid = to.NotNullNotValid
		}
	}
	return a
}

// comesDown tells that a change to a column above reaches this one.
func (w *work) comesDown(from, to *catalog.Column, field string) bool {
	switch field {
	case "Type", "Collation":
		return true
	case "Generated", "Expression": // DROP EXPRESSION; no ALTER makes a plain column a generated one
		return to.Generated == "" || slices.ContainsFunc(w.to.Parents(to.ID), func(parent catalog.ID) bool { // SET EXPRESSION
			above, ok := w.altered[parent.With(catalog.KindColumn, to.ID.Sub())]
			return ok && slices.Contains(above.Fields, field) && above.To.(*catalog.Column).Expression == to.Expression
		})
	case "NotNullName":
		return !from.NotNull || !slices.ContainsFunc(w.to.Parents(to.ID), func(parent catalog.ID) bool { // else it keeps its own
			above, ok := w.altered[parent.With(catalog.KindColumn, to.ID.Sub())]
			return ok && slices.Contains(above.Fields, "NotNull")
		})
	case "NotNull", "NotNullNotValid":
		return slices.ContainsFunc(w.to.Parents(to.ID), func(parent catalog.ID) bool {
			above, ok := w.altered[parent.With(catalog.KindColumn, to.ID.Sub())]
			return ok && above.To.(*catalog.Column).NotNull == to.NotNull && slices.Contains(above.Fields, field)
		})
	}
	return false
}

// parts are the indexes and constraints that are made of others, by these and by
// the attachment of their table.
type parts map[catalog.ID][]catalog.Object

func (w *work) parts() parts {
	p := parts{}
	for o := range w.to.Each {
		if above := aboveOf(o); above != (catalog.ID{}) {
			p[above] = append(p[above], o)
			p[attachmentOf(tableOfObject(o))] = append(p[attachmentOf(tableOfObject(o))], o)
		}
	}
	for _, list := range p {
		slices.SortFunc(list, func(a, b catalog.Object) int { return a.Base().ID.Compare(b.Base().ID) })
	}
	return p
}

// all are the parts of one, and theirs.
func (p parts) all(id catalog.ID) []catalog.Object {
	list := slices.Clone(p[id])
	for _, o := range p[id] {
		if id.Kind() != catalog.KindAttachment {
			list = append(list, p.all(o.Base().ID)...)
		}
	}
	return list
}

// attachments draws the edges around attaching: what the table brings along is
// there before it is attached, and can go or change when it is detached.
func (g *graph) attachments() {
	around := func(id catalog.ID, o catalog.Object, drops bool) {
		if !isInherited(o) {
			return
		}
		n := g.makes[id]
		if drops {
			n = g.drops[id]
		}
		table := tableOfObject(o)
		if !drops && g.w.cameDown[id] {
			g.edge(g.makes[attachmentOf(table)], n)
			g.edge(g.makes[aboveOf(o)], n)
			g.edge(g.makes[table], n)
			if id.Kind() == catalog.KindColumn {
				for _, above := range inheritedFrom(g.w.to, id) {
					for _, m := range g.making(above) {
						g.edge(m, n)
					}
				}
			}
			return
		}
		g.edge(g.detaching(table), n)
		if !drops {
			g.edge(n, g.attaching(table))
		}
	}
	for id, n := range g.drops {
		around(id, n.change.Object(), true)
		// Below it may be one of the table's own as well, and goes once it is nothing else.
		k, isConstraint := n.change.Object().(*catalog.Constraint)
		if id.Kind() == catalog.KindColumn || isConstraint && k.Type == catalog.Check {
			for _, parent := range g.w.from.Parents(tableOf(id)) {
				g.edge(g.drops[parent.With(id.Kind(), id.Sub())], n)
			}
		}
	}
	g.aboveAttachments()
	for id, n := range g.makes {
		if t, ok := n.change.Object().(*catalog.Trigger); ok && t.EnabledAbove != "" {
			g.edge(g.makes[attachmentOf(id)], n)
		}
		if a, ok := n.change.(Alter); ok && slices.Contains(a.Fields, "NotNullName") {
			for _, above := range inheritedFrom(g.w.to, id) { // where it has a name, the one here can't get it
				up, ok := g.w.alters[above]
				switch {
				case !ok || !slices.Contains(up.Fields, "NotNull"):
				case up.To.(*catalog.Column).NotNull:
					g.edge(n, g.makes[above])
				default:
					g.edge(g.makes[above], n)
				}
			}
		}
		if a, ok := n.change.(Alter); ok && !isInherited(a.To) {
			around(id, a.From, false)
		}
		around(id, n.change.Object(), false)
		if k, ok := n.change.Object().(*catalog.Constraint); ok && k.Type == catalog.Check || g.w.cameDown[id] {
			continue
		}
		g.edge(n, g.makes[aboveOf(n.change.Object())])
	}
}

// isPinned tells of a partition that goes and has to be detached first, because
// a foreign key leads to the table above, which stays, and so to its rows; or
// because the table is only set aside, and what comes is for the same rows.
func (w *work) isPinned(o catalog.Object) bool {
	a, ok := o.(*catalog.Attachment)
	if !ok || !a.IsPartition() {
		return false
	}
	if w.creates[tableOf(a.ID)] != nil {
		return true
	}
	return slices.ContainsFunc(w.keysTo(a.Parents[0]), func(k *catalog.Constraint) bool { return w.to.Get(k.ID) != nil && w.drops[k.ID] == nil })
}

// isInTheWay tells of a partition that goes while another comes to the same
// table that may be for the same rows: it is detached before.
func (w *work) isInTheWay(o catalog.Object) bool {
	a, ok := o.(*catalog.Attachment)
	if !ok || !a.IsPartition() || w.drops[a.Parents[0]] != nil || w.to.Get(tableOf(a.ID)) != nil {
		return false
	}
	return slices.ContainsFunc(w.attached(a.Parents[0]), func(b *catalog.Attachment) bool { return overlap(a.Bound, b.Bound) })
}

// attached are the partitions that come to a table.
func (w *work) attached(parent catalog.ID) []*catalog.Attachment {
	if w.arrivals == nil {
		w.arrivals = map[catalog.ID][]*catalog.Attachment{}
		for _, o := range w.creates {
			if a, ok := o.(*catalog.Attachment); ok && a.IsPartition() {
				w.arrivals[a.Parents[0]] = append(w.arrivals[a.Parents[0]], a)
			}
		}
	}
	return w.arrivals[parent]
}

var boundValue = regexp.MustCompile(`'(?:[^']|'')*'|[A-Za-z0-9]+`)

// overlap tells that a bound that goes may be for rows of one that comes. Rows
// that a default partition has keep others from coming.
func overlap(old, new string) bool {
	if old == "DEFAULT" || new == "DEFAULT" {
		return old == "DEFAULT"
	}
	a, inList := strings.CutPrefix(old, "FOR VALUES IN ")
	if b, too := strings.CutPrefix(new, "FOR VALUES IN "); inList && too {
		values := boundValue.FindAllString(b, -1)
		return slices.ContainsFunc(boundValue.FindAllString(a, -1), func(v string) bool { return slices.Contains(values, v) })
	}
	x, y := rangeOf(old), rangeOf(new)
	return x == nil || y == nil || x[0] < y[1] && y[0] < x[1]
}

var simpleRange = regexp.MustCompile(`^FOR VALUES FROM \('([0-9: -]+)'\) TO \('([0-9: -]+)'\)$`)

// rangeOf are the ends of a range of dates or of numbers, as texts that compare
// like them; nil where these don't.
func rangeOf(bound string) []string {
	m := simpleRange.FindStringSubmatch(bound)
	if m == nil || strings.HasPrefix(m[1], "-") || strings.HasPrefix(m[2], "-") {
		return nil
	}
	for i := range m {
		if isDate := strings.Contains(m[i], "-"); !isDate {
			m[i] = strings.Repeat("0", max(0, 20-len(m[i]))) + m[i]
		}
	}
	return m[1:]
}

// keysTo are the foreign keys that lead to a partitioned table, or to one above
// it.
func (w *work) keysTo(table catalog.ID) []*catalog.Constraint {
	if w.keys == nil {
		w.keys = map[catalog.ID][]*catalog.Constraint{}
		for o := range w.from.Each {
			k, ok := o.(*catalog.Constraint)
			if !ok || k.Type != catalog.ForeignKey {
				continue
			}
			for _, needed := range k.Needs {
				if t, ok := w.from.Get(needed).(*catalog.Table); ok && t.PartitionKey != "" && t.ID != tableOf(k.ID) {
					w.keys[t.ID] = append(w.keys[t.ID], k)
				} else if needed.Kind() == catalog.KindColumn && tableOf(needed) != tableOf(k.ID) && !slices.Contains(w.keys[tableOf(needed)], k) {
					w.keys[tableOf(needed)] = append(w.keys[tableOf(needed)], k)
				}
			}
		}
	}
	keys := w.keys[table]
	for _, parent := range w.from.Parents(table) {
		keys = slices.Concat(keys, w.keysTo(parent))
	}
	return keys
}

// pinned has foreign keys go before the partitions that they keep.
func (g *graph) pinned() {
	for id, n := range g.drops {
		a, ok := g.w.from.Get(attachmentOf(id)).(*catalog.Attachment)
		if !ok || !a.IsPartition() || id.Kind() != catalog.KindTable && id.Kind() != catalog.KindAttachment {
			continue
		}
		for _, k := range g.w.keysTo(a.Parents[0]) {
			g.edge(g.dropOf(k.ID), n)
		}
		for key, create := range g.makes { // nor do new ones keep them
			if k, ok := create.change.Object().(*catalog.Constraint); ok && k.Type == catalog.ForeignKey && g.w.creates[key] != nil && leadsTo(k, g.w.above(a.Parents[0])) {
				g.edge(n, create)
			}
		}
	}
}

// bounds has partitions go before others come in their place: two that take the
// same rows can't be there at once.
func (g *graph) bounds() {
	gone := map[catalog.ID][]*node{} // by the table above
	for o := range g.w.from.Each {
		if a, ok := o.(*catalog.Attachment); ok && a.IsPartition() {
			if n := g.dropOf(a.ID); n != nil {
				gone[a.Parents[0]] = append(gone[a.Parents[0]], n)
			}
		}
	}
	for _, n := range g.makes {
		c, isCreate := n.change.(Create)
		a, ok := n.change.Object().(*catalog.Attachment)
		if !isCreate || !ok || !a.IsPartition() {
			continue
		}
		for _, d := range gone[a.Parents[0]] {
			g.edge(d, n)
			if table := tableOf(c.To.Base().ID); g.w.creates[table] != nil { // may be written with it
				g.edge(d, g.makes[table])
			}
		}
	}
}

// namesakes has a table that goes, or comes, not meet the column above that comes,
// or goes, by the name of one of its own: PostgreSQL would make them one.
func (g *graph) namesakes() {
	meets := func(in *catalog.Catalog, changes map[catalog.ID]*node, edge func(table catalog.ID, column *node)) {
		below := map[catalog.ID][]*catalog.Attachment{}
		for o := range in.Each {
			if a, ok := o.(*catalog.Attachment); ok && !a.IsPartition() {
				for _, parent := range a.Parents {
					below[parent] = append(below[parent], a)
				}
			}
		}
		if len(below) == 0 {
			return
		}
		for id, n := range changes {
			if id.Kind() != catalog.KindColumn {
				continue
			}
			for _, a := range below[tableOf(id)] {
				if c, ok := in.Get(a.ID.With(catalog.KindColumn, id.Sub())).(*catalog.Column); ok && !c.Inherited {
					edge(tableOf(a.ID), n)
				}
			}
		}
	}
	meets(g.w.from, g.makes, func(table catalog.ID, column *node) { g.edge(g.drops[table], column) })
	meets(g.w.to, g.drops, func(table catalog.ID, column *node) {
		if g.w.creates[table] != nil {
			g.edge(column, g.makes[table])
		}
	})
}

// above are a table and those that it hangs on.
func (w *work) above(table catalog.ID) []catalog.ID {
	all := []catalog.ID{table}
	for _, p := range w.from.Parents(table) {
		all = append(all, w.above(p)...)
	}
	return all
}

func leadsTo(k *catalog.Constraint, tables []catalog.ID) bool {
	return slices.ContainsFunc(k.Needs, func(needed catalog.ID) bool {
		return needed.Kind() == catalog.KindColumn && tableOf(needed) != tableOf(k.ID) && slices.Contains(tables, tableOf(needed))
	})
}

// detaching is the change that takes the table of what id names from one above.
func (g *graph) detaching(id catalog.ID) *node {
	a := attachmentOf(id)
	if alter, ok := g.w.alters[a]; ok && leaves(alter.From.(*catalog.Attachment), alter.To.(*catalog.Attachment)) {
		return g.makes[a]
	}
	return g.drops[a]
}

// attaching is the change that puts it under one.
func (g *graph) attaching(id catalog.ID) *node {
	n := g.makes[attachmentOf(id)]
	if n == g.detaching(id) {
		return nil
	}
	return n
}

// aboveAttachments has tables detached before those above change, and attached
// after.
func (g *graph) aboveAttachments() {
	detached, attached := map[catalog.ID][]*node{}, map[catalog.ID][]*node{}
	for _, n := range g.drops {
		if a, ok := n.change.Object().(*catalog.Attachment); ok {
			for _, p := range a.Parents {
				detached[p] = append(detached[p], n)
			}
		}
	}
	for id, n := range g.makes {
		if n == g.detaching(id) && id.Kind() == catalog.KindAttachment {
			for _, p := range g.w.from.Parents(id) {
				detached[p] = append(detached[p], n)
			}
		}
		if c, ok := n.change.(Create); ok {
			if a, ok := c.To.(*catalog.Attachment); ok {
				for _, p := range a.Parents {
					attached[p] = append(attached[p], n)
				}
			}
		}
	}
	if len(detached)+len(attached) == 0 {
		return
	}
	for parent, list := range attached {
		for _, d := range detached[parent] { // may be for the same rows
			for _, a := range list {
				g.edge(d, a)
				if table := g.makes[tableOf(a.id)]; table != nil && g.w.creates[tableOf(a.id)] != nil && g.w.drops[tableOf(a.id)] == nil {
					g.edge(d, table)
				}
			}
		}
	}
	for _, nodes := range []map[catalog.ID]*node{g.drops, g.makes} {
		for id, n := range nodes {
			_, isCreate := n.change.(Create)
			_, isIndex := n.change.Object().(*catalog.Index)
			k, isConstraint := n.change.Object().(*catalog.Constraint)
			if isCreate || isIndex || isConstraint && k.Type != catalog.ForeignKey {
				for _, d := range detached[tableOfObject(n.change.Object())] { // it would get one as well, or lose its own
					g.edge(d, n)
				}
			}
			if id.Kind() != catalog.KindColumn && id.Kind() != catalog.KindConstraint {
				continue
			}
			_, isDrop := n.change.(Drop)
			_, isAlter := n.change.(Alter)
			// A column that is not above, a key of its own; a column of its own
			// that is above as well.
			if isDrop || isAlter && id.Kind() == catalog.KindColumn && !g.w.cameDown[id] {
				g.edge(g.detaching(id), n)
				g.edge(n, g.attaching(id))
			}
			if k, ok := n.change.Object().(*catalog.Constraint); ok && k.Type != catalog.Check {
				continue
			}
			for _, d := range detached[tableOf(id)] {
				g.edge(d, n)
			}
			for _, a := range attached[tableOf(id)] {
				g.edge(n, a)
			}
		}
	}
}

// aboveOf is what an index or a constraint is a part of, or the zero ID.
func aboveOf(o catalog.Object) catalog.ID {
	switch o := o.(type) {
	case *catalog.Index:
		return o.Above
	case *catalog.Constraint:
		return o.Above
	}
	return catalog.ID{}
}
