package executor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/aludel-db/aludel/internal/revision"
	"github.com/aludel-db/aludel/internal/sqltext"
	"github.com/aludel-db/aludel/internal/versiontable"
)

// What batches aim at. A client that wants a row of a batch waits until its
// transaction ends, so batchTime is about how long that may be.
const (
	batchTime  = 100 * time.Millisecond
	batchRows  = 100_000 // at most
	batchPause = 0.5     // of the time that a batch took
	slowPause  = 100 * time.Millisecond
	slowest    = 10 * time.Second
)

// batches are the runs of a statement over a table: each over a stretch of the
// primary key and in a transaction of its own, in which the history is told how
// far it has come. So a run that is killed is continued where it ended, and each
// row is met once.
type batches struct {
	*outside
	spec    *revision.Batch
	do      BatchFunction // in place of the statement
	key     *batchKey
	id      int64               // of the entry in the history
	at      *versiontable.Batch // how far it has come
	started time.Time           // this run
	met     int64               // rows in this run
	slow    int                 // batches in a row that others suffered from
}

// A stretch is the rows of a batch: those from its first key to its last.
type stretch struct {
	from, to []string
	rows     int
	lagging  string // a replica that has fallen behind; else empty
}

// inBatches runs the next statement.
func (o *outside) inBatches(ctx context.Context, spec *revision.Batch) error {
	key, err := o.batchKey(ctx, spec)
	if err != nil {
		return err
	}
	return (&batches{outside: o, spec: spec, key: key, started: time.Now()}).run(ctx)
}

// run goes through the table.
func (b *batches) run(ctx context.Context) error {
	if err := b.begin(ctx); err != nil {
		return err
	}
	for b.at != nil && !slices.Equal(b.at.Last, b.at.End) {
		s, err := b.next(ctx)
		if err != nil {
			return err
		}
		if s.rows == 0 {
			break // those that were there are gone
		}
		if err := b.patiently(ctx, s); err != nil {
			return err
		}
	}
	b.rows = 0
	return nil
}

// begin writes into the history that the statement runs, and reads how far it
// has come, or else where it ends.
func (b *batches) begin(ctx context.Context) error {
	m := &message{}
	m.add(2, "BEGIN;\n"+b.Table.LockSQL())
	m.check = m.statements
	m.add(1, b.Table.CheckSQL(b.heads))
	m.add(2, b.Table.BatchSQL(b.noteEntry(versiontable.Running))+"COMMIT;\n")
	var bad error
	completed, err := b.ask(ctx, m.sql.String(), func(n int, values [][]byte) {
		if n == m.check+1 {
			b.id, b.at, bad = versiontable.ParseBatch(values)
		}
	})
	if err != nil {
		b.rollback()
		return b.located(m, completed, err)
	}
	if bad != nil {
		return bad
	}
	if b.at == nil || b.at.Table != b.spec.Table {
		if b.at, err = b.whole(ctx); b.at == nil {
			return err
		}
	}
	b.rows = b.at.Rows
	if len(b.at.End) != len(b.key.columns) {
		return b.batchError(b.spec, "the primary key of "+b.spec.Table+" is another one than when the batches began",
			"what they have done stands; give it back the key that it had, or take the rows that are left by other means")
	}
	return nil
}

// whole looks where the table ends, and about how many rows it has. The answer
// is nil where it has none.
func (b *batches) whole(ctx context.Context) (*versiontable.Batch, error) {
	at := &versiontable.Batch{Table: b.spec.Table, Size: b.spec.Size}
	_, err := b.ask(ctx, b.key.reading(b.key.lastSQL(), b.key.estimateSQL()), func(n int, values [][]byte) {
		switch n {
		case firstAnswer:
			at.End = texts(values)
		case firstAnswer + 1:
			at.Total = max(at.Total, planRows(values))
		}
	})
	if err != nil {
		return nil, b.readingFailed(err)
	}
	if at.End == nil {
		return nil, nil
	}
	return at, nil
}

// next finds the stretch of the next batch, and whether replicas keep up.
func (b *batches) next(ctx context.Context) (stretch, error) {
	s := stretch{}
	_, err := b.ask(ctx, b.key.reading(b.key.stretchSQL(b.at), lagSQL), func(n int, values [][]byte) {
		switch n {
		case firstAnswer:
			s.rows, _ = strconv.Atoi(string(values[0])) // a count
			if s.to = texts(values[1:]); s.from == nil {
				s.from = s.to
			}
		case firstAnswer + 1:
			s.lagging = string(values[0])
		}
	})
	if err != nil {
		return s, b.readingFailed(err)
	}
	return s, nil
}

func (b *batches) readingFailed(err error) error {
	b.rollback()
	return fmt.Errorf("reading the keys of %s: %w", b.spec.Table, err)
}

func texts(values [][]byte) []string {
	list := make([]string, len(values))
	for i, v := range values {
		list[i] = string(v)
	}
	return list
}

// patiently runs a batch, smaller at each try while others hold rows of it, and
// sees to it that the next one fits.
func (b *batches) patiently(ctx context.Context, s stretch) error {
	begun := time.Now()
	for try := 1; ; try++ {
		start := time.Now()
		waiting, err := b.batch(ctx, s)
		if err == nil {
			return b.settle(ctx, s, time.Since(start), waiting)
		}
		pause := retryPause(try)
		if !isLockTimeout(err) {
			return err
		}
		if time.Since(begun)+pause >= b.LockWait {
			return &LockTimeoutError{Tries: try, Err: err}
		}
		e := b.event(StepRetried, b.i)
		e.Err, e.Pause = err, pause
		b.OnEvent(e)
		if err := sleep(ctx, pause); err != nil {
			return err
		}
		b.at.Size = max(b.at.Size/2, 1)
		if s, err = b.next(ctx); err != nil || s.rows == 0 {
			return err
		}
	}
}

// batch sends the transaction of one, and answers how many sessions waited for
// it when it was about to commit: whoever has begun to wait for a row of ours
// waits until then.
func (b *batches) batch(ctx context.Context, s stretch) (waiting int, err error) {
	sql, origin := "", func(int) int { return 0 }
	if b.do == nil {
		sql, origin = sqltext.Bind(b.section.Statements[b.done].Text, b.spec.Bounds, b.key.literal(s.from), b.key.literal(s.to))
	}
	after := *b.at
	after.Last, after.Rows = s.to, after.Rows+int64(s.rows)
	after.Total = max(after.Total, after.Rows)
	m := &message{}
	m.add(2, "BEGIN;\n"+setTimeout("LOCAL lock_timeout", b.lockTimeout(b.section)))
	m.add(1, b.Table.LockSQL())
	m.check = m.statements
	m.add(1, b.Table.CheckSQL(b.heads))
	m.add(1, b.Table.BatchCheckSQL(b.id, b.step.Revision.ID))
	role := b.role(b.section)
	if role != "" {
		m.add(1, "SET LOCAL ROLE "+sqltext.QuoteIdent(role)+";\n")
	}
	sent := body{step: b.i, first: m.statements, count: 1, start: m.sql.Len()}
	if b.do == nil {
		m.add(1, sql+"\n;\n")
	} else {
		m.add(1, "SET LOCAL search_path = "+sqltext.QuoteIdent(b.Table.Target)+";\n")
		m.code = []codeAt{{
			offset: m.sql.Len(), step: b.i, failed: func(err error) error { return b.codeError(b.i, err) },
			run: func(ctx context.Context, tx pgx.Tx) error { return b.do(ctx, tx, s.from, s.to, s.rows) },
		}}
	}
	if role != "" {
		m.add(1, "RESET ROLE;\n")
	}
	asked := m.statements
	m.add(3, waitingSQL+b.Table.BatchMoveSQL(b.id, &after)+"COMMIT;\n")
	completed, err := b.pieces(ctx, m, func(n int, values [][]byte) {
		if n == asked {
			waiting, _ = strconv.Atoi(string(values[0])) // a count
		}
	})
	if err != nil {
		b.rollback()
		return 0, b.batchFailed(m, &sent, sql, origin, completed, err)
	}
	b.at, b.rows = &after, after.Rows
	b.met += int64(s.rows)
	return waiting, nil
}

// waitingSQL counts the sessions that wait for this one. pg_locks shows all of
// them to every role; pg_stat_activity doesn't.
const waitingSQL = "SELECT pg_catalog.count(DISTINCT pid) FROM pg_catalog.pg_locks " +
	"WHERE NOT granted AND pg_catalog.pg_backend_pid() = ANY (pg_catalog.pg_blocking_pids(pid));\n"

// batchFailed gives an error of the server its place. The statement was sent
// with values in it, so its places are not those of the file.
func (b *batches) batchFailed(m *message, sent *body, sql string, origin func(int) int, completed int, err error) error {
	var pgErr *pgconn.PgError
	if fromCode(err) || !errors.As(err, &pgErr) {
		return err
	}
	position := int(pgErr.Position) - m.characters(sent)
	within := pgErr.Position > 0 && position > 0 && position <= utf8.RuneCountInString(sql)
	switch {
	case completed == m.check && versiontable.IsStale(err), versiontable.IsTakenOver(err):
		return &StaleError{Err: err}
	case completed == m.statements-1:
		return commitError(b.step, b.section, pgErr)
	case completed != sent.first && !within:
		return fmt.Errorf("noting a batch in the history: %w", err)
	}
	character := 0
	if within {
		statement := &b.section.Statements[b.done]
		at := statement.Offset + origin(sqltext.OffsetOfCharacter(sql, position))
		character = utf8.RuneCountInString(b.section.SQL[:at]) + 1
	}
	return statementError(b.step, b.section, pgErr, character, b.done)
}

// settle tells of a batch, sees to the size of the next one, and pauses.
func (b *batches) settle(ctx context.Context, s stretch, took time.Duration, waiting int) error {
	slowed := s.lagging
	if waiting > 0 {
		slowed = fmt.Sprintf("%d other sessions waited for it", waiting)
		if waiting == 1 {
			slowed = "another session waited for it"
		}
	}
	b.at.Size = nextSize(b.at.Size, s.rows, took, slowed != "")
	pause := time.Duration(float64(took) * batchPause)
	if b.slow++; slowed == "" {
		b.slow = 0
	} else {
		pause = max(pause, min(slowPause<<min(b.slow-1, 10), slowest))
	}
	e := b.event(BatchDone, b.i)
	e.Object, e.Rows, e.RowsTotal, e.Duration, e.Slowed = b.spec.Table, b.at.Rows, b.at.Total, took, slowed
	if e.PerSecond = float64(b.met) / time.Since(b.started).Seconds(); e.PerSecond > 0 {
		e.Left = time.Duration(float64(b.at.Total-b.at.Rows) / e.PerSecond * float64(time.Second))
	}
	last := slices.Equal(b.at.Last, b.at.End)
	if !last {
		e.Pause = pause
	}
	b.OnEvent(e)
	if last {
		return nil
	}
	return sleep(ctx, pause)
}

// nextSize steers towards batchTime, by a factor of two at most: one batch may
// have been lucky.
func nextSize(size, rows int, took time.Duration, slowed bool) int {
	factor := min(max(float64(batchTime)/float64(max(took, time.Microsecond)), 0.5), 2)
	if slowed {
		factor = 0.5
	} else if rows < size {
		factor = min(factor, 1) // it was not a whole one
	}
	return min(max(int(float64(size)*factor), 1), batchRows)
}

// checkBatches looks, before the first statement runs, whether the tables of all
// batches can be run over. A table that an earlier statement is still to make is
// looked at when it is its turn.
func (o *outside) checkBatches(ctx context.Context) error {
	for i := o.done; i < len(o.section.Statements); i++ {
		if strings.HasPrefix(o.section.Statements[i].Kind, "CREATE TABLE") || strings.HasPrefix(o.section.Statements[i].Kind, "ALTER TABLE") {
			return nil
		}
		if spec := o.section.Batches[i]; spec != nil {
			if _, err := o.batchKey(ctx, spec); err != nil {
				return err
			}
		}
	}
	return nil
}
