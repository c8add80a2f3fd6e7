package ddl

import (
	"fmt"
	"strings"

	"github.com/aludel-db/aludel/internal/catalog"
	"github.com/aludel-db/aludel/internal/diff"
)

// asideSchema is where tables wait whose name is wanted: SET SCHEMA takes their
// indexes, constraints and sequences along, and so frees those names too.
func (w *writer) asideSchema() string {
	name := "aludel_aside"
	for n := 2; w.from.Get(catalog.NewID(catalog.KindSchema, "", name, "")) != nil; n++ {
		name = fmt.Sprintf("aludel_aside_%d", n)
	}
	return name
}

func (w *writer) setAside(c diff.SetAside) {
	aside := w.asideSchema()
	if w.aside == 0 {
		w.add("CREATE SCHEMA " + ident(aside))
		w.lock(AccessShare)
	}
	w.aside++
	for _, s := range c.Sequences {
		w.add("ALTER " + name(s) + " OWNED BY NONE")
		w.lock(AccessShare)
		w.later("ALTER "+name(s)+" OWNED BY "+qualified(s.OwnedBy.Schema(), s.OwnedBy.Name())+"."+ident(s.OwnedBy.Sub()), AccessShare, catalog.ID{})
	}
	w.add(alterTable(c.From.ID) + "SET SCHEMA " + ident(aside))
}

// refill moves the rows. One for which there is no partition is an error, and
// with it nothing has happened.
func (w *writer) refill(c diff.Refill) {
	aside := w.asideSchema()
	old := qualified(aside, c.From.ID.Name())
	var columns, values []string
	identity := ""
	for _, pair := range c.Columns {
		from, to := pair[0], pair[1]
		columns = append(columns, ident(to.ID.Sub()))
		value := ident(from.ID.Sub())
		if from.Type != to.Type {
			value = converted(value, from.Type, to.Type)
		} else if w.swapped[strings.TrimSuffix(to.Type, "[]")] != "" {
			value += "::text" + arrayOf(to.Type) + "::" + to.Type
		}
		values = append(values, value)
		if to.Identity == "ALWAYS" {
			identity = " OVERRIDING SYSTEM VALUE"
		}
	}
	if len(columns) > 0 {
		w.add("INSERT INTO "+qualified(c.To.ID.Schema(), c.To.ID.Name())+" ("+strings.Join(columns, ", ")+")"+identity+
			" SELECT "+strings.Join(values, ", ")+" FROM "+old, Rewrite)
	}
	for _, pair := range c.Columns {
		if from, to := pair[0], pair[1]; from.Sequence != nil && to.Sequence != nil {
			w.add("SELECT pg_catalog.setval(" + literal(qualified(to.ID.Schema(), to.Sequence.ID.Name())) + ", last_value, is_called) FROM " +
				qualified(aside, from.Sequence.ID.Name()))
		}
	}
	w.add("DROP TABLE " + old)
	if w.aside--; w.aside == 0 {
		w.add("DROP SCHEMA " + ident(aside))
	}
}
