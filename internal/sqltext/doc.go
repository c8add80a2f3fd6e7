// Package sqltext is the only code of Aludel that looks inside SQL text: it
// splits a script into statements, classifies them, finds positions, quotes.
//
// It knows PostgreSQL's lexical rules (13 to 18, standard_conforming_strings
// on) and the few places where a semicolon doesn't end a statement; it is no
// parser, and what is not SQL it leaves for the server to refuse. The package
// is pure and imports the standard library alone. PostgreSQL's own parser is
// held against it in the module pgoracle.
package sqltext
