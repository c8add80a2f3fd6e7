package diff

import (
	"cmp"
	"container/heap"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aludel-db/aludel/internal/catalog"
)

// A node is a change in the graph of what has to come first.
type node struct {
	change Change
	rank   int
	id     catalog.ID
	after  []*node // come later
	before int     // have to come first and haven't
}

// order sorts the changes: what something needs is made first, what needs
// something goes first, and a name is free before it is taken. Where that
// leaves a choice, rank and name decide.
func (w *work) order() ([]Change, error) {
	g := &graph{w: w, drops: map[catalog.ID]*node{}, makes: map[catalog.ID]*node{}}
	for id, o := range w.drops {
		g.drops[id] = &node{change: Drop{From: o, Only: w.leftBehind[id]}, rank: dropRank(o), id: id}
	}
	parts := w.parts()
	for id, o := range w.creates {
		g.makes[id] = &node{change: Create{To: o, Parts: parts.all(id)}, rank: makeRank(o), id: id}
	}
	for id, a := range w.alters {
		g.makes[id] = &node{change: a, rank: makeRank(a.To), id: id}
	}
	for id, s := range w.swaps {
		slices.SortFunc(s.Columns, func(a, b *catalog.Column) int { return a.ID.Compare(b.ID) })
		g.makes[id] = &node{change: *s, rank: makeRank(s.To), id: id}
	}
	g.undress()
	g.needs()
	g.attachments()
	g.pinned()
	g.bounds()
	g.namesakes()
	g.overloads()
	g.casts()
	g.names()
	g.rebuilds()
	changes, stuck := g.sort()
	if len(stuck) == 0 {
		return changes, nil
	}
	if w.release(stuck) {
		return w.order()
	}
	var names []string
	for _, n := range stuck {
		names = append(names, fmt.Sprintf("%T %s", n.change, n.id))
	}
	slices.Sort(names)
	return nil, fmt.Errorf("%w: %s", ErrCycle, strings.Join(names, ", "))
}

// undress has domains drop their default while the function that it calls is made
// anew: the columns of the domain keep it from being so itself.
func (g *graph) undress() {
	for id := range g.w.undressed {
		from, to := g.w.from.Get(id).(*catalog.Type), g.w.to.Get(id).(*catalog.Type)
		if g.drops[id] != nil || g.w.swaps[id] != nil {
			continue
		}
		bare := *from
		bare.Domain.Default = ""
		g.drops[id] = &node{change: Alter{From: from, To: &bare, Fields: []string{"Domain"}}, rank: dropRank(from), id: id}
		g.makes[id] = &node{change: Alter{From: &bare, To: to, Fields: g.w.differing(&bare, to)}, rank: makeRank(to), id: id}
	}
}

// release has what goes with its table go by itself, before, where it is what
// keeps another that can't go either: policies of two tables that each speak of
// the other. A partition is detached first.
func (w *work) release(stuck []*node) bool {
	holders := map[catalog.ID]bool{}
	for _, n := range stuck {
		for _, o := range append(w.allCarried(n.id), n.change.Object()) {
			holders[o.Base().ID] = true
		}
	}
	released := false
	for _, n := range stuck {
		for _, o := range w.allCarried(n.id) {
			id := o.Base().ID
			if isInherited(o) {
				continue // can't go alone
			}
			switch o.(type) {
			case *catalog.Policy, *catalog.Trigger, *catalog.Rule, *catalog.Index, *catalog.Constraint, *catalog.Default, *catalog.Attachment:
			default:
				continue
			}
			schema, name, _ := id.Parent()
			if a, ok := o.(*catalog.Attachment); ok && !a.IsPartition() || !ok && !slices.ContainsFunc(o.Base().Needs, func(needed catalog.ID) bool {
				return holders[needed] && (needed.Schema() != schema || needed.Name() != name)
			}) {
				continue
			}
			parent := w.wentWith[id]
			w.carried[parent] = slices.DeleteFunc(w.carried[parent], func(c catalog.Object) bool { return c.Base().ID == id })
			delete(w.wentWith, id)
			w.drops[id] = o
			released = true
		}
	}
	return released
}

type graph struct {
	w            *work
	drops, makes map[catalog.ID]*node
	refills      []*node
}

func (g *graph) edge(first, then *node) {
	if first == nil || then == nil || first == then {
		return
	}
	first.after = append(first.after, then)
	then.before++
}

// needs draws the edges of what stands on what.
func (g *graph) needs() {
	for id, n := range g.makes {
		for _, needed := range g.w.to.Get(id).Base().Needs {
			if n != g.detaching(id) || needed.Kind() == catalog.KindTable { // its columns can change once it hangs on fewer
				for _, m := range g.making(needed) {
					g.edge(m, n)
				}
			}
		}
		before := g.w.from.Get(id)
		if _, isCreate := n.change.(Create); isCreate || before == nil {
			continue // nothing of it is there any more
		}
		if s, ok := before.(*catalog.Sequence); ok && s.OwnedBy != g.w.to.Get(id).(*catalog.Sequence).OwnedBy {
			g.edge(n, g.dropOf(s.OwnedBy))
			g.edge(n, g.dropOf(tableOf(s.OwnedBy)))
		}
		for _, needed := range before.Base().Needs { // an alteration lets go of what goes
			if !slices.Contains(g.w.to.Get(id).Base().Needs, needed) {
				g.edge(n, g.dropOf(needed))
				if swap := g.makes[needed]; swap != nil {
					if _, isSwap := swap.change.(Swap); isSwap {
						g.edge(n, swap)
					}
				}
			}
		}
	}
	for id, n := range g.drops {
		needs := slices.Clone(g.w.from.Get(id).Base().Needs)
		for _, carried := range g.w.allCarried(id) {
			needs = append(needs, carried.Base().Needs...)
		}
		for _, needed := range needs {
			g.edge(n, g.dropOf(needed))
			if isOwnTable := id.Kind() == catalog.KindColumn && needed.Kind() == catalog.KindTable; isOwnTable || g.drops[needed] != nil {
				continue
			}
			for _, alter := range g.making(needed) {
				if _, isCreate := alter.change.(Create); !isCreate {
					g.edge(n, alter) // what stands on it goes before it is changed
				}
			}
		}
	}
	g.partitionKeys()
	g.ownedSequences()
	g.persistence()
	g.aroundSwaps()
}

// making are the changes that make an object or alter it. What comes from a
// table above is made and altered with what is there, and the columns of a typed
// table with its type.
func (g *graph) making(id catalog.ID) []*node {
	var nodes []*node
	if n := g.makes[id]; n != nil {
		nodes = append(nodes, n)
	}
	for _, above := range inheritedFrom(g.w.to, id) {
		nodes = append(nodes, g.making(above)...)
	}
	if t, ok := g.w.to.Get(tableOf(id)).(*catalog.Table); ok && id.Kind() == catalog.KindColumn && t.OfType != "" {
		for _, needed := range t.Needs {
			if needed.Kind() == catalog.KindType {
				nodes = append(nodes, g.making(needed)...)
			}
		}
	}
	return nodes
}

// partitionKeys has what the columns of a new table's key need be there before:
// they are the ones that can't be added later.
func (g *graph) partitionKeys() {
	for id, n := range g.makes {
		t, isTable := n.change.Object().(*catalog.Table)
		if _, isCreate := n.change.(Create); !isTable || !isCreate {
			continue
		}
		for _, column := range t.KeyColumns {
			c := g.w.to.Get(id.With(catalog.KindColumn, column))
			if c == nil {
				continue
			}
			for _, needed := range c.Base().Needs {
				if needed.Kind() != catalog.KindColumn && needed != id {
					g.edge(g.makes[needed], n)
				}
			}
		}
	}
}

// ownedSequences has tables change their owner before the privileges on their
// sequences, which are the new owner's then, are seen to.
func (g *graph) ownedSequences() {
	for id, n := range g.makes {
		a, isAlter := n.change.(Alter)
		if !isAlter || id.Kind() != catalog.KindSequence || !slices.Contains(a.Fields, "Owner") {
			continue
		}
		if to := a.To.(*catalog.Sequence); to.OwnedBy == a.From.(*catalog.Sequence).OwnedBy {
			g.edge(g.makes[tableOf(to.OwnedBy)], n)
		}
	}
}

// persistence has foreign keys that go do so before a table is made unlogged or
// logged, which they keep it from. Those that stay give the order: an unlogged
// table may lead to a logged one, but not the other way round.
func (g *graph) persistence() {
	for id, n := range g.makes {
		a, isAlter := n.change.(Alter)
		if !isAlter || id.Kind() != catalog.KindTable || !slices.Contains(a.Fields, "Unlogged") {
			continue
		}
		for o := range g.w.from.Each {
			if k, ok := o.(*catalog.Constraint); ok && k.Type == catalog.ForeignKey && (tableOf(k.ID) == id || leadsTo(k, []catalog.ID{id})) {
				g.edge(g.dropOf(k.ID), n)
				if other := g.w.alters[tableOf(k.ID)]; leadsTo(k, []catalog.ID{id}) && g.dropOf(k.ID) == nil && slices.Contains(other.Fields, "Unlogged") {
					if a.To.(*catalog.Table).Unlogged {
						g.edge(g.makes[tableOf(k.ID)], n)
					} else {
						g.edge(n, g.makes[tableOf(k.ID)])
					}
				}
			}
		}
	}
}

// overloads has functions go before others of their name come: while both are
// there, a call that leaves defaults out may be ambiguous.
func (g *graph) overloads() {
	dropped := map[catalog.ID][]*node{}
	for id, n := range g.drops {
		if id.Kind() == catalog.KindFunction {
			dropped[id.As(id.Kind())] = append(dropped[id.As(id.Kind())], n)
		}
	}
	for id, n := range g.makes {
		if _, isCreate := n.change.(Create); isCreate && id.Kind() == catalog.KindFunction && g.drops[id] == nil {
			for _, d := range dropped[id.As(id.Kind())] {
				g.edge(d, n)
			}
		}
	}
}

// casts has a cast be there for those that use it. PostgreSQL notes down that
// they need the function of the cast, or its types.
func (g *graph) casts() {
	around := func(in *catalog.Catalog, casts, others map[catalog.ID]*node, edge func(cast, user *node)) {
		for id, cast := range casts {
			if id.Kind() != catalog.KindCast || g.w.isAlter(cast) {
				continue
			}
			var by []catalog.ID // the function, or else all that the cast needs
			for _, needed := range in.Get(id).Base().Needs {
				if needed.Kind() == catalog.KindFunction {
					by = []catalog.ID{needed}
					break
				}
				if needed.Kind() == catalog.KindType {
					by = append(by, needed)
				}
			}
			for other, n := range others {
				switch other.Kind() {
				case catalog.KindCast, catalog.KindType, catalog.KindFunction, catalog.KindSchema, catalog.KindExtension, catalog.KindTable, catalog.KindColumn:
					continue
				}
				o := in.Get(other)
				if o != nil && len(by) > 0 && !slices.ContainsFunc(by, func(b catalog.ID) bool { return !slices.Contains(o.Base().Needs, b) }) {
					edge(cast, n)
				}
			}
		}
	}
	around(g.w.to, g.makes, g.makes, func(cast, user *node) { g.edge(cast, user) })
	around(g.w.from, g.drops, g.drops, func(cast, user *node) { g.edge(user, cast) })
}

func (w *work) isAlter(n *node) bool {
	_, is := n.change.(Alter)
	return is
}

// aroundSwaps has what stands on rewritten columns go before, and come back
// after.
func (g *graph) aroundSwaps() {
	if len(g.w.swaps) == 0 {
		return
	}
	before, after := g.w.from.Dependents(), g.w.to.Dependents()
	for id, s := range g.w.swaps {
		for _, c := range s.Columns {
			for _, column := range append(g.w.below(c.ID), c.ID) {
				for _, d := range before[column] {
					g.edge(g.drops[d], g.makes[id])
				}
				for _, d := range after[column] {
					g.edge(g.makes[id], g.makes[d])
				}
			}
		}
	}
}

// dropOf is the drop with which an object goes, or nil.
func (g *graph) dropOf(id catalog.ID) *node {
	for {
		if n := g.drops[id]; n != nil {
			return n
		}
		parent, ok := g.w.wentWith[id]
		if !ok {
			break
		}
		id = parent
	}
	if g.w.to.Get(id) == nil {
		for _, above := range inheritedFrom(g.w.from, id) {
			if n := g.dropOf(above); n != nil {
				return n
			}
		}
	}
	return nil
}

// allCarried are the objects that go with one, and with those.
func (w *work) allCarried(id catalog.ID) []catalog.Object {
	all := slices.Clone(w.carried[id])
	for _, o := range w.carried[id] {
		all = append(all, w.allCarried(o.Base().ID)...)
	}
	return all
}

// names draws the edges between what frees a name and what takes it.
func (g *graph) names() {
	freed := map[string][]*node{}
	for id, n := range g.drops {
		for _, o := range append(g.w.allCarried(id), n.change.Object()) {
			for _, name := range taken(o) {
				freed[name] = append(freed[name], n)
			}
		}
	}
	for _, n := range g.makes {
		if a, isAlter := n.change.(Alter); isAlter {
			for _, name := range taken(a.From) { // that of an identity's sequence
				if !slices.Contains(taken(a.To), name) {
					freed[name] = append(freed[name], n)
				}
			}
		}
	}
	for id, n := range g.makes {
		if a, isAlter := n.change.(Alter); isAlter {
			for _, name := range taken(a.To) { // that of an identity's sequence
				if !slices.Contains(taken(a.From), name) {
					for _, d := range freed[name] {
						g.edge(d, n)
					}
				}
			}
		}
		if _, isCreate := n.change.(Create); !isCreate {
			continue
		}
		g.edge(g.drops[id], n)
		for _, name := range taken(n.change.Object()) {
			for _, d := range freed[name] {
				g.edge(d, n)
			}
		}
	}
}

// taken are the names that an object holds, by namespace.
func taken(o catalog.Object) []string {
	id := o.Base().ID
	relation, typ := "relation "+id.Schema()+"."+id.Name(), "type "+id.Schema()+"."+id.Name()
	switch o := o.(type) {
	case *catalog.Table, *catalog.View:
		return []string{relation, typ}
	case *catalog.Sequence, *catalog.Index:
		return []string{relation}
	case *catalog.Type:
		if o.Form == catalog.Composite {
			return []string{relation, typ}
		}
		return []string{typ}
	case *catalog.Column:
		if o.Sequence != nil {
			return []string{"relation " + id.Schema() + "." + o.Sequence.ID.Name()}
		}
	case *catalog.Constraint:
		if o.Index != "" {
			return []string{"relation " + id.Schema() + "." + o.Index}
		}
	}
	return nil
}

// makeRank is the usual place of a creation or alteration.
func makeRank(o catalog.Object) int {
	switch o := o.(type) {
	case *catalog.Schema:
		return 20
	case *catalog.Extension:
		return 21
	case *catalog.Type:
		return 22
	case *catalog.Sequence:
		return 23
	case *catalog.Function, *catalog.Cast, *catalog.Transform: // functions may need that one
		return 24
	case *catalog.Table:
		return 25
	case *catalog.Column:
		return 26
	case *catalog.Default:
		return 27
	case *catalog.Constraint:
		if o.Type == catalog.ForeignKey {
			return 30
		}
		return 28
	case *catalog.Index:
		return 29
	case *catalog.Attachment:
		return 30
	case *catalog.View:
		if o.Materialized {
			return 32 // its functions are called, and may speak of other views
		}
		return 31
	case *catalog.AccessMethod, *catalog.Language, *catalog.ForeignDataWrapper, *catalog.ForeignServer, *catalog.UserMapping, *catalog.Collation,
		*catalog.TextSearch: // bodies of functions speak of those by name
		return 22
	case *catalog.DefaultPrivileges:
		return 90 // they must not fall on what is made here
	case *catalog.EventTrigger:
		return 91 // nor these fire
	}
	return 32 // triggers, rules, policies and others
}

// dropRank puts what holds data last.
func dropRank(o catalog.Object) int {
	switch o.(type) {
	case *catalog.Column, *catalog.Table, *catalog.Sequence:
		return 40
	case *catalog.Function, *catalog.Type, *catalog.TextSearch:
		return 41
	case *catalog.Extension, *catalog.AccessMethod, *catalog.Language, *catalog.ForeignDataWrapper, *catalog.ForeignServer:
		return 42
	case *catalog.Schema:
		return 43
	case *catalog.DefaultPrivileges:
		return 90
	}
	return 10 - makeRank(o)/10
}

// A queue holds the nodes that nothing has to come before, the first in front.
type queue []*node

func (q queue) Len() int { return len(q) }
func (q queue) Less(i, j int) bool {
	return cmp.Or(cmp.Compare(q[i].rank, q[j].rank), compareNodes(q[i], q[j])) < 0
}
func (q queue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *queue) Push(x any)   { *q = append(*q, x.(*node)) }
func (q *queue) Pop() any {
	old := *q
	last := old[len(old)-1]
	*q = old[:len(old)-1]
	return last
}

// compareNodes orders columns of a table by their position, and the rest by
// name.
func compareNodes(a, b *node) int {
	x, isColumn := a.change.Object().(*catalog.Column)
	y, too := b.change.Object().(*catalog.Column)
	if isColumn && too && x.ID.Schema() == y.ID.Schema() && x.ID.Name() == y.ID.Name() {
		return cmp.Compare(x.Position, y.Position)
	}
	return a.id.Compare(b.id)
}

// ErrCycle is a set of changes of which each has to come before another. That
// is a fault of this package.
var ErrCycle = errors.New("the changes depend on each other in a circle")

// sort answers the changes in order, or those that wait for each other.
func (g *graph) sort() (changes []Change, stuck []*node) {
	var ready queue
	total := len(g.drops) + len(g.makes) + len(g.refills)
	for _, nodes := range []map[catalog.ID]*node{g.drops, g.makes} {
		for _, n := range nodes {
			if n.before == 0 {
				ready = append(ready, n)
			}
		}
	}
	for _, n := range g.refills {
		if n.before == 0 {
			ready = append(ready, n)
		}
	}
	heap.Init(&ready)
	changes = make([]Change, 0, total)
	for ready.Len() > 0 {
		n := heap.Pop(&ready).(*node)
		changes = append(changes, n.change)
		for _, later := range n.after {
			if later.before--; later.before == 0 {
				heap.Push(&ready, later)
			}
		}
	}
	if len(changes) == total {
		return changes, nil
	}
	for _, nodes := range []map[catalog.ID]*node{g.drops, g.makes} {
		for _, n := range nodes {
			if n.before > 0 {
				stuck = append(stuck, n)
			}
		}
	}
	for _, n := range g.refills {
		if n.before > 0 {
			stuck = append(stuck, n)
		}
	}
	return nil, stuck
}
