// Package interop holds Aludel against the real Alembic: on one database, over
// one graph, the two take turns, and must agree after each step. It has tests
// only.
package interop
