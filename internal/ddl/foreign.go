package ddl

import "github.com/aludel-db/aludel/internal/catalog"

func (w *writer) createForeignDataWrapper(f *catalog.ForeignDataWrapper) {
	sql := "CREATE " + name(f)
	if f.Handler != "" {
		sql += " HANDLER " + f.Handler
	}
	if f.Validator != "" {
		sql += " VALIDATOR " + f.Validator
	}
	w.add(sql + foreignOptions(f.Options))
}

func (w *writer) alterForeignDataWrapper(from, to *catalog.ForeignDataWrapper) {
	handler := func(word, before, after string) {
		switch {
		case before == after:
		case after == "":
			w.add("ALTER " + name(to) + " NO " + word)
		default:
			w.add("ALTER " + name(to) + " " + word + " " + after)
		}
	}
	handler("HANDLER", from.Handler, to.Handler)
	handler("VALIDATOR", from.Validator, to.Validator)
	w.foreignChange("ALTER "+name(to)+" OPTIONS ", from.Options, to.Options)
}

func (w *writer) createForeignServer(s *catalog.ForeignServer) {
	sql := "CREATE " + name(s)
	if s.Type != "" {
		sql += " TYPE " + literal(s.Type)
	}
	if s.Version != "" {
		sql += " VERSION " + literal(s.Version)
	}
	w.add(sql + " FOREIGN DATA WRAPPER " + ident(s.Wrapper) + foreignOptions(s.Options))
}

func (w *writer) alterForeignServer(from, to *catalog.ForeignServer) {
	if from.Version != to.Version {
		version := "NULL"
		if to.Version != "" {
			version = literal(to.Version)
		}
		w.add("ALTER " + name(to) + " VERSION " + version)
	}
	w.foreignChange("ALTER "+name(to)+" OPTIONS ", from.Options, to.Options)
}
