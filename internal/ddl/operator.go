package ddl

import "github.com/aludel-db/aludel/internal/catalog"

// operatorName is qualified; the operator itself takes no quotes.
func operatorName(id catalog.ID) string { return ident(id.Schema) + "." + id.Name }

func (w *writer) createConversion(c *catalog.Conversion) {
	sql := "CREATE "
	if c.Default {
		sql += "DEFAULT "
	}
	w.add(sql + name(c) + " " + c.Definition)
}
