package versiontable

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// A Batch is how far a statement that runs in batches has come. Keys are the
// values of the primary key's columns as PostgreSQL writes them.
type Batch struct {
	Table string `json:"table"` // as the file names it
	// Last is the key that the last batch ended at; nil before the first.
	Last []string `json:"last,omitempty"`
	// End is the key that the last batch of all ends at, fixed at the start: rows
	// that come later are not for this statement.
	End []string `json:"end"`
	// Size is the number of rows of the next batch, Rows that of all so far, and
	// Total an estimate of how many there are.
	Size  int   `json:"size"`
	Rows  int64 `json:"rows"`
	Total int64 `json:"total"`
}

// Rows are those that the statement behind the ones done has been through in
// batches.
func (e *Entry) Rows() int64 {
	if e.Batch == nil {
		return 0
	}
	return e.Batch.Rows
}

func (b *Batch) literal() string {
	text, _ := json.Marshal(b) // strings and numbers always have a form
	return literal(string(text))
}

func parseBatch(text string) (*Batch, error) {
	if text == "" {
		return nil, nil
	}
	b := &Batch{}
	if err := json.Unmarshal([]byte(text), b); err != nil {
		return nil, fmt.Errorf("reading how far a batch has come: %w", err)
	}
	return b, nil
}

// BatchSQL adds an entry for a statement that runs in batches, and takes over how
// far an earlier run of it has come. It has to run under the lock of
// [Table.LockSQL]: the session of a run that was killed may still be busy with a
// batch, and only when that has ended is its place known. The row that it answers
// is for [ParseBatch].
func (t *Table) BatchSQL(e *Entry) string {
	earlier := fmt.Sprintf("(SELECT CASE WHEN h.outcome <> 'done' AND h.direction = %s AND h.statements_done = %d THEN h.batch END FROM %s AS h "+
		"WHERE h.revision = %s AND (h.outcome = 'done' OR h.statements IS NOT NULL) ORDER BY h.id DESC LIMIT 1)",
		literal(e.Direction), e.StatementsDone, t.history(), literal(e.Revision))
	return t.appendSQL(e, "batch", earlier) + "\nRETURNING id, batch;\n"
}

// ParseBatch reads what BatchSQL answers: the entry's number, and how far the
// statement has come; nil where it has not begun.
func ParseBatch(row [][]byte) (id int64, b *Batch, err error) {
	if id, err = strconv.ParseInt(string(row[0]), 10, 64); err != nil {
		return 0, nil, err
	}
	b, err = parseBatch(string(row[1]))
	return id, b, err
}

// laterEntry starts the value in the error that BatchCheckSQL provokes.
const laterEntry = "aludel: the history has a later entry than "

// BatchCheckSQL fails if the revision has a later entry than the one with this
// number: another run has taken over. Its cast fails as that of [Table.CheckSQL]
// does.
func (t *Table) BatchCheckSQL(id int64, revision string) string {
	return fmt.Sprintf("SELECT CAST(%s || pg_catalog.max(id) AS integer) FROM %s WHERE id > %d AND revision = %s HAVING pg_catalog.max(id) IS NOT NULL;\n",
		literal(laterEntry+strconv.FormatInt(id, 10)+": "), t.history(), id, literal(revision))
}

// IsTakenOver tells that err is BatchCheckSQL's.
func IsTakenOver(err error) bool {
	var pgErr *pgconn.PgError
	return errors.As(err, &pgErr) && pgErr.Code == invalidTextForType && strings.Contains(pgErr.Message, laterEntry)
}

// BatchMoveSQL notes in the entry with this number how far the statement has
// come. It belongs into the batch's transaction.
func (t *Table) BatchMoveSQL(id int64, b *Batch) string {
	return fmt.Sprintf("UPDATE %s SET batch = %s, finished_at = pg_catalog.clock_timestamp() WHERE id = %d;\n", t.history(), b.literal(), id)
}
