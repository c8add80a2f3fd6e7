package versiontable

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// An Outcome is how far an entry of the history has come.
type Outcome string

// The outcomes. Rows are only ever appended: the newest row of a revision and
// direction tells where it stands. What changes in a row is the batch, while
// the statement that it announces runs.
const (
	Done    Outcome = "done"    // all of it, version rows included
	Running Outcome = "running" // a statement outside a transaction was about to be sent
	Failed  Outcome = "failed"  // the error is in the row
	// Accepted: somebody accepted a file that was edited after it was applied; the
	// checksum is the new one.
	Accepted Outcome = "accepted"
	// Undone: somebody has undone by hand what had run of a section.
	Undone Outcome = "undone"
)

// An Entry is a row of the history.
type Entry struct {
	Revision  string
	Direction string // up, down or stamp
	Outcome   Outcome
	Message   string
	// Checksum is that of the section that ran; empty for a stamp.
	Checksum string
	// Statements and StatementsDone count the statements of a section that
	// runs outside a transaction; Statements is 0 otherwise.
	Statements, StatementsDone int
	// DoneChecksum is that of the statements done, see [DoneChecksum].
	DoneChecksum string
	// Batch is how far the statement behind those has come, if it runs in
	// batches and has begun; read only, see [Table.BatchSQL].
	Batch *Batch
	Error string
	// Down is what undoes the revision, should its file be gone by then; of an
	// upgrade that is done.
	Down string
	// Host and Program say where it ran and with which version.
	Host, Program string
	// Started is empty (zero) for an entry of the transaction it is written
	// in: the server's own time is taken.
	Started  time.Time
	Finished time.Time
	By       string // the database role; read only
}

func (t *Table) historyDDL() string {
	return "CREATE TABLE IF NOT EXISTS " + t.history() + ` (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    revision text NOT NULL,
    direction text NOT NULL,
    outcome text NOT NULL,
    message text NOT NULL,
    checksum text,
    statements integer,
    statements_done integer,
    done_checksum text,
    batch jsonb,
    down text,
    error text,
    applied_by text NOT NULL DEFAULT session_user,
    host text NOT NULL,
    program text NOT NULL,
    started_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
`
}

// AppendSQL adds an entry.
func (t *Table) AppendSQL(e *Entry) string { return t.appendSQL(e, "", "") + ";\n" }

// appendSQL adds an entry with one more column, unless that is empty.
func (t *Table) appendSQL(e *Entry, column, value string) string {
	columns := []string{"revision", "direction", "outcome", "message", "host", "program"}
	values := []string{
		literal(e.Revision), literal(e.Direction), literal(string(e.Outcome)),
		literal(e.Message), literal(e.Host), literal(e.Program),
	}
	add := func(column, value string) {
		columns, values = append(columns, column), append(values, value)
	}
	if e.Checksum != "" {
		add("checksum", literal(e.Checksum))
	}
	if e.Statements > 0 {
		add("statements", strconv.Itoa(e.Statements))
		add("statements_done", strconv.Itoa(e.StatementsDone))
		add("done_checksum", literal(e.DoneChecksum))
	}
	if e.Error != "" {
		add("error", literal(e.Error))
	}
	if e.Down != "" {
		add("down", literal(e.Down))
	}
	if !e.Started.IsZero() {
		add("started_at", literal(e.Started.UTC().Format(time.RFC3339Nano)))
	}
	if column != "" {
		add(column, value)
	}
	return "INSERT INTO " + t.history() + " (" + strings.Join(columns, ", ") + ")\nVALUES (" + strings.Join(values, ", ") + ")"
}

// DoneChecksum is the SHA-256 of statements in hex: what has run of a section
// must still be in the file when the rest is to follow.
func DoneChecksum(statements []string) string {
	h := sha256.New()
	for _, s := range statements {
		h.Write([]byte(strings.ReplaceAll(s, "\r\n", "\n")))
		h.Write([]byte{0})
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Partial reads the entries of revisions that a section outside a transaction
// has begun and not finished, in the order of their ids. A database without
// history has none.
func (t *Table) Partial(ctx context.Context, conn *pgx.Conn) ([]Entry, error) {
	rows, err := query(ctx, conn, `SELECT revision, direction, outcome, message, coalesce(checksum, ''), `+
		`statements, statements_done, done_checksum, coalesce(error, ''), host, program, applied_by, `+
		`extract(epoch FROM started_at), pg_catalog.to_jsonb(newest) ->> 'batch' FROM (SELECT DISTINCT ON (revision) * FROM `+t.history()+
		` WHERE outcome = 'done' OR statements IS NOT NULL ORDER BY revision, id DESC) AS newest `+
		`WHERE outcome NOT IN ('done', 'undone') ORDER BY id`)
	if hasCode(err, undefinedTable, invalidSchemaName) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading history %s: %w", t.history(), err)
	}
	var entries []Entry
	for _, r := range rows {
		e := Entry{
			Revision: r[0], Direction: r[1], Outcome: Outcome(r[2]), Message: r[3], Checksum: r[4],
			DoneChecksum: r[7], Error: r[8], Host: r[9], Program: r[10], By: r[11],
		}
		e.Statements, _ = strconv.Atoi(r[5]) // integer columns
		e.StatementsDone, _ = strconv.Atoi(r[6])
		seconds, _ := strconv.ParseFloat(r[12], 64)
		e.Started = time.UnixMicro(int64(seconds * 1e6))
		if e.Batch, err = parseBatch(r[13]); err != nil {
			return nil, err
		}
		entries = append(entries, e)
	}
	return entries, nil
}

// Checksums reads, for each revision whose newest entry applied it, the
// checksum of the section that ran. A database without history has none.
func (t *Table) Checksums(ctx context.Context, conn *pgx.Conn) (map[string]string, error) {
	rows, err := query(ctx, conn, `SELECT revision, checksum FROM (SELECT DISTINCT ON (revision) revision, direction, checksum FROM `+
		t.history()+` WHERE outcome IN ('done', 'accepted') ORDER BY revision, id DESC) AS newest WHERE direction = 'up' AND checksum IS NOT NULL`)
	if hasCode(err, undefinedTable, invalidSchemaName) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading history %s: %w", t.history(), err)
	}
	sums := make(map[string]string, len(rows))
	for _, r := range rows {
		sums[r[0]] = r[1]
	}
	return sums, nil
}

// Applied reads the revisions whose newest entry applied or stamped them.
func (t *Table) Applied(ctx context.Context, conn *pgx.Conn) (map[string]bool, error) {
	rows, err := query(ctx, conn, `SELECT revision FROM (SELECT DISTINCT ON (revision) revision, direction FROM `+t.history()+
		` WHERE outcome = 'done' ORDER BY revision, id DESC) AS newest WHERE direction <> 'down'`)
	if hasCode(err, undefinedTable, invalidSchemaName, insufficientPrivileges) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading history %s: %w", t.history(), err)
	}
	applied := make(map[string]bool, len(rows))
	for _, r := range rows {
		applied[r[0]] = true
	}
	return applied, nil
}

// Kept reads what undoes revisions, for those of ids whose newest entry applied
// them and has kept it. PostgreSQL compresses such texts by itself.
func (t *Table) Kept(ctx context.Context, conn *pgx.Conn, ids []string) (map[string]string, error) {
	literals := make([]string, len(ids))
	for i, id := range ids {
		literals[i] = literal(id)
	}
	rows, err := query(ctx, conn, `SELECT revision, pg_catalog.to_jsonb(newest) ->> 'down' FROM (SELECT DISTINCT ON (revision) * FROM `+t.history()+
		` WHERE outcome = 'done' AND revision IN (`+strings.Join(literals, ", ")+`) ORDER BY revision, id DESC) AS newest `+
		`WHERE direction = 'up' AND pg_catalog.to_jsonb(newest) ->> 'down' <> ''`)
	if hasCode(err, undefinedTable, invalidSchemaName, insufficientPrivileges) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading history %s: %w", t.history(), err)
	}
	kept := make(map[string]string, len(rows))
	for _, r := range rows {
		kept[r[0]] = r[1]
	}
	return kept, nil
}

// Record changes version rows and adds an entry by somebody's word alone. It
// fails with an error that [IsStale] knows unless the rows are heads.
func (t *Table) Record(ctx context.Context, conn *pgx.Conn, heads, removes, adds []string, e *Entry) error {
	_, err := conn.PgConn().Exec(ctx, "BEGIN;\n"+t.LockSQL()+t.CheckSQL(heads)+t.RowsSQL(removes, adds)+t.AppendSQL(e)+"COMMIT;").ReadAll()
	if err == nil {
		return nil
	}
	if !conn.IsClosed() {
		_ = conn.PgConn().Exec(context.WithoutCancel(ctx), "ROLLBACK").Close()
	}
	return fmt.Errorf("writing into history %s: %w", t.history(), err)
}

// LastWriter reads who wrote a version row that no file has: the newest entry
// that applied or stamped the revision, or nil.
func (t *Table) LastWriter(ctx context.Context, conn *pgx.Conn, revision string) (*Entry, error) {
	rows, err := query(ctx, conn, `SELECT message, host, program, applied_by, extract(epoch FROM finished_at) FROM `+t.history()+
		` WHERE revision = `+literal(revision)+` AND outcome = 'done' ORDER BY id DESC LIMIT 1`)
	if hasCode(err, undefinedTable, invalidSchemaName, insufficientPrivileges) || err == nil && len(rows) == 0 {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading history %s: %w", t.history(), err)
	}
	r := rows[0]
	seconds, _ := strconv.ParseFloat(r[4], 64)
	return &Entry{
		Revision: revision, Message: r[0], Host: r[1], Program: r[2], By: r[3], Finished: time.UnixMicro(int64(seconds * 1e6)),
	}, nil
}
