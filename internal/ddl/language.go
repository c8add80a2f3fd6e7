package ddl

import "github.com/aludel-db/aludel/internal/catalog"

func (w *writer) createLanguage(l *catalog.Language) {
	sql := "CREATE "
	if l.Trusted {
		sql += "TRUSTED "
	}
	sql += name(l) + " HANDLER " + l.Handler
	if l.Inline != "" {
		sql += " INLINE " + l.Inline
	}
	if l.Validator != "" {
		sql += " VALIDATOR " + l.Validator
	}
	w.add(sql)
}
