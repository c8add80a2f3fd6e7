package diff

import (
	"cmp"
	"slices"
	"strings"

	"github.com/aludel-db/aludel/internal/catalog"
)

// Candidates are drops and creations that may be renames: what goes and what
// comes is alike. Each object is in one at most. Nothing follows from them: a
// person has to say.
func Candidates(from, to *catalog.Catalog, changes []Change) []Renaming {
	var gone, come []catalog.Object
	var found []Renaming
	for _, c := range changes {
		switch c := c.(type) {
		case Drop:
			if to.Get(c.From.Base().ID) == nil {
				gone = append(gone, c.From)
			}
		case Create:
			if from.Get(c.To.Base().ID) == nil {
				come = append(come, c.To)
			}
		case Swap:
			if r, ok := renamedLabel(c); ok {
				found = append(found, r)
			}
		case Alter, Rename, RenameLabel, SetAside, Refill:
		}
	}
	if len(gone) == 0 || len(come) == 0 {
		return found
	}
	columns := [2]map[catalog.ID][]*catalog.Column{columnsOf(from), columnsOf(to)}
	type pair struct {
		a, b     catalog.Object
		distance int // the lower the more alike
	}
	var pairs []pair
	for _, a := range gone {
		for _, b := range come {
			if d, alike := distance(a, b, columns); alike {
				pairs = append(pairs, pair{a, b, d})
			}
		}
	}
	slices.SortFunc(pairs, func(x, y pair) int {
		return cmp.Or(cmp.Compare(x.distance, y.distance), x.a.Base().ID.Compare(y.a.Base().ID), x.b.Base().ID.Compare(y.b.Base().ID))
	})
	used := map[catalog.ID]bool{}
	for _, p := range pairs {
		a, b := p.a.Base().ID, p.b.Base().ID
		if !used[a] && !used[b] {
			used[a], used[b] = true, true
			found = append(found, Renaming{From: a, To: b})
		}
	}
	slices.SortFunc(found, func(a, b Renaming) int { return a.From.Compare(b.From) })
	return found
}

// renamedLabel tells that of an enum one label has gone, and another is in its
// place.
func renamedLabel(s Swap) (Renaming, bool) {
	from, isType := s.From.(*catalog.Type)
	if !isType {
		return Renaming{}, false
	}
	to := s.To.(*catalog.Type)
	if from.Form != catalog.Enum || len(from.Labels) != len(to.Labels) {
		return Renaming{}, false
	}
	at := -1
	for i := range from.Labels {
		if from.Labels[i] == to.Labels[i] {
			continue
		}
		if at >= 0 {
			return Renaming{}, false
		}
		at = i
	}
	if at < 0 || slices.Contains(to.Labels, from.Labels[at]) {
		return Renaming{}, false
	}
	return Renaming{From: from.ID, To: to.ID, Label: from.Labels[at], NewLabel: to.Labels[at]}, true
}

func columnsOf(c *catalog.Catalog) map[catalog.ID][]*catalog.Column {
	columns := map[catalog.ID][]*catalog.Column{}
	for o := range c.Each {
		if column, ok := o.(*catalog.Column); ok {
			columns[tableOf(column.ID)] = append(columns[tableOf(column.ID)], column)
		}
	}
	return columns
}

// distance tells how far two objects are from being the same, and whether they
// are alike at all.
func distance(a, b catalog.Object, columns [2]map[catalog.ID][]*catalog.Column) (int, bool) {
	x, y := a.Base().ID, b.Base().ID
	if x.Kind() != y.Kind() {
		return 0, false
	}
	switch a := a.(type) {
	case *catalog.Column:
		b := b.(*catalog.Column)
		apart := a.Position - b.Position
		return max(apart, -apart), tableOf(x) == tableOf(y) && a.Type == b.Type && a.Generated == b.Generated
	case *catalog.Table:
		return differentColumns(columns[0][x], columns[1][y])
	case *catalog.Type:
		b := b.(*catalog.Type)
		return 0, a.Form == b.Form && slices.Equal(a.Labels, b.Labels) && slices.Equal(a.Attributes, b.Attributes) && a.Domain == b.Domain
	case *catalog.View:
		return 0, a.Query == b.(*catalog.View).Query
	case *catalog.Function:
		_, before, _ := strings.Cut(a.Definition, "(")
		_, after, _ := strings.Cut(b.(*catalog.Function).Definition, "(")
		return 0, x.Sub() == y.Sub() && before == after
	}
	return 0, false
}

// differentColumns counts the columns that are on one side only. Tables are
// alike where that is less than half.
func differentColumns(before, after []*catalog.Column) (int, bool) {
	count := map[string]int{}
	for _, c := range before {
		count[c.ID.Sub()+" "+c.Type]++
	}
	same := 0
	for _, c := range after {
		same += count[c.ID.Sub()+" "+c.Type]
	}
	different := len(before) + len(after) - 2*same
	return different, same > different
}

// Flag is a renaming as a hint: what --rename takes.
func (r Renaming) Flag() string {
	quote := func(name string) string {
		if strings.ContainsAny(name, `." =`) {
			return `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
		}
		return name
	}
	var path []string
	for _, part := range []string{r.From.Schema(), r.From.Name()} {
		if part != "" && part != "public" {
			path = append(path, quote(part))
		}
	}
	_, _, isPart := r.From.Parent()
	to := quote(r.To.Name())
	switch {
	case r.Label != "":
		path, to = append(path, quote(r.Label)), quote(r.NewLabel)
	case isPart:
		path, to = append(path, quote(r.From.Sub())), quote(r.To.Sub())
	case r.From.Schema() != r.To.Schema():
		to = quote(r.To.Schema()) + "." + to
	}
	return strings.Join(path, ".") + "=" + to
}
