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
	attached := w.foldedAttachment(t)
	isPartition := attached != nil && attached.IsPartition()
	mine := func(id catalog.ID) bool { return id.Schema() == t.ID.Schema() && id.Name() == t.ID.Name() }
	foldable := func(o catalog.Object) bool {
		return !slices.ContainsFunc(o.Base().Needs, func(needed catalog.ID) bool {
			_, isColumn := o.(*catalog.Column)
			own := mine(needed) && (needed.Kind() == catalog.KindTable || needed.Kind() == catalog.KindColumn && (isColumn || w.folded[needed]))
			return w.comesLater(needed) && !own
		})
	}
	for _, i := range w.children[[2]string{t.ID.Schema(), t.ID.Name()}] {
		create, ok := w.changes[i].(diff.Create)
		if !ok {
			continue
		}
		waits := w.drops[i] > w.drops[w.at] // for something that goes first, and so frees a name perhaps
		switch o := create.To.(type) {
		case *catalog.Column:
			if o.Inherited && attached != nil || t.OfType != "" || foldable(o) && (!waits || o.Identity == "") {
				columns = append(columns, o)
				w.folded[o.ID] = true
			}
		case *catalog.Default:
			if attached != nil && w.inheritedColumn(columns, o.ID.Sub()) && w.defaultAbove(attached, o) {
				w.folded[o.ID] = true // comes along
				continue
			}
			// In a generated column's place it would be out of turn.
			if foldable(o) && !isPartition && t.OfType == "" && (attached == nil || !w.inheritedColumn(columns, o.ID.Sub())) {
				defaults[o.ID.Sub()] = o.Expression
				w.folded[o.ID] = true
			}
		case *catalog.Constraint:
			if attached != nil && o.Inherited {
				w.folded[o.ID] = true // comes along
				continue
			}
			if o.Type != catalog.ForeignKey && !slices.ContainsFunc(constraints, func(k *catalog.Constraint) bool { return mergedUnique(k, o) }) && !waits && foldable(o) && o.Comment == "" && o.IndexComment == "" && len(o.IndexOptions) == 0 && !o.NotValid && !isPartition && t.Server == "" {
				constraints = append(constraints, o)
				w.folded[o.ID] = true
			}
		}
	}
	var lines []string
	for _, c := range columns {
		if c.Inherited && attached != nil || t.OfType != "" {
			continue
		}
		line := columnClause(c)
		if d, ok := defaults[c.ID.Sub()]; ok {
			line += " DEFAULT " + d
		}
		lines = append(lines, line)
	}
	for _, k := range constraints {
		lines = append(lines, "CONSTRAINT "+ident(k.ID.Sub())+" "+k.Definition)
	}
	w.add(tableHead(t, attached, lines) + tableTail(t))
	switch {
	case isPartition:
		w.lock(AccessExclusive, attached.Parents[0])
		w.searchDefault(attached.Parents[0], func(catalog.ID) bool { return false })
		w.lock(ShareRowExclusive, slices.Concat(w.keysOf(attached.Parents[0]), w.referringToAll(attached.Parents[0]))...)
	case attached != nil:
		w.lock(ShareUpdateExclusive, attached.Parents...)
	}
	for _, c := range columns {
		if c.NotNull && c.Identity == "" && (t.OfType != "" || c.Inherited && attached != nil && !w.aboveHas(attached, c, func(above *catalog.Column) bool { return above.NotNull })) {
			w.setNotNull(c)
		}
		if attached != nil && c.Inherited && w.lacksDefault(attached, c) {
			w.add(alterTable(c.ID) + "ALTER COLUMN " + ident(c.ID.Sub()) + " DROP DEFAULT")
		}
		w.columnExtras(c)
		if c.Comment != "" {
			w.comment(c)
		}
	}
	w.tableState(&catalog.Table{ReplicaIdentity: "DEFAULT"}, t)
}

// mergedUnique tells that CREATE TABLE would make one of two constraints,
// because they are for the same columns.
func mergedUnique(a, b *catalog.Constraint) bool {
	columns := func(k *catalog.Constraint) string {
		return strings.TrimPrefix(strings.TrimPrefix(k.Definition, "PRIMARY KEY"), "UNIQUE")
	}
	return a.Index != "" && b.Index != "" && columns(a) == columns(b)
}

// comesLater tells that an object is made or changed after what is being
// written.
func (w *writer) comesLater(id catalog.ID) bool { return w.made[id] > w.at }

func (w *writer) inheritedColumn(columns []*catalog.Column, name string) bool {
	return slices.ContainsFunc(columns, func(c *catalog.Column) bool { return c.ID.Sub() == name && c.Inherited })
}

func tableHead(t *catalog.Table, attached *catalog.Attachment, lines []string) string {
	sql := "CREATE "
	if t.Unlogged {
		sql += "UNLOGGED "
	}
	if t.Server != "" {
		sql += "FOREIGN "
	}
	sql += "TABLE " + qualified(t.ID.Schema(), t.ID.Name())
	body := " (\n    " + strings.Join(lines, ",\n    ") + "\n)"
	switch {
	case attached != nil && attached.IsPartition():
		return sql + " PARTITION OF " + qualified(attached.Parents[0].Schema(), attached.Parents[0].Name()) + " " + attached.Bound
	case t.OfType != "" && len(lines) == 0:
		return sql + " OF " + t.OfType
	case t.OfType != "":
		return sql + " OF " + t.OfType + body
	case len(lines) == 0:
		body = " ()"
	}
	if attached != nil {
		var parents []string
		for _, p := range attached.Parents {
			parents = append(parents, qualified(p.Schema(), p.Name()))
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
		if to.Unlogged {
			w.unpublish(to)
		}
		w.add(alterTable(id)+map[bool]string{true: "SET UNLOGGED", false: "SET LOGGED"}[to.Unlogged], Rewrite)
	}
	if from.OfType != to.OfType {
		if to.OfType == "" {
			w.add(alterTable(id) + "NOT OF")
		} else {
			w.later(alterTable(id)+"OF "+to.OfType, AccessExclusive, id)
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
	later := func(sql string, mode LockMode) { w.later(alterTable(to.ID)+sql, mode, to.ID) }
	if from.ReplicaIdentity != to.ReplicaIdentity {
		switch to.ReplicaIdentity {
		case "DEFAULT", "NOTHING", "FULL":
			later("REPLICA IDENTITY "+to.ReplicaIdentity, AccessExclusive)
		default:
			later("REPLICA IDENTITY USING INDEX "+ident(to.ReplicaIdentity), AccessExclusive)
		}
	}
	switch {
	case from.ClusterOn == to.ClusterOn:
	case to.ClusterOn == "":
		later("SET WITHOUT CLUSTER", ShareUpdateExclusive)
	default:
		later("CLUSTER ON "+ident(to.ClusterOn), ShareUpdateExclusive)
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
	w.storage(ShareUpdateExclusive, to.ID, "ALTER "+name(to), only(from, isOwn), only(to.Options, isOwn))
	now := len(w.statements)
	w.storage(ShareUpdateExclusive, to.ID, "ALTER "+name(to), only(from, isTOAST), only(to.Options, isTOAST))
	w.late = append(w.late, w.statements[now:]...)
	w.statements = w.statements[:now]
}

// storage writes what SET and RESET of parameters it takes.
func (w *writer) storage(mode LockMode, table catalog.ID, alter string, from, to []string) {
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
		w.lock(mode, table)
	}
	if len(reset) > 0 {
		w.add(alter + " RESET (" + strings.Join(reset, ", ") + ")")
		w.lock(mode, table)
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
