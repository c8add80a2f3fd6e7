package aludel

import (
	"context"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/aludel-db/aludel/internal/catalog"
	"github.com/aludel-db/aludel/internal/ddl"
	"github.com/aludel-db/aludel/internal/diff"
	"github.com/aludel-db/aludel/internal/sqltext"
)

// A Snapshot is what a database held at one moment, as far as its definitions
// go.
type Snapshot struct {
	catalog *catalog.Catalog
	renames []diff.Change // that were followed
}

// SnapshotOptions are those of [ReadSnapshot].
type SnapshotOptions struct {
	// Schemas are those to read; default all but the system's.
	Schemas []string
	// Exclude are tables to leave out, each with its schema.
	Exclude [][2]string
	// ExcludeObjects are patterns, [KIND:]GLOB, of what to leave out: table:tmp_*,
	// audit.*, trigger:users.*. IncludeObjects, where there are any, leave out
	// all that none of them picks.
	ExcludeObjects, IncludeObjects []string
}

// ReadSnapshot reads the definitions in a database, in a transaction of its own
// that changes nothing.
func ReadSnapshot(ctx context.Context, db Database, options SnapshotOptions) (*Snapshot, error) {
	read, err := options.read()
	if err != nil {
		return nil, err
	}
	return using(ctx, db, func(conn *pgx.Conn) (*Snapshot, error) {
		c, err := catalog.Read(ctx, conn, read)
		if err != nil {
			return nil, err
		}
		return &Snapshot{catalog: c}, nil
	})
}

func (options *SnapshotOptions) read() (read catalog.Options, err error) {
	read.Schemas = options.Schemas
	for _, e := range options.Exclude {
		read.Exclude = append(read.Exclude, catalog.NewID("", e[0], e[1], ""))
	}
	if read.ExcludePatterns, err = patterns(options.ExcludeObjects); err != nil {
		return read, err
	}
	read.IncludePatterns, err = patterns(options.IncludeObjects)
	return read, err
}

func patterns(texts []string) ([]catalog.Pattern, error) {
	var list []catalog.Pattern
	for _, text := range texts {
		p, err := catalog.ParsePattern(text)
		if err != nil {
			return nil, err
		}
		list = append(list, p)
	}
	return list, nil
}

// Empty is the snapshot of a new database on the same server.
func (s *Snapshot) Empty() *Snapshot { return &Snapshot{catalog: catalog.Empty(s.catalog)} }

// Unsupported names what the database holds and a snapshot doesn't: it is
// neither compared nor written.
func (s *Snapshot) Unsupported() []string { return slices.Clone(s.catalog.Unsupported) }

// Major is the major version of the server that it was read from.
func (s *Snapshot) Major() int { return s.catalog.Major }

// ServerMajor is the major version of the server behind a connection.
func ServerMajor(conn *pgx.Conn) int { return catalog.Major(conn) }

// DiffOptions are those of [Diff].
type DiffOptions struct {
	// NoOwners and NoPrivileges leave these out of account.
	NoOwners, NoPrivileges bool
	// ColumnOrder has a different order of columns noticed.
	ColumnOrder bool
	// Online takes, for tables that were there before, the forms that let others go
	// on reading and writing: CREATE INDEX CONCURRENTLY, NOT VALID and VALIDATE. They
	// take several transactions.
	Online bool
	// Unqualified is a schema whose name is left away: where unqualified names
	// resolve when the statements run. Names that mean something else without it
	// are the caller's to look for.
	Unqualified string

	undoOnline bool // the way back from what was made so
}

// A Difference is what leads from one snapshot to another.
type Difference struct {
	Changes    []SchemaChange
	Statements []SchemaStatement
	// Candidates are what may be renames and was not said to be: each is written
	// as a drop and a creation. They are in the form of --rename.
	Candidates []Rename
}

// SQL is the statements as a script.
func (d *Difference) SQL() string {
	var b strings.Builder
	for _, s := range d.Statements {
		b.WriteString(s.Comments() + s.SQL + ";\n")
	}
	return b.String()
}

func (d *Difference) texts() []string {
	texts := make([]string, len(d.Statements))
	for i, s := range d.Statements {
		texts[i] = s.SQL
	}
	return texts
}

// A SchemaChange is one object that differs.
type SchemaChange struct {
	Kind   string // table, column, …
	Object string // its qualified name
	Action string // create, drop, alter, replace or rename
	Was    string // its name before, of a rename
	// Facts are the names of those that differ, of an alter.
	Facts []string
}

// A SchemaStatement is one statement of SQL, without a semicolon.
type SchemaStatement struct {
	SQL string
	// Hazards are what it may do to data or to others: "data loss", "rewrite",
	// "scan".
	Hazards []string
	// Locks are those that it holds, until the end of its transaction, on tables
	// and views that were there before. Partitions are locked with their table.
	Locks []TableLock
	// Transactional tells that it can run in a transaction.
	Transactional bool
	// CommitAfter tells that it has to be committed before the next ones run:
	// they may use the value that it adds to an enum.
	CommitAfter bool
	// Batch is set of one that runs over this table bit by bit, as the file of a
	// revision says it with "-- migrate:batch": the name as SQL has it.
	Batch string
	// NotOnline says why one that hurts has no other form, where that was asked
	// for.
	NotOnline string

	over  *ddl.Batch
	steps *ddl.Steps
}

// Comments are what stands above the statement in a file besides its hazards.
func (s *SchemaStatement) Comments() string {
	head := ""
	if s.NotOnline != "" {
		head += "-- not online: " + s.NotOnline + "\n"
	}
	if s.Batch != "" {
		head += "-- migrate:batch table=" + s.Batch + " size=1000\n"
	}
	return head
}

// onNoRow is a statement in a form that can run where there are no rows.
func (s *SchemaStatement) onNoRow() string {
	if s.over == nil {
		return s.SQL
	}
	nulls := s.over.Row(slices.Repeat([]string{"NULL"}, len(s.over.Key)))
	sql, _ := sqltext.Bind(s.SQL, sqltext.Bounds(s.SQL), nulls, nulls)
	return sql
}

// A TableLock is held on a table or a view.
type TableLock struct {
	Table string // with its schema
	Mode  string // as LOCK TABLE names it: ACCESS EXCLUSIVE
}

// Diff compares two snapshots. No statements mean that they are equal.
func Diff(from, to *Snapshot, options DiffOptions) (*Difference, error) {
	changes, err := diff.Compare(from.catalog, to.catalog, diff.Options{
		NoOwners: options.NoOwners, NoPrivileges: options.NoPrivileges, ColumnOrder: options.ColumnOrder,
	})
	if err != nil {
		return nil, err
	}
	changes = append(slices.Clone(from.renames), changes...)
	d := &Difference{Changes: schemaChanges(changes)}
	for _, c := range diff.Candidates(from.catalog, to.catalog, changes) {
		r, err := ParseRename(c.Flag())
		if err != nil {
			return nil, err
		}
		d.Candidates = append(d.Candidates, r)
	}
	for _, s := range ddl.Render(from.catalog, changes, ddl.Options{NoOwners: options.NoOwners, NoPrivileges: options.NoPrivileges, Online: options.Online, UndoOnline: options.undoOnline}) {
		if options.Unqualified != "" {
			s.SQL = sqltext.Unqualify(s.SQL, options.Unqualified)
		}
		statement := SchemaStatement{SQL: s.SQL, Transactional: s.Transactional, CommitAfter: s.CommitAfter, NotOnline: s.NotOnline, over: s.Batch, steps: s.Steps}
		if s.Batch != nil {
			statement.Batch = s.Batch.Table
			if options.Unqualified != "" {
				statement.Batch = sqltext.Unqualify(statement.Batch, options.Unqualified)
			}
		}
		for _, l := range s.Locks {
			statement.Locks = append(statement.Locks, TableLock{Table: l.Table.Schema() + "." + l.Table.Name(), Mode: l.Mode.String()})
		}
		for _, h := range s.Hazards {
			statement.Hazards = append(statement.Hazards, string(h))
		}
		d.Statements = append(d.Statements, statement)
	}
	return d, nil
}

// Dump writes the snapshot as the statements that make it in a new database.
func (s *Snapshot) Dump(options DiffOptions) (*Difference, error) {
	return Diff(s.Empty(), s, options)
}

// schemaChanges lists what differs; what is dropped and created again is
// replaced.
func schemaChanges(changes []diff.Change) []SchemaChange {
	var list []SchemaChange
	place := map[catalog.ID]int{}
	for _, c := range changes {
		id := c.Object().Base().ID
		kind, object, _ := strings.Cut(id.String(), " ")
		change := SchemaChange{Kind: kind, Object: object}
		switch c := c.(type) {
		case diff.Create:
			change.Action = "create"
		case diff.Drop:
			change.Action = "drop"
		case diff.Alter:
			change.Action, change.Facts = "alter", slices.Clone(c.Fields)
		case diff.Rename:
			change.Action, change.Was = "rename", c.From.Base().ID.String()
			_, change.Was, _ = strings.Cut(change.Was, " ")
		case diff.RenameLabel:
			change.Action, change.Object, change.Was = "rename", object+"."+c.Is, object+"."+c.Was
		case diff.Swap, diff.SetAside:
			change.Action = "replace"
		case diff.Refill:
			continue
		}
		if change.Action == "rename" {
			list = append(list, change)
			continue
		}
		if at, dropped := place[id]; dropped && change.Action == "create" {
			list[at].Action = "replace"
			continue
		}
		place[id] = len(list)
		list = append(list, change)
	}
	return list
}
