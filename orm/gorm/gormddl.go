// Package gormddl prints the tables of GORM models as PostgreSQL's DDL, without
// a database. It is what the models command of Aludel runs:
//
//	package main
//
//	import (
//		gormddl "github.com/aludel-db/aludel/orm/gorm"
//
//		"example.com/shop/models"
//	)
//
//	func main() { gormddl.Print(&models.User{}, &models.Order{}) }
//
// The package is named gormddl, not gorm, so that it can be imported beside
// GORM itself.
//
// What is printed is what [gorm.DB.AutoMigrate] would create in an empty
// database: GORM's own migrator is run, on a driver that only takes notes.
// Unlike there, foreign keys, checks and unique constraints are statements of
// their own, so that models may refer to each other in circles and the output
// is the same each time.
package gormddl

import (
	"fmt"
	"io"
	"os"

	"gorm.io/gorm"
	"gorm.io/gorm/logger"
)

// Options tell what the models alone don't. The zero value is for an
// application that opens GORM with its defaults.
type Options struct {
	// Config is what the application opens GORM with, as far as it matters for
	// the tables: NamingStrategy, DisableForeignKeyConstraintWhenMigrating,
	// IgnoreRelationshipsWhenMigrating.
	Config *gorm.Config
	// Setup is called before the tables are made. It is the place for
	// [gorm.DB.SetupJoinTable]. Statements that it executes are printed before
	// the tables; queries have no rows.
	Setup func(*gorm.DB) error
	// PreSQL is printed before the tables: extensions, types, functions that
	// defaults call. Schemas that the tables' names tell of are created anyhow.
	PreSQL string
	// PostSQL is printed at the end: views, triggers, comments on tables.
	PostSQL string
}

// Print writes the tables of the models to standard output. Where something is
// wrong with them it says so on standard error and ends the program with
// status 1: it is meant to be all of a main function.
func Print(models ...any) { Options{}.Print(models...) }

// Print is [Print] with options.
func (o Options) Print(models ...any) {
	logger.Default = logger.Discard // it would print errors of models on stdout, too
	if err := WriteDDL(os.Stdout, o, models...); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1) //nolint:forbidigo // this is the main function of a program
	}
}

// WriteDDL writes the statements that make the tables of the models. As with
// [gorm.DB.AutoMigrate], these are pointers to structs, and the tables that
// their foreign keys lead to and those of many2many joins are added; the other
// side of a has-one or has-many is not. Nothing is written where it returns an
// error about a model.
func WriteDDL(w io.Writer, options Options, models ...any) error {
	r := &recorder{}
	db, err := open(r, options.Config)
	if err != nil {
		return err
	}
	given, err := parse(db, models)
	if err != nil {
		return err
	}
	if options.Setup != nil {
		if err := options.Setup(db); err != nil {
			return fmt.Errorf("setting up: %w", err)
		}
	}
	setup := r.take()
	tables, err := withRelated(db, given, models)
	if err != nil {
		return err
	}
	if err := checkIndexes(tables); err != nil {
		return err
	}

	s := &script{}
	s.schemas(tables, options.PreSQL)
	s.text(options.PreSQL)
	s.statements(setup)
	var keys []string
	for _, t := range tables {
		if err := t.create(db); err != nil {
			return modelError(t.Schema.ModelType, err)
		}
		s.comment(t.Schema.ModelType)
		s.statements(r.take())
		if err := t.addForeignKeys(db); err != nil {
			return modelError(t.Schema.ModelType, err)
		}
		keys = append(keys, r.take()...)
	}
	s.statements(keys)
	s.text(options.PostSQL)
	_, err = s.WriteTo(w)
	return err
}
