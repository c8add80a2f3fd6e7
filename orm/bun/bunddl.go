// Package bunddl prints the tables of bun models as PostgreSQL's DDL, without a
// database. It is what the models command of Aludel runs:
//
//	package main
//
//	import (
//		bunddl "github.com/aludel-db/aludel/orm/bun"
//
//		"example.com/shop/models"
//	)
//
//	func main() { bunddl.Print((*models.User)(nil), (*models.Order)(nil)) }
//
// The package is named bunddl, not bun, so that it can be imported beside bun
// itself.
//
// What is printed is what bun's CreateTableQuery executes for each model, with
// foreign keys, and what the models' BeforeCreateTable and AfterCreateTable
// hooks execute, where bun's users make their indexes: all runs on a driver
// that only takes notes. Foreign keys become statements of their own, so that
// models may refer to each other in circles and be given in any order.
package bunddl

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
)

// Options tell what the models alone don't. The zero value is for an
// application whose foreign keys are those of its belongs-to relations.
type Options struct {
	// Setup is called before the tables are made. Statements that it executes
	// are printed before the tables; queries have no rows.
	Setup func(*bun.DB) error
	// WithoutForeignKeys leaves out the keys of relations, as CreateTableQuery
	// does without its WithForeignKeys. Those of hooks stay.
	WithoutForeignKeys bool
	// PreSQL is printed before the tables: extensions, types, functions that
	// defaults call. Schemas that the tables' names tell of are created anyhow.
	PreSQL string
	// PostSQL is printed at the end: views, triggers, comments.
	PostSQL string
}

// Print writes the tables of the models to standard output. Where something is
// wrong with them it says so on standard error and ends the program with
// status 1: it is meant to be all of a main function.
func Print(models ...any) { Options{}.Print(models...) }

// Print is [Print] with options.
func (o Options) Print(models ...any) {
	if err := WriteDDL(os.Stdout, o, models...); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1) //nolint:forbidigo // this is the main function of a program
	}
}

// WriteDDL writes the statements that make the tables of the models, which are
// pointers to structs. The models of many-to-many joins are to be among them,
// as bun wants it. Nothing is written where it returns an error about a model.
func WriteDDL(w io.Writer, options Options, models ...any) error {
	r := &recorder{}
	db := bun.NewDB(r.open(), pgdialect.New())
	tables, err := register(db, models)
	if err != nil {
		return err
	}
	if err := check(tables, options); err != nil {
		return err
	}
	if options.Setup != nil {
		if err := options.Setup(db); err != nil {
			return fmt.Errorf("setting up: %w", err)
		}
	}

	s := &script{}
	s.schemas(tables, options.PreSQL)
	s.text(options.PreSQL)
	s.statements(r.take())
	var later []string
	for _, t := range tables {
		if err := create(db, t, options); err != nil {
			return modelError(t.Type, err)
		}
		now, after := hoist(r.take())
		s.comment(t.Type)
		s.statements(now)
		later = append(later, after...)
	}
	s.statements(later)
	s.text(options.PostSQL)
	_, err = s.WriteTo(w)
	return err
}

// create runs the model's hooks, too.
func create(db *bun.DB, t *table, options Options) (err error) {
	defer recoverTo(&err)
	query := db.NewCreateTable().Model(t.model)
	if !options.WithoutForeignKeys {
		query = query.WithForeignKeys()
	}
	_, err = query.Exec(context.Background())
	return err
}
