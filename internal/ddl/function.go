package ddl

import (
	"strings"

	"github.com/aludel-db/aludel/internal/catalog"
)

// signature is a function's qualified name with the types of its arguments; an
// aggregate without any has an asterisk.
func signature(f *catalog.Function) string {
	arguments := f.ID.Sub()
	switch {
	case f.Form == catalog.Aggregate && f.Arguments == "":
		arguments = "*"
	case f.Form == catalog.Aggregate:
		arguments = f.Arguments
	case f.Form == catalog.Procedure:
		arguments = f.Identity
	}
	return qualified(f.ID.Schema(), f.ID.Name()) + "(" + arguments + ")"
}

func (w *writer) createFunction(f *catalog.Function) {
	if f.Form == catalog.Aggregate {
		w.add("CREATE AGGREGATE " + signature(f) + " (\n    " + f.Definition + "\n)")
		return
	}
	w.add(strings.TrimRight(f.Definition, "\n"))
}
