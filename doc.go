// Package aludel migrates PostgreSQL schemas: revision files with an upgrade
// and a downgrade form a graph by their down_revision, as in Alembic, and the
// version table of the database says what is applied.
//
// A [Migrator] is made from a folder of revision files, which it reads and
// checks at once, without a database:
//
//	m, err := aludel.New(os.DirFS("migrations/versions"), aludel.Options{Schema: "app"})
//
// Its verbs take a context, a connection and options whose zero value is the
// default, and answer typed results. A connection stays its giver's; while
// something runs, a second one of the same configuration holds the lock.
//
//	result, err := m.Upgrade(ctx, conn, aludel.UpgradeOptions{Target: "head"})
//
// "Nothing to do" is a result, not an error. Errors that a caller may want to
// act on have types of their own: [MultipleHeadsError], [UnknownRevisionError],
// [StatementError], [PartialError], [LockedError] and others.
//
// Each migration is one transaction: the statements of its section, the change
// of the version table and a row of the history are committed together or not
// at all. Sections that can't run in a transaction (CREATE INDEX CONCURRENTLY)
// say so in the file, run statement by statement and are recorded as they go.
//
// The package prints nothing, reads no environment variable and keeps no
// global state. The command aludel is its first user, and uses nothing else.
//
// # Promises
//
// The file format and the tables are promises: what one version has written,
// every later one reads. The version table is Alembic's own, so that the two
// tools can take turns on one database. Names of this package follow semantic
// versioning.
package aludel
