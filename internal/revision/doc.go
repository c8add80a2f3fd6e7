// Package revision knows revision files, the graph that they form, and what
// it takes to walk from one point of that graph to another.
//
// It reads and writes files ([ParseHeader], [Revision.Script], [Writer]),
// loads folders of them ([Load]), checks and answers questions about the
// graph ([Graph]), resolves what people type ("head", "ae10+2",
// "billing@head") and plans the ordered [Step]s of an upgrade, a downgrade
// or a stamp. Each step carries the version rows that it removes and adds, so
// whoever consumes a plan (the executor, offline SQL, a dry run) needs no
// knowledge of the graph.
//
// The package is pure: an [io/fs.FS] goes in, values come out. It may import
// the standard library and sqltext, and nothing else: no database, no
// environment, no output. Its words and its semantics are Alembic's.
package revision
