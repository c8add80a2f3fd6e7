package ddl

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/aludel-db/aludel/internal/catalog"
	"github.com/aludel-db/aludel/internal/diff"
)

// standardSequence are the options that CREATE SEQUENCE gives one of which only
// the direction and, for the start, the bounds are said.
func standardSequence(o catalog.SequenceOptions) catalog.SequenceOptions {
	limit := map[string]int64{"smallint": math.MaxInt16, "integer": math.MaxInt32, "bigint": math.MaxInt64}[o.Type]
	s := catalog.SequenceOptions{Type: o.Type, Start: o.Min, Increment: 1, Min: 1, Max: limit, Cache: 1}
	if o.Increment < 0 {
		s.Start, s.Min, s.Max = o.Max, -limit-1, -1
	}
	return s
}

// sequenceClauses are what differs between two sets of options, for a new
// sequence or for one in use.
func sequenceClauses(from, to catalog.SequenceOptions, inUse bool) []string {
	var list []string
	number := func(word string, before, after int64) {
		if before != after {
			list = append(list, word+" "+strconv.FormatInt(after, 10))
		}
	}
	if from.Type != to.Type {
		list = append(list, "AS "+to.Type)
	}
	number("INCREMENT BY", from.Increment, to.Increment)
	number("MINVALUE", from.Min, to.Min)
	number("MAXVALUE", from.Max, to.Max)
	number("START WITH", from.Start, to.Start)
	number("CACHE", from.Cache, to.Cache)
	if inUse && (to.Min > from.Start || to.Max < from.Start) {
		// Where it stands may be outside of the new bounds, which the server
		// refuses.
		list = append(list, "RESTART WITH "+strconv.FormatInt(to.Start, 10))
	}
	if from.Cycle != to.Cycle {
		list = append(list, map[bool]string{true: "CYCLE", false: "NO CYCLE"}[to.Cycle])
	}
	return list
}

func (w *writer) createSequence(s *catalog.Sequence) {
	sql := "CREATE "
	if s.Unlogged {
		sql += "UNLOGGED "
	}
	sql += "SEQUENCE " + qualified(s.ID.Schema(), s.ID.Name())
	if s.Type != "bigint" {
		sql += " AS " + s.Type
	}
	if clauses := sequenceClauses(standardSequence(s.SequenceOptions), s.SequenceOptions, false); len(clauses) > 0 {
		sql += " " + strings.Join(clauses, " ")
	}
	w.add(sql)
	w.ownedBy(catalog.ID{}, s)
}

func (w *writer) ownedBy(from catalog.ID, s *catalog.Sequence) {
	switch {
	case from == s.OwnedBy:
	case s.OwnedBy == (catalog.ID{}):
		w.add("ALTER " + name(s) + " OWNED BY NONE")
	default:
		if w.gone[from]+w.gone[tableOf(from)] > 0 || w.changesOwner(tableOf(from)) || w.changesOwner(s.ID) { // which would take it along
			w.add("ALTER " + name(s) + " OWNED BY NONE")
		}
		w.later("ALTER "+name(s)+" OWNED BY "+qualified(s.OwnedBy.Schema(), s.OwnedBy.Name())+"."+ident(s.OwnedBy.Sub()), AccessShare, catalog.ID{})
	}
}

// changesOwner tells that an object is given to another role here.
func (w *writer) changesOwner(id catalog.ID) bool {
	at, ok := w.made[id]
	if !ok {
		return false
	}
	alter, isAlter := w.changes[at].(diff.Alter)
	return isAlter && slices.Contains(alter.Fields, "Owner")
}

// ownedAlong tells of a sequence that belongs to one column all the time:
// PostgreSQL gives it to the new owner of the table, and to nobody else.
func ownedAlong(a diff.Alter) bool {
	to, ok := a.To.(*catalog.Sequence)
	return ok && to.OwnedBy != (catalog.ID{}) && a.From.(*catalog.Sequence).OwnedBy == to.OwnedBy
}

func (w *writer) alterSequence(from, to *catalog.Sequence) {
	if from.Unlogged != to.Unlogged && !w.tableLogs(to.OwnedBy) {
		w.setLogged(to)
	}
	if clauses := sequenceClauses(from.SequenceOptions, to.SequenceOptions, true); len(clauses) > 0 {
		w.add("ALTER " + name(to) + " " + strings.Join(clauses, " "))
	}
	w.ownedBy(from.OwnedBy, to)
}

func (w *writer) setLogged(s *catalog.Sequence) {
	w.add("ALTER " + name(s) + map[bool]string{true: " SET UNLOGGED", false: " SET LOGGED"}[s.Unlogged])
	w.lock(AccessShare)
}

// tableLogs tells that a table is made logged or unlogged here, which reaches
// the sequences of its columns.
func (w *writer) tableLogs(column catalog.ID) bool {
	at, ok := w.made[tableOf(column)]
	if !ok {
		return false
	}
	alter, isAlter := w.changes[at].(diff.Alter)
	return isAlter && slices.Contains(alter.Fields, "Unlogged")
}
