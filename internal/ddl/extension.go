package ddl

import "github.com/aludel-db/aludel/internal/catalog"

func (w *writer) createExtension(e *catalog.Extension) {
	sql := "CREATE EXTENSION " + ident(e.ID.Name())
	if e.Schema != "pg_catalog" {
		sql += " WITH SCHEMA " + ident(e.Schema)
	}
	if e.Version != e.DefaultVersion {
		sql += " VERSION " + literal(e.Version)
	}
	w.add(sql)
}

func (w *writer) alterExtension(from, to *catalog.Extension) {
	if from.Version != to.Version {
		w.add("ALTER " + name(to) + " UPDATE TO " + literal(to.Version))
	}
	if from.Schema != to.Schema {
		w.add("ALTER " + name(to) + " SET SCHEMA " + ident(to.Schema))
	}
}
