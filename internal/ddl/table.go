package ddl

import (
	"slices"
	"strings"

	"github.com/aludel-db/aludel/internal/catalog"
	"github.com/aludel-db/aludel/internal/diff"
)

// createTable writes a table with its columns, and with the defaults and
// constraints that need nothing that comes later.
func (w *writer) createTable(t *catalog.Table) {
	var columns []*catalog.Column
	var constraints []*catalog.Constraint
	defaults := map[string]string{}
	mine := func(id catalog.ID) bool { return id.Schema == t.ID.Schema && id.Name == t.ID.Name }
	foldable := func(o catalog.Object) bool {
		return !slices.ContainsFunc(o.Base().Needs, func(needed catalog.ID) bool {
			_, isColumn := o.(*catalog.Column)
			own := mine(needed) && (needed.Kind == catalog.KindTable || needed.Kind == catalog.KindColumn && (isColumn || w.folded[needed]))
			return w.comesLater(needed) && !own
		})
	}
	for _, i := range w.children[[2]string{t.ID.Schema, t.ID.Name}] {
		create, ok := w.changes[i].(diff.Create)
		if !ok {
			continue
		}
		waits := w.drops[i] > w.drops[w.at] // for something that goes first, and so frees a name perhaps
		switch o := create.To.(type) {
		case *catalog.Column:
			if o.Inherited || t.OfType != "" || foldable(o) {
				columns = append(columns, o)
				w.folded[o.ID] = true
			}
		case *catalog.Default:
			// In a generated column's place it would be out of turn.
			if foldable(o) && t.PartitionOf == (catalog.ID{}) && t.OfType == "" && !w.inheritedColumn(columns, o.ID.Sub) {
				defaults[o.ID.Sub] = o.Expression
				w.folded[o.ID] = true
			}
		case *catalog.Constraint:
			if o.Type != catalog.ForeignKey && !waits && foldable(o) && o.Comment == "" && o.IndexComment == "" && len(o.IndexOptions) == 0 && !o.NotValid && t.PartitionOf == (catalog.ID{}) && t.Server == "" {
				constraints = append(constraints, o)
				w.folded[o.ID] = true
			}
		}
	}
	var lines []string
	for _, c := range columns {
		if c.Inherited || t.OfType != "" {
			continue
		}
		line := columnClause(c)
		if d, ok := defaults[c.ID.Sub]; ok {
			line += " DEFAULT " + d
		}
		lines = append(lines, line)
	}
	for _, k := range constraints {
		lines = append(lines, "CONSTRAINT "+ident(k.ID.Sub)+" "+k.Definition)
	}
	w.add(tableHead(t, lines) + tableTail(t))
	for _, c := range columns {
		if c.NotNull && c.Identity == "" && (t.OfType != "" || c.Inherited && !w.parentHasNotNull(t, c)) {
			w.add(alterTable(c.ID) + "ALTER COLUMN " + ident(c.ID.Sub) + " SET NOT NULL")
		}
		w.columnExtras(c)
		if c.Comment != "" {
			w.comment(c)
		}
		if !w.options.NoPrivileges {
			w.grantsOn("TABLE "+qualified(t.ID.Schema, t.ID.Name), "("+ident(c.ID.Sub)+")", "CURRENT_USER", nil, c.Grants)
		}
	}
	w.tableState(&catalog.Table{ReplicaIdentity: "DEFAULT"}, t)
}

// parentHasNotNull tells that an inherited column gets its NOT NULL with the
// rest.
func (w *writer) parentHasNotNull(t *catalog.Table, c *catalog.Column) bool {
	parents := t.Inherits
	if t.PartitionOf != (catalog.ID{}) {
		parents = []catalog.ID{t.PartitionOf}
	}
	return slices.ContainsFunc(parents, func(p catalog.ID) bool {
		id := catalog.ID{Kind: catalog.KindColumn, Schema: p.Schema, Name: p.Name, Sub: c.ID.Sub}
		parent := w.from.Get(id)
		if i, changes := w.made[id]; changes {
			parent = w.changes[i].Object()
		}
		column, ok := parent.(*catalog.Column)
		return ok && column.NotNull
	})
}

// comesLater tells that an object is made or changed after what is being
// written.
func (w *writer) comesLater(id catalog.ID) bool { return w.made[id] > w.at }

func (w *writer) inheritedColumn(columns []*catalog.Column, name string) bool {
	return slices.ContainsFunc(columns, func(c *catalog.Column) bool { return c.ID.Sub == name && c.Inherited })
}

func tableHead(t *catalog.Table, lines []string) string {
	sql := "CREATE "
	if t.Unlogged {
		sql += "UNLOGGED "
	}
	if t.Server != "" {
		sql += "FOREIGN "
	}
	sql += "TABLE " + qualified(t.ID.Schema, t.ID.Name)
	body := " (\n    " + strings.Join(lines, ",\n    ") + "\n)"
	switch {
	case t.PartitionOf != (catalog.ID{}):
		return sql + " PARTITION OF " + qualified(t.PartitionOf.Schema, t.PartitionOf.Name) + " " + t.Bound
	case t.OfType != "" && len(lines) == 0:
		return sql + " OF " + t.OfType
	case t.OfType != "":
		return sql + " OF " + t.OfType + body
	case len(lines) == 0:
		body = " ()"
	}
	if len(t.Inherits) > 0 {
		var parents []string
		for _, p := range t.Inherits {
			parents = append(parents, qualified(p.Schema, p.Name))
		}
		body += " INHERITS (" + strings.Join(parents, ", ") + ")"
	}
	return sql + body
}

func tableTail(t *catalog.Table) string {
	sql := ""
	if t.PartitionKey != "" {
		sql += " PARTITION BY " + t.PartitionKey
	}
	if t.Server != "" {
		sql += " SERVER " + ident(t.Server) + foreignOptions(t.ForeignOptions)
	}
	if t.AccessMethod != "" {
		sql += " USING " + ident(t.AccessMethod)
	}
	if len(t.Options) > 0 {
		sql += " WITH (" + strings.Join(t.Options, ", ") + ")"
	}
	if t.Tablespace != "" {
		sql += " TABLESPACE " + ident(t.Tablespace)
	}
	return sql
}

func foreignOptions(options []string) string {
	if len(options) == 0 {
		return ""
	}
	var list []string
	for _, o := range options {
		name, value, _ := strings.Cut(o, "=")
		list = append(list, ident(name)+" "+literal(value))
	}
	return " OPTIONS (" + strings.Join(list, ", ") + ")"
}

func (w *writer) alterTable(from, to *catalog.Table) {
	id := to.ID
	if from.Unlogged != to.Unlogged {
		w.add(alterTable(id)+map[bool]string{true: "SET UNLOGGED", false: "SET LOGGED"}[to.Unlogged], Rewrite)
	}
	if from.PartitionOf != to.PartitionOf || from.Bound != to.Bound {
		if from.PartitionOf != (catalog.ID{}) {
			w.add(alterTable(from.PartitionOf) + "DETACH PARTITION " + qualified(id.Schema, id.Name))
		}
		if to.PartitionOf != (catalog.ID{}) {
			w.late = append(w.late, Statement{SQL: alterTable(to.PartitionOf) + "ATTACH PARTITION " + qualified(id.Schema, id.Name) + " " + to.Bound})
		}
	}
	for _, p := range from.Inherits {
		if !slices.Contains(to.Inherits, p) {
			w.add(alterTable(id) + "NO INHERIT " + qualified(p.Schema, p.Name))
		}
	}
	for _, p := range to.Inherits {
		if !slices.Contains(from.Inherits, p) {
			w.late = append(w.late, Statement{SQL: alterTable(id) + "INHERIT " + qualified(p.Schema, p.Name)})
		}
	}
	if from.OfType != to.OfType {
		if to.OfType == "" {
			w.add(alterTable(id) + "NOT OF")
		} else {
			w.late = append(w.late, Statement{SQL: alterTable(id) + "OF " + to.OfType})
		}
	}
	w.tableOptions(from.Options, to)
	if from.AccessMethod != to.AccessMethod {
		w.add(alterTable(id)+"SET ACCESS METHOD "+ident(orDefault(to.AccessMethod, "heap")), Rewrite)
	}
	if from.Tablespace != to.Tablespace {
		w.add(alterTable(id)+"SET TABLESPACE "+ident(orDefault(to.Tablespace, "pg_default")), Rewrite)
	}
	w.foreignChange("ALTER "+name(to)+" OPTIONS ", from.ForeignOptions, to.ForeignOptions)
	w.tableState(from, to)
}

// tableState writes what is set after a table and its indexes are there.
func (w *writer) tableState(from, to *catalog.Table) {
	later := func(sql string) { w.late = append(w.late, Statement{SQL: alterTable(to.ID) + sql}) }
	if from.ReplicaIdentity != to.ReplicaIdentity {
		switch to.ReplicaIdentity {
		case "DEFAULT", "NOTHING", "FULL":
			later("REPLICA IDENTITY " + to.ReplicaIdentity)
		default:
			later("REPLICA IDENTITY USING INDEX " + ident(to.ReplicaIdentity))
		}
	}
	switch {
	case from.ClusterOn == to.ClusterOn:
	case to.ClusterOn == "":
		later("SET WITHOUT CLUSTER")
	default:
		later("CLUSTER ON " + ident(to.ClusterOn))
	}
	if from.RowSecurity != to.RowSecurity {
		w.add(alterTable(to.ID) + map[bool]string{true: "ENABLE", false: "DISABLE"}[to.RowSecurity] + " ROW LEVEL SECURITY")
	}
	if from.ForceRowSecurity != to.ForceRowSecurity {
		w.add(alterTable(to.ID) + map[bool]string{true: "FORCE", false: "NO FORCE"}[to.ForceRowSecurity] + " ROW LEVEL SECURITY")
	}
}

// tableOptions sets storage parameters, those of the TOAST table at the end:
// until a column that can be long is added there is none, and PostgreSQL passes
// over its parameters.
func (w *writer) tableOptions(from []string, to *catalog.Table) {
	isTOAST := func(o string) bool { return strings.HasPrefix(o, "toast.") }
	isOwn := func(o string) bool { return !isTOAST(o) }
	only := func(list []string, keep func(string) bool) []string {
		return slices.DeleteFunc(slices.Clone(list), func(o string) bool { return !keep(o) })
	}
	w.storage("ALTER "+name(to), only(from, isOwn), only(to.Options, isOwn))
	now := len(w.statements)
	w.storage("ALTER "+name(to), only(from, isTOAST), only(to.Options, isTOAST))
	w.late = append(w.late, w.statements[now:]...)
	w.statements = w.statements[:now]
}

// storage writes what SET and RESET of parameters it takes.
func (w *writer) storage(alter string, from, to []string) {
	var set, reset []string
	for _, o := range to {
		if !slices.Contains(from, o) {
			set = append(set, o)
		}
	}
	for _, o := range from {
		key, _, _ := strings.Cut(o, "=")
		if !slices.ContainsFunc(to, func(x string) bool { return strings.HasPrefix(x, key+"=") }) {
			reset = append(reset, key)
		}
	}
	if len(set) > 0 {
		w.add(alter + " SET (" + strings.Join(set, ", ") + ")")
	}
	if len(reset) > 0 {
		w.add(alter + " RESET (" + strings.Join(reset, ", ") + ")")
	}
}

// foreignChange writes OPTIONS (ADD …, SET …, DROP …).
func (w *writer) foreignChange(alter string, from, to []string) {
	values := func(list []string) map[string]string {
		m := map[string]string{}
		for _, o := range list {
			key, value, _ := strings.Cut(o, "=")
			m[key] = value
		}
		return m
	}
	before, after := values(from), values(to)
	var list []string
	for _, o := range to {
		key, value, _ := strings.Cut(o, "=")
		if old, had := before[key]; !had {
			list = append(list, "ADD "+ident(key)+" "+literal(value))
		} else if old != value {
			list = append(list, "SET "+ident(key)+" "+literal(value))
		}
	}
	for _, o := range from {
		key, _, _ := strings.Cut(o, "=")
		if _, has := after[key]; !has {
			list = append(list, "DROP "+ident(key))
		}
	}
	if len(list) > 0 {
		w.add(alter + "(" + strings.Join(list, ", ") + ")")
	}
}

func orDefault(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
