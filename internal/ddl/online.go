package ddl

import (
	"strings"

	"github.com/aludel-db/aludel/internal/catalog"
)

// The forms below are for tables that others are at work on: whatever reads all
// rows does so under a lock that lets others read and write. They take several
// transactions, and leave something half-made behind where one of them fails.

// isBusy tells that a table is to be changed online: it was there before, and it
// or its partitions have rows.
func (w *writer) isBusy(table catalog.ID) bool {
	t, ok := w.from.Get(tableOf(table)).(*catalog.Table)
	return w.options.Online && ok && !w.isGone(t.ID) && t.Server == ""
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

// createIndexOnline makes an index on a busy table, and tells whether there is a
// way.
func (w *writer) createIndexOnline(i *catalog.Index) bool {
	switch {
	case i.Invalid || !w.isBusy(i.Table):
		return false
	case w.isSplit(i.Table):
		return w.createIndexOnParts(i)
	}
	w.buildIndex(indexSQL(i), i.Table)
	return true
}

// addOnline adds a constraint to a busy table, and tells whether there is a way.
func (w *writer) addOnline(k *catalog.Constraint) bool {
	if k.Domain || k.NotValid || !w.isBusy(k.ID) || strings.Contains(k.Definition, "NOT ENFORCED") {
		return false
	}
	split := w.isSplit(k.ID)
	switch k.Type {
	case catalog.ForeignKey, catalog.Check:
		if k.Inherited {
			return false
		}
		if split && k.Type == catalog.ForeignKey && w.from.Major < 18 {
			return w.addForeignKeyOnParts(k)
		}
		w.addNotValid(k)
		w.commit()
		w.validate(k.ID)
		return true
	case catalog.PrimaryKey, catalog.Unique:
		if split {
			return w.addKeyOnParts(k)
		}
		return w.addKeyOnline(k)
	}
	return false
}

// addNotValid adds a constraint that only new rows have to meet.
func (w *writer) addNotValid(k *catalog.Constraint) {
	w.add("ALTER " + parentOf(k) + " ADD CONSTRAINT " + ident(k.ID.Sub()) + " " + k.Definition + " NOT VALID")
	if k.Type == catalog.ForeignKey {
		w.lock(ShareRowExclusive, tableOf(k.ID), referenced(k))
	} else {
		w.lock(AccessExclusive, tableOf(k.ID))
	}
}

// validate reads the rows that are there.
func (w *writer) validate(constraint catalog.ID) {
	w.add(alterTable(constraint) + "VALIDATE CONSTRAINT " + ident(constraint.Sub()))
	w.lock(ShareUpdateExclusive, tableOf(constraint))
	w.scans(constraint)
}

// addKeyOnline builds the index first, which the constraint then takes over.
func (w *writer) addKeyOnline(k *catalog.Constraint) bool {
	sql := keyIndex(k)
	if sql == "" {
		return false
	}
	w.buildIndex(sql, tableOf(k.ID))
	w.addKeyUsingIndex(k)
	return true
}

// keyIndex is the index that a key can take over; empty where there is none. What
// the index's own options would say is left to the plain form.
func keyIndex(k *catalog.Constraint) string {
	word, columns, _ := keyParts(k)
	if columns == "" || k.Index != k.ID.Sub() || len(k.IndexOptions) > 0 || strings.Contains(columns, " WITHOUT OVERLAPS") {
		return ""
	}
	nulls := ""
	if strings.Contains(word, "NULLS NOT DISTINCT") {
		nulls = " NULLS NOT DISTINCT"
	}
	return "CREATE UNIQUE INDEX " + ident(k.Index) + " ON " + qualified(k.ID.Schema(), k.ID.Name()) + " " + columns + nulls
}

// keyParts are what stands in a key's definition in front of the columns, these
// with what is included, and DEFERRABLE and the like.
func keyParts(k *catalog.Constraint) (word, columns, tail string) {
	start, end := strings.IndexByte(k.Definition, '('), strings.LastIndexByte(k.Definition, ')')
	if start < 0 || end < start {
		return "", "", ""
	}
	return k.Definition[:start], k.Definition[start : end+1], k.Definition[end+1:]
}

func (w *writer) addKeyUsingIndex(k *catalog.Constraint) { w.addKeyUsing(k, k.Index) }

// addKeyUsing has a key take over an index, which gets its name.
func (w *writer) addKeyUsing(k *catalog.Constraint, index string) {
	word := "UNIQUE"
	if k.Type == catalog.PrimaryKey {
		word = "PRIMARY KEY"
	}
	_, _, tail := keyParts(k)
	w.add(alterTable(k.ID) + "ADD CONSTRAINT " + ident(k.ID.Sub()) + " " + word + " USING INDEX " + ident(index) + tail)
	w.lock(AccessExclusive, tableOf(k.ID))
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
