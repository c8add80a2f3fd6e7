package aludel

import (
	"context"
	"fmt"
	"reflect"
	"runtime"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/aludel-db/aludel/internal/executor"
	"github.com/aludel-db/aludel/internal/revision"
)

// A GoRevision is a revision that is written in Go, for what SQL is not at hand: a
// value that has to be computed, another service that has to be asked. It takes
// part in the same graph as the files, and runs under the same lock, history and
// stall budget. A program gives its own to [New]; there is no registry.
//
// The functions get an [pgx.Tx] of the transaction that also changes the version
// rows, or, for what can't run in one, a [Session]. Unqualified names resolve in
// the configured schema. A function may be called more than once: its transaction
// is rolled back and tried again when it runs into a lock timeout, and one outside
// a transaction begins anew after it was cut off. So it should change nothing but
// the database, and UpConn and DownConn have to get along with what an earlier call
// has done.
type GoRevision struct {
	// ID is the revision id, as in a file's header; so are the next ones.
	ID            string
	Message       string
	DownRevisions []string
	DependsOn     []string
	BranchLabels  []string
	Created       time.Time

	// Up and Down run in a transaction, which is not theirs to commit or to roll
	// back; UpConn and DownConn outside one. There has to be one way up, and there is
	// at most one way down.
	Up, Down         func(ctx context.Context, tx pgx.Tx) error
	UpConn, DownConn func(ctx context.Context, s *Session) error
	// Irreversible says why there is no way down.
	Irreversible string

	// LockTimeout and StatementTimeout bound each wait and each statement in place
	// of those in [Options]; 0 is theirs, and negative is no bound.
	LockTimeout, StatementTimeout time.Duration
	// Role is the one that it runs as, in place of that in [Options].
	Role string
}

// A Session is the connection of a [GoRevision] that runs outside a transaction.
// What the function sets in the session goes with its end; a transaction that it
// leaves open is an error.
type Session struct {
	*pgx.Conn
	batches executor.Batcher
}

// A Batch says how to go through a table in batches.
type Batch struct {
	// Table is the table whose primary key the batches follow, as SQL names it.
	Table string
	// Size is the number of rows to begin with, default 1000. It is steered towards
	// a tenth of a second for a batch.
	Size int
}

// A BatchRange is the rows of one batch: those of a primary key from From to To, both
// included. A key is the values of its columns as PostgreSQL writes them, which pgx
// takes as arguments for columns of any type.
type BatchRange struct {
	From, To []string
	// Rows is how many there were when the batch was cut.
	Rows int
}

// InBatches calls do for each stretch of a table's rows, each in a transaction of
// its own in which the history also notes how far it has come. After a crash the
// same run goes on behind the last one. It is what "-- migrate:batch" is in a
// file: batches pause between each other, become smaller while others wait for
// them, and rows that are added behind the last one of the beginning are not met.
// A function that calls it several times has to do so in the same order each time;
// those that are done return at once.
func (s *Session) InBatches(ctx context.Context, b Batch, do func(ctx context.Context, tx pgx.Tx, r BatchRange) error) error {
	if b.Size == 0 {
		b.Size = revision.DefaultBatchSize
	}
	if b.Size < 0 {
		return fmt.Errorf("a batch of %d rows: Size has to be positive", b.Size)
	}
	return publicError(s.batches(ctx, b.Table, b.Size, func(ctx context.Context, tx pgx.Tx, from, to []string, rows int) error {
		return do(ctx, tx, BatchRange{From: from, To: to, Rows: rows})
	}))
}

// addGo adds the revisions that are written in Go.
func (m *Migrator) addGo(revisions []*revision.Revision) ([]*revision.Revision, error) {
	m.code = make(map[string]executor.Code, len(m.options.Revisions))
	for i := range m.options.Revisions {
		r := &m.options.Revisions[i]
		if err := r.check(); err != nil {
			return nil, err
		}
		added, err := r.internal()
		if err != nil {
			return nil, publicError(err)
		}
		revisions = append(revisions, added)
		m.code[r.ID] = executor.Code{Up: function(r.Up, r.UpConn), Down: function(r.Down, r.DownConn)}
	}
	return revisions, nil
}

// check refuses what no function can be chosen from.
func (r *GoRevision) check() error {
	wrong := func(text string) error {
		return &RequestError{Message: fmt.Sprintf("Go revision '%s' %s", r.ID, text)}
	}
	switch {
	case r.Up == nil && r.UpConn == nil:
		return wrong("has neither Up nor UpConn")
	case r.Up != nil && r.UpConn != nil:
		return wrong("has both Up and UpConn: leave one")
	case r.Down != nil && r.DownConn != nil:
		return wrong("has both Down and DownConn: leave one")
	case r.Irreversible != "" && (r.Down != nil || r.DownConn != nil):
		return wrong("is Irreversible and has a way down: leave one")
	}
	return nil
}

func (r *GoRevision) internal() (*revision.Revision, error) {
	path, upLine := place(r.Up, r.UpConn)
	_, downLine := place(r.Down, r.DownConn)
	header := &revision.Revision{
		ID: r.ID, Message: r.Message, DownRevisions: r.DownRevisions, DependsOn: r.DependsOn, BranchLabels: r.BranchLabels,
		Created: r.Created, Path: path,
	}
	section := func(line int, there, noTransaction bool) revision.Section {
		return revision.Section{
			Present: there, NoTransaction: noTransaction, Role: r.Role,
			LockTimeout: given(r.LockTimeout), StatementTimeout: given(r.StatementTimeout),
		}.At(line)
	}
	down := section(downLine, r.Down != nil || r.DownConn != nil, r.DownConn != nil)
	down.Irreversible = r.Irreversible
	return revision.InGo(header, section(upLine, true, r.UpConn != nil), down)
}

// given turns a duration into an option of a file, where 0 is no bound.
func given(d time.Duration) *time.Duration {
	if d == 0 {
		return nil
	}
	d = max(d, 0)
	return &d
}

// place is where a function is written.
func place(tx func(context.Context, pgx.Tx) error, conn func(context.Context, *Session) error) (path string, line int) {
	var pointer uintptr
	switch {
	case tx != nil:
		pointer = reflect.ValueOf(tx).Pointer()
	case conn != nil:
		pointer = reflect.ValueOf(conn).Pointer()
	default:
		return "", 0
	}
	return runtime.FuncForPC(pointer).FileLine(pointer)
}

func function(tx func(context.Context, pgx.Tx) error, conn func(context.Context, *Session) error) executor.Function {
	f := executor.Function{Tx: tx}
	if conn != nil {
		f.Conn = func(ctx context.Context, c *pgx.Conn, batches executor.Batcher) error {
			return conn(ctx, &Session{Conn: c, batches: batches})
		}
	}
	return f
}
