// Package pgoracle holds the splitter of package sqltext against PostgreSQL's
// own parser. It is a module of its own, so that nobody else has to build that
// parser: a WebAssembly build of PostgreSQL 17's, without cgo.
package pgoracle
