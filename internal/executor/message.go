package executor

import (
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/aludel-db/aludel/internal/revision"
	"github.com/aludel-db/aludel/internal/sqltext"
	"github.com/aludel-db/aludel/internal/versiontable"
)

// A message is the text of one transaction, and where in it things are: the
// server answers each statement, so counting answers tells how far it came.
type message struct {
	sql        strings.Builder
	statements int
	bodies     []body
	code       []codeAt
	check      int      // the statement that compares the version rows
	locks      int      // the one that takes locks first; 0 where there is none
	rows       []string // the version rows afterwards
}

// A body is a section within a message.
type body struct {
	step  int
	first int // number of its first statement in the message
	count int // of its statements
	start int // byte offset of its text
	done  int // number of the statement that completes the step
	// hooks are those that run with it, and the numbers of their first statements.
	hooks []hookAt
}

type hookAt struct {
	Hook
	first int
}

// addHook writes a hook.
func (r *runner) addHook(m *message, b *body, h Hook) {
	if h.Statements > 0 {
		b.hooks = append(b.hooks, hookAt{h, m.statements})
		m.add(h.Statements, h.SQL+"\n;\n")
	}
	if h.Code != nil {
		m.code = append(m.code, r.hookCode(h, b.step, m.sql.Len()))
	}
}

// hookOf is the hook that statement number n belongs to, and its step.
func (m *message) hookOf(n int) (h *Hook, step int) {
	for i := range m.bodies {
		for j := range m.bodies[i].hooks {
			if h := &m.bodies[i].hooks[j]; n >= h.first && n < h.first+h.Statements {
				return &h.Hook, m.bodies[i].step
			}
		}
	}
	return nil, 0
}

func (m *message) add(statements int, sql string) {
	m.sql.WriteString(sql)
	m.statements += statements
}

// build writes the transaction of a span over the version rows that it expects.
func (r *runner) build(s span, rows []string) *message {
	m := &message{rows: r.after(s, rows)}
	if r.job.stampsOnly() {
		m.add(1, "BEGIN;\n")
	} else {
		m.add(2, r.firstWords())
	}
	m.add(1, setTimeout("LOCAL lock_timeout", r.lockTimeout(nil)))
	m.add(1, setTimeout("LOCAL statement_timeout", r.StatementTimeout))
	if r.IdleTimeout > 0 {
		m.add(1, setTimeout("LOCAL idle_in_transaction_session_timeout", r.IdleTimeout))
	}
	if r.TransactionTimeout > 0 && r.hasTransactionTimeout() {
		m.add(1, setTimeout("LOCAL transaction_timeout", r.TransactionTimeout))
	}
	if r.hurryVacuum {
		m.add(1, setTimeout("LOCAL deadlock_timeout", vacuumYield))
	}
	m.add(1, r.Table.LockSQL())
	m.check = m.statements
	m.add(1, r.Table.CheckSQL(rows))
	if sql := r.locksFirst(s); sql != "" {
		m.locks = m.statements
		m.add(1, sql)
	}
	if r.job.plan.Purge && s.from == 0 {
		m.add(1, r.Table.PurgeSQL())
	}
	for i := s.from; i < s.to; i++ {
		r.addStep(m, i)
	}
	if r.Pooled && r.leavesSomething(s) {
		m.add(resetStatements, resetSQL) // behind the COMMIT the session is somebody else's
	}
	m.add(1, "COMMIT;\n")
	return m
}

// firstWords begin each message of a step that isn't a stamp.
func (r *runner) firstWords() string {
	return "BEGIN;\nSET LOCAL search_path = " + sqltext.QuoteIdent(r.Table.Target) + ";\n"
}

func (r *runner) leavesSomething(s span) bool {
	for i := s.from; i < s.to; i++ {
		if r.changesSession(i) {
			return true
		}
	}
	return false
}

// addStep writes a section, its version rows and its history row.
func (r *runner) addStep(m *message, i int) {
	step, s := &r.job.plan.Steps[i], r.job.sections[i]
	b := body{step: i}
	entry := r.entry(step, versiontable.Done)
	if s != nil {
		r.addTimeouts(m, s)
		r.addHook(m, &b, r.Before)
		role := r.role(s)
		if role != "" {
			m.add(1, "SET LOCAL ROLE "+sqltext.QuoteIdent(role)+";\n")
		}
		if s.InGo {
			m.code = append(m.code, r.sectionCode(i, m.sql.Len()))
		}
		b.first, b.start, b.count = m.statements, m.sql.Len(), len(s.Statements)
		// The section is sent as it is, comments and all, so that positions in
		// errors count the same characters. Its last line may be a comment.
		m.add(b.count, s.SQL)
		if b.count > 0 {
			m.add(0, "\n;\n")
		} else {
			m.add(0, "\n")
		}
		if role != "" {
			m.add(1, "RESET ROLE;\n")
		}
		r.addHook(m, &b, r.After)
		entry.Checksum, entry.Down = s.Checksum(), r.job.kept[i]
	}
	m.add(len(step.Removes)+len(step.Adds), r.Table.RowsSQL(step.Removes, step.Adds))
	if len(step.Removes) == 1 && len(step.Adds) == 1 {
		m.statements-- // one UPDATE
	}
	b.done = m.statements
	m.add(1, r.Table.AppendSQL(entry))
	m.bodies = append(m.bodies, b)
}

// addTimeouts writes the timeouts that a file sets for itself. They hold for
// the rest of the transaction; with several steps in one, each sets its own.
func (r *runner) addTimeouts(m *message, s *revision.Section) {
	if s.LockTimeout != nil || r.SingleTransaction {
		m.add(1, setTimeout("LOCAL lock_timeout", r.lockTimeout(s)))
	}
	if s.StatementTimeout != nil || r.SingleTransaction {
		m.add(1, setTimeout("LOCAL statement_timeout", r.statementTimeout(s)))
	}
	if s.TransactionTimeout != nil && r.hasTransactionTimeout() {
		m.add(1, setTimeout("LOCAL transaction_timeout", *s.TransactionTimeout))
	}
}

// hasTransactionTimeout: PostgreSQL has one since version 17. What is written
// offline is for any.
func (r *runner) hasTransactionTimeout() bool {
	if r.conn == nil {
		return false
	}
	version := r.conn.PgConn().ParameterStatus("server_version") // 17.6, 18beta1
	end := strings.IndexFunc(version+".", func(c rune) bool { return c < '0' || c > '9' })
	major, err := strconv.Atoi(version[:end])
	return err == nil && major >= 17
}

// role is the one that a section runs as; empty is that of the connection.
func (r *runner) role(s *revision.Section) string {
	if s.Role != "" && !r.NoRoles {
		return s.Role
	}
	return r.Role
}

func (r *runner) lockTimeout(s *revision.Section) time.Duration {
	if s != nil && s.LockTimeout != nil {
		return *s.LockTimeout
	}
	if r.MaxStall <= 0 {
		return r.LockTimeout
	}
	queue := min(queueTime<<min(max(r.try-1, 0), 10), r.MaxStall)
	if r.LockTimeout > 0 {
		queue = min(queue, r.LockTimeout)
	}
	return queue
}

func (r *runner) statementTimeout(s *revision.Section) time.Duration {
	if s.StatementTimeout != nil {
		return *s.StatementTimeout
	}
	return r.StatementTimeout
}

// setTimeout writes a SET of a timeout in milliseconds. PostgreSQL takes 0 as
// no timeout, so what is shorter than a millisecond becomes one.
func setTimeout(name string, d time.Duration) string {
	ms := d.Milliseconds()
	if d > 0 && ms == 0 {
		ms = 1
	}
	return "SET " + name + " = " + strconv.FormatInt(ms, 10) + ";\n"
}

// entry starts a history row for a step.
func (r *runner) entry(step *revision.Step, outcome versiontable.Outcome) *versiontable.Entry {
	return &versiontable.Entry{
		Revision: step.Revision.ID, Direction: string(step.Direction), Outcome: outcome,
		Message: step.Revision.Summary(), Host: r.Host, Program: r.Program,
	}
}

// bodyOf is the section that statement number n belongs to, or nil.
func (m *message) bodyOf(n int) *body {
	for i := range m.bodies {
		if b := &m.bodies[i]; n >= b.first && n < b.first+b.count {
			return b
		}
	}
	return nil
}

// characters counts those of the message in front of b.
func (m *message) characters(b *body) int {
	return utf8.RuneCountInString(m.sql.String()[:b.start])
}
