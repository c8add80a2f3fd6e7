// Package sqlalchemy holds the script that prints the tables of SQLAlchemy models
// as DDL, for those who run it.
package sqlalchemy

import _ "embed" // the script

// Script is a Python program. Its arguments are module:attribute, see its
// beginning.
//
//go:embed aludel_ddl.py
var Script string
