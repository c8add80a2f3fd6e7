package ddl

import (
	"strings"

	"github.com/aludel-db/aludel/internal/catalog"
)

// The forms below are for tables that others are at work on: whatever reads all
// rows does so under a lock that lets others read and write. They take several
// transactions, and leave something half-made behind where one of them fails.

// isBusy tells that a table is to be changed online: it was there before, and has
// its rows itself. PostgreSQL does nothing CONCURRENTLY to a partitioned table, nor
// adds a foreign key NOT VALID to one (before 18).
func (w *writer) isBusy(table catalog.ID) bool {
	t, ok := w.from.Get(tableOf(table)).(*catalog.Table)
	return w.options.Online && ok && !w.isGone(t.ID) && t.PartitionKey == "" && t.Server == ""
}

// commit has the last statement be committed before the next one runs, so that
// its lock is let go.
func (w *writer) commit() { w.statements[len(w.statements)-1].CommitAfter = true }

// concurrently is CREATE or DROP INDEX in the form that waits for others and lets
// them work.
func concurrently(sql string) string {
	for _, verb := range []string{"CREATE INDEX ", "CREATE UNIQUE INDEX ", "DROP INDEX "} {
		if rest, ok := strings.CutPrefix(sql, verb); ok {
			return verb + "CONCURRENTLY " + rest
		}
	}
	return sql
}

// addOnline adds a constraint to a busy table, and tells whether there is a way.
func (w *writer) addOnline(k *catalog.Constraint) bool {
	if k.Domain || k.NotValid || !w.isBusy(k.ID) || k.Inherited || strings.Contains(k.Definition, "NOT ENFORCED") {
		return false
	}
	alter := "ALTER " + parentOf(k) + " "
	switch k.Type {
	case catalog.ForeignKey, catalog.Check:
		w.add(alter + "ADD CONSTRAINT " + ident(k.ID.Sub()) + " " + k.Definition + " NOT VALID")
		if k.Type == catalog.ForeignKey {
			w.lock(ShareRowExclusive, tableOf(k.ID), referenced(k))
		} else {
			w.lock(AccessExclusive, tableOf(k.ID))
		}
		w.commit()
		w.add(alter + "VALIDATE CONSTRAINT " + ident(k.ID.Sub()))
		w.lock(ShareUpdateExclusive, tableOf(k.ID))
		w.scans(k.ID)
		return true
	case catalog.PrimaryKey, catalog.Unique:
		return w.addKeyOnline(k)
	}
	return false
}

// addKeyOnline builds the index first, which the constraint then takes over. What
// the index's own options would say is left to the plain form.
func (w *writer) addKeyOnline(k *catalog.Constraint) bool {
	word, columns, found := strings.Cut(k.Definition, "(")
	if !found || k.Index != k.ID.Sub() || len(k.IndexOptions) > 0 || strings.Contains(columns, " WITHOUT OVERLAPS") {
		return false
	}
	end := strings.LastIndexByte(columns, ')')
	tail := columns[end+1:] // DEFERRABLE and the like
	nulls := ""
	if strings.Contains(word, "NULLS NOT DISTINCT") {
		nulls = " NULLS NOT DISTINCT"
	}
	word = strings.Fields(word)[0]
	if word == "PRIMARY" {
		word = "PRIMARY KEY"
	}
	w.add("CREATE UNIQUE INDEX CONCURRENTLY " + ident(k.Index) + " ON " + qualified(k.ID.Schema(), k.ID.Name()) + " (" + columns[:end+1] + nulls)
	w.lock(ShareUpdateExclusive, tableOf(k.ID))
	w.add("ALTER " + parentOf(k) + " ADD CONSTRAINT " + ident(k.ID.Sub()) + " " + word + " USING INDEX " + ident(k.Index) + tail)
	w.lock(AccessExclusive, tableOf(k.ID))
	return true
}

// setNotNullOnline has a check be there first, by which SET NOT NULL knows that
// it needn't look; PostgreSQL 18 has a form of its own for it.
func (w *writer) setNotNullOnline(c *catalog.Column) bool {
	if !w.isBusy(c.ID) || c.NotNullName != "" || c.NotNullNoInherit || c.NotNullNotValid || c.Inherited {
		return false
	}
	alter, column := alterTable(c.ID), ident(c.ID.Sub())
	name, kind := ident(catalog.GeneratedName(c.ID.Name(), []string{c.ID.Sub()}, "not_null")), "CHECK ("+column+" IS NOT NULL)"
	native := w.from.Major >= 18
	if native {
		kind = "NOT NULL " + column
	}
	w.add(alter + "ADD CONSTRAINT " + name + " " + kind + " NOT VALID")
	w.lock(AccessExclusive, c.ID)
	w.commit()
	w.add(alter + "VALIDATE CONSTRAINT " + name)
	w.lock(ShareUpdateExclusive, c.ID)
	w.scans(c.ID)
	if !native {
		w.commit()
		w.add(alter + "ALTER COLUMN " + column + " SET NOT NULL")
		w.add(alter + "DROP CONSTRAINT " + name)
	}
	return true
}
