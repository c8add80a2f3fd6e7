// Package aludel migrates PostgreSQL schemas: revisions with an upgrade and a
// downgrade form a graph by their down_revision, as in Alembic, and the version
// table of the database says what is applied.
//
// # Getting started
//
// A revision is a file with a header and two sections:
//
//	-- Create users
//	--
//	-- revision: 27c6f3e1a0b4
//	-- down_revision:
//
//	-- migrate:up
//	CREATE TABLE users (id bigint PRIMARY KEY);
//
//	-- migrate:down
//	DROP TABLE users;
//
// A [Migrator] knows a folder of them. [New] reads and checks it at once, without a
// database:
//
//	//go:embed migrations/*.sql
//	var files embed.FS
//
//	migrations, _ := fs.Sub(files, "migrations")
//	m, err := aludel.New(migrations, aludel.Options{Schema: "app"})
//	…
//	result, err := m.Upgrade(ctx, db, aludel.UpgradeOptions{Target: "head"})
//
// # Verbs
//
// A verb takes a context, a [Database] and options whose zero value is the default.
// The database is a *pgx.Conn, a *pgxpool.Pool, or a *sql.DB of pgx's driver. It
// stays yours and open.
//
//   - [Migrator.Upgrade], [Migrator.Downgrade] and [Migrator.Stamp] move the database
//     to a target, written as Alembic takes it: an id or its beginning, head, heads,
//     base, label@head, +2, -1, ae10+2.
//   - [Migrator.Plan] says what they would run, [Migrator.Apply] runs a plan as it was
//     shown, [Migrator.WriteSQL] writes it as a script.
//   - [Migrator.Current], [Migrator.Status], [Migrator.Pending], [Migrator.Ready] and,
//     of the files, [Migrator.History], [Migrator.Heads] and [Migrator.Show] tell how
//     things stand. They write nothing.
//   - [Migrator.NewRevision], [Migrator.Merge], [Migrator.Autogenerate] and
//     [Migrator.Squash] write files.
//   - [Migrator.Check], [Migrator.Verify] and [Migrator.Drift] try things out in the
//     throw-away databases of a [Shadow]; [ReadSnapshot], [Diff] and [Snapshot.Dump]
//     compare and print schemas.
//
// Each migration is one transaction: the statements of its section, the change of the
// version table and a row of the history are committed together or not at all.
// Sections that can't run in one (CREATE INDEX CONCURRENTLY) say so in the file, run
// statement by statement and are written down as they go: after a failure the same
// call goes on at the statement that failed.
//
// # Results and errors
//
// "Nothing to do" is a result without steps. Errors that a program may act on have
// types, for [errors.As]:
//
//   - before anything runs: [FileError], [GraphError], [DeletedError], [RequestError],
//     [UnknownRevisionError], [MultipleHeadsError], [TamperedError], [AheadError],
//     [IrreversibleError], [SchemaError], [DatabaseError], [PoolerError],
//     [StalePlanError]
//   - on the way: [StatementError], with file, line, column and SQLSTATE; [GoError];
//     [PartialError] of a section that got part of the way; [LockTimeoutError] and
//     [StallError], which say who was in the way; [LockedError] of another run;
//     [InterruptedError] when the context ended; [UnresolvedError] where nobody can
//     know
//   - of [Check.Err]: [DriftError], [TamperedError], [NotUpToDateError]
//
// # Go revisions
//
// What SQL can't do is a [GoRevision], a value among [Options].Revisions, in the same
// graph, history and stall budget as the files:
//
//	aludel.GoRevision{
//		ID: "c81fa90d3b57", Message: "Hash the tokens", DownRevisions: []string{"9f4c1d8e6b20"},
//		Up: func(ctx context.Context, tx pgx.Tx) error { … },
//	}
//
// Up and Down are in the transaction that also changes the version rows. UpConn and
// DownConn run outside one, where [Session.InBatches] goes through a table bit by bit.
// Package cli makes a command of a program that has such revisions.
//
// # At start-up
//
// Upgrade from many replicas at once is safe: one of them runs, the others wait for
// its lock, find nothing to do and go on. A service that leaves migrating to a job of
// the deployment asks [Migrator.Ready] before it serves, and as its readiness probe:
// one query, no lock. A [NotUpToDateError] is a database that is behind, an
// [AheadError] one that a newer version of the program has migrated.
//
// By default nobody waits for a migration longer than [Options].MaxStall and no lock is
// queued for longer than [Options].LockTimeout; what doesn't get its locks is tried again.
//
// # Telemetry
//
// [Options].Logger takes a [slog.Logger], OnEvent hears of each [Event], and Observers
// of each run from its start to its end. OpenTelemetry's is the module
// github.com/aludel-db/aludel/otel. An observer that panics doesn't change what
// becomes of a migration.
//
// # Tests
//
// Package aludeltest gives each test a migrated database of its own, in tens of
// milliseconds: the migrations run once, and each test gets a copy.
//
//	db := aludeltest.New(t, migrations)
//
// # Promises
//
// The file format and the tables are promises: what one version has written,
// every later one reads. The version table is Alembic's own, so that the two
// tools can take turns on one database. Names of this package follow semantic
// versioning.
//
// The package prints nothing, reads no environment variable and keeps no
// global state. The command aludel is its first user, and uses nothing else.
package aludel
