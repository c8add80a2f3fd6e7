package aludel

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/aludel-db/aludel/internal/ddl"
	"github.com/aludel-db/aludel/internal/diff"
	"github.com/aludel-db/aludel/internal/sqltext"
)

// A Rename says what has got another name: From is where it was, To its new
// name. From is the name of a schema, a table, view, sequence, type or
// function, or behind a dot that of a column or another part, or of the label
// of an enum: users, users.name, app.users.name. A kind may stand in front
// where several have the name: "index users". To may have a schema in front,
// into which it was moved. Names with dots, spaces or an equals sign are in
// double quotes.
type Rename struct {
	From, To string
	// Optional has it passed over where the old name isn't there.
	Optional bool
}

// String is old=new.
func (r Rename) String() string { return r.From + "=" + r.To }

// ParseRename reads old=new.
func ParseRename(text string) (Rename, error) {
	h, err := diff.ParseHint(text)
	return Rename(h), err
}

// renameOf is what a comment "-- renamed_from: old" says, behind a column or a
// CREATE, or on the line above. It stays when it was followed.
func renameOf(c sqltext.RenamedFrom) Rename {
	if c.Column != "" {
		return Rename{From: c.Name + "." + c.Old, To: c.Column, Optional: true}
	}
	return Rename{From: c.Old, To: c.Name, Optional: true}
}

// Renames are those that were found in two snapshots.
type Renames struct {
	list     []diff.Renaming
	from, to *Snapshot
}

// ResolveRenames finds what has got another name between two snapshots. What
// isn't in the first, or is in the second still, or has not the new name there,
// is an error.
func ResolveRenames(from, to *Snapshot, renames []Rename) (*Renames, error) {
	hints := make([]diff.Hint, len(renames))
	for i, r := range renames {
		hints[i] = diff.Hint(r)
	}
	list, err := diff.Resolve(from.catalog, to.catalog, hints)
	if err != nil {
		return nil, err
	}
	return &Renames{list: list, from: from, to: to}, nil
}

// None tells that nothing was renamed.
func (r *Renames) None() bool { return len(r.list) == 0 }

// Inverse leads back, from the second snapshot to the first.
func (r *Renames) Inverse() *Renames {
	return &Renames{list: diff.Inverse(r.list), from: r.to, to: r.from}
}

// Renamed is the snapshot with the new names, and [Diff] from it begins with
// what gives them. How the definitions read that speak of what is renamed,
// PostgreSQL itself has to say: the snapshot is made in a database of the
// shadow.
func (s *Snapshot) Renamed(ctx context.Context, shadow *Shadow, renames *Renames) (*Snapshot, error) {
	if len(renames.list) == 0 {
		return s, nil
	}
	conn, err := shadow.scratch.Create(ctx, "")
	if err != nil {
		return nil, err
	}
	d, err := s.Dump(DiffOptions{})
	if err != nil {
		return nil, err
	}
	if _, err := shadow.scratch.RunAll(ctx, conn, d.texts()); err != nil {
		return nil, fmt.Errorf("following the renames on a throw-away database: %w", err)
	}
	return s.renamedOn(ctx, shadow, conn, renames, func(ctx context.Context, conn *pgx.Conn) (*Snapshot, error) {
		return ReadSnapshot(ctx, conn, SnapshotOptions{})
	})
}

// renamedOn is Renamed on a database that holds the snapshot already.
func (s *Snapshot) renamedOn(ctx context.Context, shadow *Shadow, conn *pgx.Conn, renames *Renames, read func(context.Context, *pgx.Conn) (*Snapshot, error)) (*Snapshot, error) {
	changes := diff.Renames(s.catalog, renames.to.catalog, renames.list)
	for _, statement := range ddl.Render(s.catalog, changes, ddl.Options{}) {
		if err := shadow.scratch.Run(ctx, conn, statement.SQL); err != nil {
			return nil, fmt.Errorf("following the renames on a throw-away database: %w in %s", err, statement.SQL)
		}
	}
	renamed, err := read(ctx, conn)
	if err != nil {
		return nil, err
	}
	renamed.catalog.ReadAs(s.catalog)
	renamed.renames = append(s.renames, changes...)
	return renamed, nil
}
