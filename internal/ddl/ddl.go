// Package ddl writes changes as statements. It is pure, and writes what is
// least: an attribute that differs is one clause of an ALTER. It may import
// diff, catalog and sqltext. There is a file for each kind of object.
package ddl

import (
	"slices"
	"strings"

	"github.com/aludel-db/aludel/internal/catalog"
	"github.com/aludel-db/aludel/internal/diff"
	"github.com/aludel-db/aludel/internal/sqltext"
)

// A Statement is one of SQL, without a semicolon.
type Statement struct {
	SQL string
	// Hazards are what may hurt, empty for most.
	Hazards []Hazard
	// Locks are held on tables and views that were there before, until the end of
	// the transaction.
	Locks []Lock
	known bool // that Locks are all
	// Transactional tells that it can run in a transaction.
	Transactional bool
	// CommitAfter tells that it has to be committed before the next ones: they
	// may use the value that it adds to an enum.
	CommitAfter bool
	// Batch is set of one that runs over a table bit by bit.
	Batch *Batch
	// Steps are set of those of a change that takes several transactions.
	Steps *Steps
	// NotOnline says why one that hurts has no other form, where that was asked for.
	NotOnline string
}

// Steps are the statements of a change that comes about in several transactions,
// of which the last one makes it: the way back from there is one step. Undo is what
// clears away what those in front have left, if anything.
type Steps struct{ Undo []string }

// Options say how to write.
type Options struct {
	// NoOwners and NoPrivileges leave these out of what is created.
	NoOwners, NoPrivileges bool
	// Online takes, for tables that were there before, the forms that let others
	// go on reading and writing, at the price of several transactions.
	Online bool
	// UndoOnline is for the way back from what was made in these forms, of which the
	// states in between are not all known.
	UndoOnline bool
}

// Render writes changes in their order. from is what they start from: the
// default privileges that new objects begin with.
func Render(from *catalog.Catalog, changes []diff.Change, options Options) []Statement {
	w := newWriter(from, changes, options)
	w.planExpansions()
	if slices.ContainsFunc(changes, makesFunction) {
		// A body may speak of what comes later.
		w.add("SET check_function_bodies = off")
	}
	for w.at = range changes {
		now := len(w.statements)
		w.change(changes[w.at])
		w.usualLocks(changes[w.at], w.statements[now:])
	}
	w.statements = append(w.statements, w.late...)
	w.dropOldTypes()
	for _, o := range w.held {
		w.statements = append(w.statements, Statement{SQL: "DROP " + name(o), known: true})
	}
	for i := range w.statements {
		s := &w.statements[i]
		s.Transactional = s.Batch == nil && transactional(s.SQL)
		if options.Online && s.NotOnline == "" && slices.Contains(s.Hazards, Rewrite) {
			s.NotOnline = "there is no other form of this change"
		}
	}
	return w.statements
}

// transactional asks those who read SQL.
func transactional(sql string) bool {
	parsed, err := sqltext.Split(sql)
	return err != nil || len(parsed) != 1 || parsed[0].Class != sqltext.NonTransactional
}

func makesFunction(c diff.Change) bool {
	switch c.(type) {
	case diff.Drop, diff.Rename, diff.RenameLabel, diff.SetAside, diff.Refill:
		return false
	case diff.Create, diff.Alter, diff.Swap:
	}
	_, isFunction := c.Object().(*catalog.Function)
	return isFunction
}

// newWriter looks once at what is where, for those that look ahead.
func newWriter(from *catalog.Catalog, changes []diff.Change, options Options) *writer {
	names := map[catalog.ID]catalog.ID{}
	for _, c := range changes { // the others speak of the new names
		r, isRename := c.(diff.Rename)
		if !isRename {
			continue
		}
		switch r.From.(type) {
		case *catalog.Constraint, *catalog.Index, *catalog.Sequence:
			names[r.From.Base().ID] = r.To.Base().ID
		}
	}
	if len(names) > 0 {
		from = from.Renamed(names)
	}
	w := &writer{
		from: from, options: options, folded: map[catalog.ID]bool{}, unpublished: map[catalog.ID]bool{}, changes: changes,
		made: map[catalog.ID]int{}, children: map[[2]string][]int{}, gone: map[catalog.ID]int{}, swapped: map[string]string{}, drops: make([]int, len(changes)+1),
	}
	for i, c := range changes {
		w.drops[i+1] = w.drops[i]
		if _, isDrop := c.(diff.Drop); isDrop {
			w.drops[i+1]++
			w.gone[c.Object().Base().ID] = i + 1
			continue
		}
		switch c.(type) {
		case diff.SetAside:
			w.gone[c.Object().Base().ID] = i + 1
			continue
		case diff.Rename, diff.RenameLabel, diff.Refill:
			continue
		case diff.Create, diff.Drop, diff.Alter, diff.Swap:
		}
		id := c.Object().Base().ID
		w.made[id] = i
		if x, isIndex := c.Object().(*catalog.Index); isIndex {
			table := [2]string{x.Table.Schema(), x.Table.Name()}
			w.children[table] = append(w.children[table], i)
		}
		if schema, name, ok := id.Parent(); ok {
			w.children[[2]string{schema, name}] = append(w.children[[2]string{schema, name}], i)
		}
	}
	return w
}

type writer struct {
	from    *catalog.Catalog
	options Options
	changes []diff.Change
	at      int // the change that is being written
	folded  map[catalog.ID]bool
	// unpublished are tables that were taken out of publications before.
	unpublished map[catalog.ID]bool
	statements  []Statement
	aside       int               // how many tables wait
	swapped     map[string]string // types that step aside, and where
	oldTypes    []oldType         // that are dropped at the end
	held        []catalog.Object  // what these need, and goes after them
	late        []Statement       // what needs indexes and partitions to be there

	made        map[catalog.ID]int              // where an object is created or changed
	children    map[[2]string][]int             // where that is of what belongs to a relation or domain
	keys        map[catalog.ID][]catalog.Object // foreign keys and attachments by table, once asked
	hasChildren map[catalog.ID]bool             // the tables that others hang on, once asked
	gone        map[catalog.ID]int              // behind which change what is dropped is gone
	drops       []int                           // how many drops stand in front of each change

	expansions  map[catalog.ID]*expansion // by the column
	notExpanded map[catalog.ID]string     // why a column is not among them
	comesAlong  map[catalog.ID]bool       // what an expansion sees to
}

func (w *writer) add(sql string, hazards ...Hazard) {
	w.statements = append(w.statements, Statement{SQL: sql, Hazards: hazards})
}

func (w *writer) change(c diff.Change) {
	if w.comesAlong[c.Object().Base().ID] {
		return
	}
	switch c := c.(type) {
	case diff.Create:
		if !w.folded[c.To.Base().ID] {
			w.create(c.To)
		}
	case diff.Drop:
		w.drop(c)
	case diff.Alter:
		w.alter(c)
	case diff.Rename:
		w.rename(c)
	case diff.RenameLabel:
		w.renameLabel(c)
	case diff.SetAside:
		w.setAside(c)
	case diff.Refill:
		w.refill(c)
	case diff.Swap:
		if collation, ok := c.To.(*catalog.Collation); ok {
			w.swapCollation(c.From.(*catalog.Collation), collation, c.Columns)
			return
		}
		w.swap(c)
	}
}

func (w *writer) create(o catalog.Object) {
	switch o := o.(type) {
	case *catalog.Schema:
		w.add("CREATE SCHEMA " + ident(o.ID.Name()))
	case *catalog.Extension:
		w.createExtension(o)
	case *catalog.Type:
		w.createType(o)
	case *catalog.Sequence:
		w.createSequence(o)
	case *catalog.Table:
		w.createTable(o)
	case *catalog.Column:
		w.addColumn(o)
	case *catalog.Default:
		w.add(w.only(o.ID) + "ALTER COLUMN " + ident(o.ID.Sub()) + " SET DEFAULT " + o.Expression)
	case *catalog.Attachment:
		w.createAttachment(o)
	case *catalog.Constraint:
		w.createConstraint(o)
	case *catalog.Index:
		w.createIndex(o)
	case *catalog.View:
		w.createView(o)
	case *catalog.Function:
		w.createFunction(o)
	case *catalog.Trigger:
		w.createTrigger(o)
	case *catalog.Rule:
		w.createRule(o)
	case *catalog.Policy:
		w.createPolicy(o)
	default:
		w.createRare(o)
	}
	w.facets(o)
}

// createRare is create for the kinds that few schemas have.
func (w *writer) createRare(o catalog.Object) {
	switch o := o.(type) {
	case *catalog.EventTrigger:
		w.createEventTrigger(o)
	case *catalog.Publication:
		w.createPublication(o)
	case *catalog.Subscription:
		w.createSubscription(o)
	case *catalog.Statistics:
		w.createStatistics(o)
	case *catalog.ForeignDataWrapper:
		w.createForeignDataWrapper(o)
	case *catalog.ForeignServer:
		w.createForeignServer(o)
	case *catalog.UserMapping:
		w.add("CREATE " + name(o) + foreignOptions(o.Options))
	case *catalog.Collation:
		w.add("CREATE " + name(o) + " (" + o.Definition + ")")
	case *catalog.Operator:
		w.add("CREATE OPERATOR " + operatorName(o.ID) + " (" + o.Definition + ")")
	case *catalog.OperatorFamily:
		w.add("CREATE " + name(o))
		w.familyMembers(nil, o)
	case *catalog.OperatorClass:
		w.add("CREATE OPERATOR CLASS " + qualified(o.ID.Schema(), o.ID.Name()) + " " + o.Definition)
	case *catalog.Cast:
		w.add("CREATE " + name(o) + " " + o.Definition)
	case *catalog.Conversion:
		w.createConversion(o)
	case *catalog.TextSearch:
		w.createTextSearch(o)
	case *catalog.Language:
		w.createLanguage(o)
	case *catalog.Transform:
		w.add("CREATE " + name(o) + " (" + o.Definition + ")")
	case *catalog.AccessMethod:
		w.add("CREATE " + name(o) + " TYPE " + o.Type + " HANDLER " + o.Handler)
	case *catalog.DefaultPrivileges:
		w.defaultPrivileges(o, o.Standard, o.Grants)
	}
}

// facets writes what objects of all kinds may have, for a new one.
func (w *writer) facets(o catalog.Object) {
	b := o.Base()
	if b.Owner != "" && !w.options.NoOwners && canOwn(o) {
		w.own(o)
	}
	if b.Comment != "" {
		w.comment(o)
	}
	w.securityLabels(o, nil)
	if !w.options.NoPrivileges {
		w.privileges(o, w.ownersOwn(o, w.startingGrants(o)), b.Grants)
		w.columnPrivileges(o)
	}
}

// own gives an object to its owner.
func (w *writer) own(o catalog.Object) {
	w.add("ALTER " + name(o) + " OWNER TO " + owner(o))
	switch o.(type) {
	case *catalog.Statistics, *catalog.Publication: // nothing happens to their tables
		w.lock(AccessShare)
	}
}

// canOwn leaves out what belongs to its table's owner, and extensions, whose
// owner can't be changed.
func canOwn(o catalog.Object) bool {
	_, isExtension := o.(*catalog.Extension)
	return !isExtension
}

func (w *writer) comment(o catalog.Object) {
	text := "NULL"
	if c := o.Base().Comment; c != "" {
		text = literal(c)
	}
	w.add("COMMENT ON " + commentName(o) + " IS " + text)
	switch o.(type) {
	case *catalog.Table, *catalog.View, *catalog.Column:
		w.lock(ShareUpdateExclusive, tableOfObject(o))
	default:
		w.lock(AccessShare)
	}
}

// securityLabels writes those that differ. Their providers have to be loaded.
func (w *writer) securityLabels(o catalog.Object, from []catalog.SecurityLabel) {
	label := func(l catalog.SecurityLabel, text string) {
		w.add("SECURITY LABEL FOR " + ident(l.Provider) + " ON " + commentName(o) + " IS " + text)
	}
	to := o.Base().Labels
	for _, l := range from {
		if !slices.ContainsFunc(to, func(x catalog.SecurityLabel) bool { return x.Provider == l.Provider }) {
			label(l, "NULL")
		}
	}
	for _, l := range to {
		if !slices.Contains(from, l) {
			label(l, literal(l.Label))
		}
	}
}

func (w *writer) drop(d diff.Drop) {
	o, id := d.From, d.From.Base().ID
	if w.isHeldAside(id) {
		w.held = append(w.held, o)
		return
	}
	switch o := o.(type) {
	case *catalog.Column:
		alter := alterTable(id)
		if d.Only {
			alter = w.only(id)
		}
		if o.Generated != "" { // can be computed again
			w.add(alter + "DROP COLUMN " + ident(id.Sub()))
		} else {
			w.add(alter+"DROP COLUMN "+ident(id.Sub()), DataLoss)
		}
	case *catalog.Default:
		w.add(w.only(id) + "ALTER COLUMN " + ident(id.Sub()) + " DROP DEFAULT")
	case *catalog.Attachment:
		w.dropAttachment(o)
	case *catalog.Constraint:
		w.add("ALTER " + parentOf(o) + " DROP CONSTRAINT " + ident(id.Sub()))
	case *catalog.Index:
		w.dropIndex(o)
	case *catalog.Trigger:
		w.dropTrigger(o)
	case *catalog.Rule, *catalog.Policy:
		w.add("DROP " + name(o))
	case *catalog.Table:
		w.dropTable(o)
	case *catalog.Sequence:
		w.add("DROP "+name(o), DataLoss)
	case *catalog.Subscription:
		w.dropSubscription(o)
	case *catalog.DefaultPrivileges:
		w.defaultPrivileges(o, o.Grants, o.Standard)
	default:
		w.add("DROP " + name(o))
	}
}

// alter writes the facts that differ, those of all kinds behind the kind's own.
func (w *writer) alter(a diff.Alter) {
	switch to := a.To.(type) {
	case *catalog.Extension:
		w.alterExtension(a.From.(*catalog.Extension), to)
	case *catalog.Type:
		w.alterType(a.From.(*catalog.Type), to)
	case *catalog.Sequence:
		w.alterSequence(a.From.(*catalog.Sequence), to)
	case *catalog.Table:
		w.alterTable(a.From.(*catalog.Table), to)
	case *catalog.Column:
		w.alterColumn(a.From.(*catalog.Column), to, a.Fields)
	case *catalog.Default:
		w.create(to)
		return
	case *catalog.Attachment:
		w.alterAttachment(a.From.(*catalog.Attachment), to)
	case *catalog.Constraint:
		w.alterConstraint(a.From.(*catalog.Constraint), to)
	case *catalog.Index:
		w.alterIndex(a.From.(*catalog.Index), to)
	case *catalog.View:
		w.alterView(a.From.(*catalog.View), to)
	case *catalog.Function:
		if f := a.From.(*catalog.Function); f.Definition != to.Definition || f.Arguments != to.Arguments {
			w.createFunction(to)
		}
	case *catalog.Trigger:
		w.alterTrigger(a.From.(*catalog.Trigger), to)
	case *catalog.Rule:
		w.enable(to.ID, "RULE", a.From.(*catalog.Rule).Enabled, to.Enabled)
	case *catalog.Policy:
		w.alterPolicy(a.From.(*catalog.Policy), to)
	default:
		w.alterRare(a)
	}
	has := func(field string) bool { return slices.Contains(a.Fields, field) }
	if has("Owner") && canOwn(a.To) && !ownedAlong(a) {
		w.own(a.To)
	}
	if has("Comment") {
		w.comment(a.To)
	}
	if has("Labels") {
		w.securityLabels(a.To, a.From.Base().Labels)
	}
	if has("Grants") {
		w.privileges(a.To, w.ownersOwn(a.To, a.From.Base().Grants), a.To.Base().Grants)
	}
	if v, ok := a.To.(*catalog.View); ok && !w.options.NoPrivileges {
		w.viewColumnPrivileges(a.From.(*catalog.View), v)
	}
}

// alterRare is alter for the kinds that few schemas have.
func (w *writer) alterRare(a diff.Alter) {
	switch to := a.To.(type) {
	case *catalog.EventTrigger:
		w.enableEvent(to, a.From.(*catalog.EventTrigger).Enabled)
	case *catalog.Publication:
		w.alterPublication(a.From.(*catalog.Publication), to)
	case *catalog.Subscription:
		w.alterSubscription(a.From.(*catalog.Subscription), to)
	case *catalog.Statistics:
		w.statisticsTarget(a.From.(*catalog.Statistics).Target, to)
	case *catalog.ForeignDataWrapper:
		w.alterForeignDataWrapper(a.From.(*catalog.ForeignDataWrapper), to)
	case *catalog.ForeignServer:
		w.alterForeignServer(a.From.(*catalog.ForeignServer), to)
	case *catalog.UserMapping:
		w.foreignChange("ALTER "+name(to)+" OPTIONS ", a.From.(*catalog.UserMapping).Options, to.Options)
	case *catalog.OperatorFamily:
		w.familyMembers(a.From.(*catalog.OperatorFamily).Members, to)
	case *catalog.TextSearch:
		w.mappings(a.From.(*catalog.TextSearch).Mappings, to)
	case *catalog.DefaultPrivileges:
		w.defaultPrivileges(to, a.From.Base().Grants, to.Grants)
	}
}

// owner is a role, or whoever runs the statement.
func owner(o catalog.Object) string {
	if name := o.Base().Owner; name != "" {
		return ident(name)
	}
	return "CURRENT_USER"
}

func ident(s string) string   { return sqltext.QuoteIdent(s) }
func literal(s string) string { return sqltext.QuoteLiteral(s) }

func qualified(schema, name string) string { return ident(schema) + "." + ident(name) }

func tableOf(id catalog.ID) catalog.ID {
	return id.As(catalog.KindTable)
}

func alterTable(id catalog.ID) string {
	return "ALTER TABLE " + qualified(id.Schema(), id.Name()) + " "
}

// name is an object with its kind, as in DROP and ALTER … OWNER.
func name(o catalog.Object) string {
	id := o.Base().ID
	on := " ON " + qualified(id.Schema(), id.Name())
	switch o := o.(type) {
	case *catalog.Schema:
		return "SCHEMA " + ident(id.Name())
	case *catalog.Extension:
		return "EXTENSION " + ident(id.Name())
	case *catalog.Type:
		if o.Form == catalog.DomainType {
			return "DOMAIN " + qualified(id.Schema(), id.Name())
		}
		return "TYPE " + qualified(id.Schema(), id.Name())
	case *catalog.Table:
		if o.Server != "" {
			return "FOREIGN TABLE " + qualified(id.Schema(), id.Name())
		}
		return "TABLE " + qualified(id.Schema(), id.Name())
	case *catalog.View:
		if o.Materialized {
			return "MATERIALIZED VIEW " + qualified(id.Schema(), id.Name())
		}
		return "VIEW " + qualified(id.Schema(), id.Name())
	case *catalog.Function:
		word := map[catalog.FunctionForm]string{catalog.Procedure: "PROCEDURE ", catalog.Aggregate: "AGGREGATE "}[o.Form]
		if word == "" {
			word = "FUNCTION "
		}
		return word + signature(o)
	case *catalog.Trigger:
		return "TRIGGER " + ident(id.Sub()) + on
	case *catalog.Rule:
		return "RULE " + ident(id.Sub()) + on
	case *catalog.Policy:
		return "POLICY " + ident(id.Sub()) + on
	case *catalog.UserMapping:
		return "USER MAPPING FOR " + roles([]string{id.Sub()}) + " SERVER " + ident(id.Name())
	case *catalog.Operator:
		return "OPERATOR " + operatorName(id) + " (" + id.Sub() + ")"
	case *catalog.OperatorFamily, *catalog.OperatorClass:
		return strings.ToUpper(string(id.Kind())) + " " + qualified(id.Schema(), id.Name()) + " USING " + ident(id.Sub())
	case *catalog.Cast:
		return "CAST (" + id.Name() + " AS " + id.Sub() + ")"
	case *catalog.TextSearch:
		return "TEXT SEARCH " + o.Form + " " + qualified(id.Schema(), id.Name())
	case *catalog.Transform:
		return "TRANSFORM FOR " + id.Name() + " LANGUAGE " + ident(id.Sub())
	}
	if id.Schema() == "" {
		return strings.ToUpper(string(id.Kind())) + " " + ident(id.Name())
	}
	return strings.ToUpper(string(id.Kind())) + " " + qualified(id.Schema(), id.Name())
}

// commentName is how COMMENT ON names it.
func commentName(o catalog.Object) string {
	id := o.Base().ID
	switch o := o.(type) {
	case *catalog.Column:
		return "COLUMN " + qualified(id.Schema(), id.Name()) + "." + ident(id.Sub())
	case *catalog.Constraint:
		on := qualified(id.Schema(), id.Name())
		if o.Domain {
			on = "DOMAIN " + on
		}
		return "CONSTRAINT " + ident(id.Sub()) + " ON " + on
	}
	return name(o)
}
