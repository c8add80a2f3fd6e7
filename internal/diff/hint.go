package diff

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aludel-db/aludel/internal/catalog"
)

// A Hint says what has got another name: From is where it was, To its new name.
//
//	users            accounts          a table, view, sequence, type, function or schema
//	users.name       full_name         a column or another part of it; the label of an enum
//	app.users.name   full_name         with the schema
//	users            crm.users         into another schema
//
// From may begin with a kind where several have the name: "index users". Names
// with dots, spaces or an equals sign are in double quotes.
type Hint struct {
	From, To string
	// Optional has it passed over where the old name isn't there: a comment in a
	// schema stays when it was followed.
	Optional bool
}

// ParseHint reads old=new.
func ParseHint(text string) (Hint, error) {
	quoted := false
	for i, c := range text {
		switch {
		case c == '"':
			quoted = !quoted
		case c == '=' && !quoted:
			h := Hint{From: strings.TrimSpace(text[:i]), To: strings.TrimSpace(text[i+1:])}
			if h.From != "" && h.To != "" {
				return h, nil
			}
		}
	}
	return Hint{}, fmt.Errorf("%q is no rename: write old=new, such as users.name=full_name", text)
}

// A Renaming is a hint that was found in both catalogs.
type Renaming struct {
	From, To catalog.ID
	// Label is what is renamed in From, which stays: the label of an enum, an
	// attribute, a column of a view. NewLabel is its new name.
	Label, NewLabel string
}

// ErrHint is a hint that can't be followed.
var ErrHint = errors.New("can't rename")

// Resolve finds what hints speak of: something that is in from and no more in
// to, where the new name is.
func Resolve(from, to *catalog.Catalog, hints []Hint) ([]Renaming, error) {
	r := resolver{from: from, to: to}
	// Schemas first, then what is in them, then its parts: the names of these
	// follow from those.
	pending := slices.Clone(hints)
	for level := range 3 {
		var rest []Hint
		for _, h := range pending {
			found, err := r.find(h, level)
			switch {
			case err != nil:
				return nil, err
			case !found:
				rest = append(rest, h)
			}
		}
		pending = rest
	}
	for _, h := range pending {
		if !h.Optional {
			return nil, r.unknown(h)
		}
	}
	return r.found, nil
}

type resolver struct {
	from, to *catalog.Catalog
	found    []Renaming
}

// level is 0 for schemas, 1 for what is in one, 2 for parts of that.
func level(id catalog.ID) int {
	_, _, isPart := id.Parent()
	switch {
	case id.Kind() == catalog.KindSchema:
		return 0
	case isPart:
		return 2
	}
	return 1
}

// find looks for a hint's object on one level.
func (r *resolver) find(h Hint, on int) (bool, error) {
	kind, path := splitHint(h.From)
	var candidates []Renaming
	for o := range r.from.Each {
		id := o.Base().ID
		if id.Kind() == catalog.KindDefault || id.Kind() == catalog.KindAttachment || kind != "" && string(id.Kind()) != kind {
			continue
		}
		if on == 2 {
			for _, label := range labels(o) {
				if r.names(path, id, label) && !slices.Contains(labels(r.to.Get(r.target(id))), label) {
					candidates = append(candidates, Renaming{From: id, To: r.target(id), Label: label, NewLabel: unquoted(h.To)})
				}
			}
		}
		if level(id) == on && r.names(path, id, "") && r.to.Get(r.target(id)) == nil {
			candidates = append(candidates, Renaming{From: id, To: r.renamed(id, h.To)})
		}
	}
	switch len(candidates) {
	case 0:
		return false, nil
	case 1:
		c := candidates[0]
		there := r.to.Get(c.To)
		if there == nil || c.Label != "" && !slices.Contains(labels(there), c.NewLabel) {
			return false, fmt.Errorf("%w %s to %s: the new state has no such name", ErrHint, describe(c.From, c.Label), h.To)
		}
		if c.Label == "" && r.from.Get(c.To) != nil {
			return false, fmt.Errorf("%w %s to %s: the old state has that name too; rename or drop it in a revision of its own before", ErrHint, c.From, h.To)
		}
		r.found = append(r.found, c)
		return true, nil
	}
	var list []string
	for _, c := range candidates {
		list = append(list, describe(c.From, c.Label))
	}
	slices.Sort(list)
	return false, fmt.Errorf("%w %s: it may be %s; say which by its kind or schema in front", ErrHint, h.From, strings.Join(list, " or "))
}

func (r *resolver) unknown(h Hint) error {
	return fmt.Errorf("%w %s to %s: the old state has nothing of that name that the new one has lost", ErrHint, h.From, h.To)
}

func describe(id catalog.ID, label string) string {
	if label == "" {
		return id.String()
	}
	return fmt.Sprintf("%q of %s", label, id)
}

// names tells that a path leads to an object, or to a label in it. The names of
// what it is in may be the new ones.
func (r *resolver) names(path []string, id catalog.ID, label string) bool {
	full := []string{id.Schema(), id.Name()}
	_, _, isPart := id.Parent()
	switch {
	case label != "":
		full = append(full, label)
	case isPart:
		full = append(full, id.Sub())
	case id.Kind() == catalog.KindSchema:
		full = full[1:]
	}
	fits := func(full []string) bool {
		return len(path) <= len(full) && len(path) >= len(full)-1 && slices.Equal(path, full[len(full)-len(path):])
	}
	if fits(full) {
		return true
	}
	if len(full) < 3 {
		return false
	}
	above := r.target(id)
	return fits([]string{above.Schema(), above.Name(), full[2]})
}

// target is where an object is by the renamings so far of what it is in.
func (r *resolver) target(id catalog.ID) catalog.ID {
	for _, f := range r.found {
		_, _, isPart := id.Parent()
		switch {
		case f.Label != "":
		case f.From == id:
			return f.To
		case f.From.Kind() == catalog.KindSchema && id.Schema() == f.From.Name() && id.Schema() != f.To.Name():
			id = catalog.NewID(id.Kind(), f.To.Name(), id.Name(), id.Sub())
		case isPart && level(f.From) == 1 && f.From.Schema() == id.Schema() && f.From.Name() == id.Name() && f.From.Kind() != catalog.KindFunction && f.From.Kind() != catalog.KindIndex:
			id = catalog.NewID(id.Kind(), f.To.Schema(), f.To.Name(), id.Sub())
		}
	}
	return id
}

// renamed is an object's ID under a new name.
func (r *resolver) renamed(id catalog.ID, name string) catalog.ID {
	path := splitPath(name)
	last := path[len(path)-1]
	id = r.target(id)
	if _, _, isPart := id.Parent(); isPart {
		return id.With(id.Kind(), last)
	}
	schema := id.Schema()
	if len(path) == 2 {
		schema = path[0]
	}
	return catalog.NewID(id.Kind(), schema, last, id.Sub())
}

// labels are the parts of an object that are no objects.
func labels(o catalog.Object) []string {
	var list []string
	switch o := o.(type) {
	case *catalog.Type:
		list = append(list, o.Labels...)
		for _, a := range o.Attributes {
			list = append(list, a.Name)
		}
	case *catalog.View:
		for _, c := range o.Columns {
			list = append(list, c.Name)
		}
	}
	return list
}

// splitHint takes a kind off the front.
func splitHint(text string) (kind string, path []string) {
	for _, k := range []catalog.Kind{
		catalog.KindSchema, catalog.KindType, catalog.KindSequence, catalog.KindTable, catalog.KindColumn, catalog.KindConstraint,
		catalog.KindIndex, catalog.KindView, catalog.KindFunction, catalog.KindTrigger, catalog.KindRule, catalog.KindPolicy,
	} {
		if rest, ok := strings.CutPrefix(text, string(k)+" "); ok {
			return string(k), splitPath(strings.TrimSpace(rest))
		}
	}
	return "", splitPath(text)
}

// splitPath cuts at the dots outside of double quotes.
func splitPath(text string) []string {
	var path []string
	quoted, start := false, 0
	for i := range len(text) {
		switch {
		case text[i] == '"':
			quoted = !quoted
		case text[i] == '.' && !quoted:
			path = append(path, unquoted(text[start:i]))
			start = i + 1
		}
	}
	return append(path, unquoted(text[start:]))
}

func unquoted(name string) string {
	if len(name) >= 2 && name[0] == '"' && name[len(name)-1] == '"' {
		return strings.ReplaceAll(name[1:len(name)-1], `""`, `"`)
	}
	return name
}

// Inverse leads back.
func Inverse(renamings []Renaming) []Renaming {
	back := make([]Renaming, len(renamings))
	for i, r := range renamings {
		back[i] = Renaming{From: r.To, To: r.From, Label: r.NewLabel, NewLabel: r.Label}
	}
	return back
}

// Renames are the changes that follow hints, in the order in which they can be
// made: parts while what they are in has its old name still. A schema into which
// something is moved comes before, as it is in to.
func Renames(from, to *catalog.Catalog, renamings []Renaming) []Change {
	var changes []Change
	for _, r := range renamings {
		if schema, moved := movedSchema(renamings, r); moved {
			id := catalog.NewID(catalog.KindSchema, "", schema, "")
			if s := to.Get(id); s != nil && from.Get(id) == nil && !slices.ContainsFunc(changes, func(c Change) bool { return c.Object() == s }) {
				changes = append(changes, Create{To: s})
			}
		}
	}
	for on := 2; on >= 0; on-- {
		for _, r := range renamings {
			o := from.Get(r.From)
			switch {
			case o == nil:
			case r.Label != "":
				if on == 2 {
					changes = append(changes, RenameLabel{Of: o, Was: r.Label, Is: r.NewLabel})
				}
			case level(r.From) == on && on == 2:
				to := r.From.With(r.From.Kind(), r.To.Sub())
				changes = append(changes, Rename{From: o, To: catalog.At(o, to)})
			case level(r.From) == on:
				schema := r.From.Schema()
				if other, moved := movedSchema(renamings, r); moved {
					schema = other
				}
				to := catalog.NewID(r.From.Kind(), schema, r.To.Name(), r.From.Sub())
				changes = append(changes, Rename{From: o, To: catalog.At(o, to)})
			}
		}
	}
	return changes
}

// movedSchema is the schema that an object is put into, where that isn't its
// own under a new name.
func movedSchema(renamings []Renaming, r Renaming) (string, bool) {
	if r.From.Schema() == r.To.Schema() {
		return "", false
	}
	target := r.To.Schema()
	for _, s := range renamings {
		if s.From.Kind() == catalog.KindSchema && s.To.Name() == r.To.Schema() {
			target = s.From.Name() // as it is called until then
		}
	}
	return target, target != r.From.Schema()
}

// RenameLabel renames the label of an enum, an attribute of a composite type or
// a column of a view.
type RenameLabel struct {
	Of      catalog.Object
	Was, Is string
}

// Object is what it is in.
func (c RenameLabel) Object() catalog.Object { return c.Of }

// Reverse gives it the old name.
func (c RenameLabel) Reverse() Change { return RenameLabel{Of: c.Of, Was: c.Is, Is: c.Was} }
