package aludel

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/aludel-db/aludel/internal/catalog"
	"github.com/aludel-db/aludel/internal/ddl"
	"github.com/aludel-db/aludel/internal/diff"
)

// Naming are patterns of names for constraints and indexes that the models give
// none, such as "uq_{table}_{columns}". Empty ones leave PostgreSQL's. There are
// {schema}, {table} and {columns}, and for a foreign key {referred_table} and
// {referred_columns}. A name of more than 63 bytes is cut as SQLAlchemy does.
type Naming struct{ PrimaryKey, Unique, ForeignKey, Check, Index, Exclude string }

// Validate tells what is wrong in a pattern.
func (n Naming) Validate() error {
	patterns := catalog.Naming(n)
	return patterns.Validate()
}

// apply gives the names in a database that holds the models. PostgreSQL does it
// itself, so that all that speaks of them follows.
func (n Naming) apply(ctx context.Context, s *Shadow, conn *pgx.Conn) error {
	patterns := catalog.Naming(n)
	if patterns.None() {
		return nil
	}
	if err := n.Validate(); err != nil {
		return err
	}
	list, relations, err := catalog.Nameables(ctx, conn)
	if err != nil {
		return fmt.Errorf("reading the names of the models' constraints and indexes: %w", err)
	}
	var changes []diff.Change
	for _, r := range patterns.Names(list, relations) {
		changes = append(changes, diff.Rename{From: bare(r.From), To: bare(r.To)})
	}
	renames := &Difference{}
	for _, statement := range ddl.Render(catalog.New(), changes, ddl.Options{}) {
		renames.Statements = append(renames.Statements, SchemaStatement{SQL: statement.SQL})
	}
	if len(changes) == 0 {
		return nil
	}
	if err := s.scratch.Run(ctx, conn, renames.SQL()); err != nil {
		return fmt.Errorf("giving the models' constraints and indexes the names of the naming convention: %w", err)
	}
	return nil
}

// bare is a constraint or an index of which the name alone is known.
func bare(id catalog.ID) catalog.Object {
	if id.Kind() == catalog.KindIndex {
		return &catalog.Index{Common: catalog.Common{ID: id}}
	}
	return &catalog.Constraint{Common: catalog.Common{ID: id}}
}
