package executor

import (
	"bufio"
	"errors"
	"fmt"
	"io"

	"github.com/aludel-db/aludel/internal/revision"
	"github.com/aludel-db/aludel/internal/sqltext"
	"github.com/aludel-db/aludel/internal/versiontable"
)

// WriteSQL writes the job as a script for psql: the statements that [Run]
// sends, in the same transactions, but for what undoes a revision, which would
// only be in the way of its readers. Run on a database whose version rows are
// not those that the plan starts from, the script stops before it changes
// anything.
func WriteSQL(w io.Writer, job *Job, options Options) error {
	for i, s := range job.sections {
		if s != nil && s.InGo {
			path, line, _ := s.Position(0)
			return fmt.Errorf("revision %s is written in Go (%s:%d) and can't be written as SQL", job.plan.Steps[i].Revision.ID, path, line)
		}
	}
	if options.Before.Code != nil || options.After.Code != nil {
		return errors.New("hooks written in Go can't be written as SQL")
	}
	readable := *job
	readable.kept = make([]string, len(job.kept))
	r := &runner{Options: options, job: &readable, heads: job.plan.From}
	out := bufio.NewWriter(w)
	if len(job.plan.Steps) == 0 && !job.plan.Purge {
		return nil
	}
	fmt.Fprintf(out, "BEGIN;\n%sCOMMIT;\n", r.Table.CreateSQL(versiontable.State{}, job.width))
	err := r.walk(func(spans []span) error {
		for _, s := range spans {
			r.writeTransaction(out, s)
		}
		return nil
	}, func(i int) error {
		r.writeOutside(out, i)
		return nil
	})
	if err != nil {
		return err
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("writing the script: %w", err)
	}
	return nil
}

func (r *runner) writeTitle(out *bufio.Writer, i int) {
	fmt.Fprintf(out, "\n-- %s\n\n", Title(&r.job.plan.Steps[i]))
}

// Title is the line that announces a step, in Alembic's words.
func Title(step *revision.Step) string {
	verb := map[revision.Direction]string{
		revision.Up: "upgrade", revision.Down: "downgrade", revision.Stamp: "stamp_revision",
	}[step.Direction]
	return "Running " + verb + " " + step.Describe() + ", " + step.Revision.Summary()
}

func (r *runner) writeTransaction(out *bufio.Writer, s span) {
	for i := s.from; i < s.to; i++ {
		r.writeTitle(out, i)
	}
	m := r.build(s, r.heads)
	fmt.Fprintf(out, "%s", m.sql.String())
	r.heads = m.rows
}

// writeOutside writes a section that runs outside a transaction. psql stops at
// the first error with ON_ERROR_STOP; the version rows follow at the end.
func (r *runner) writeOutside(out *bufio.Writer, i int) {
	o := &outside{runner: r, i: i, step: &r.job.plan.Steps[i], section: r.job.sections[i]}
	o.done = len(o.section.Statements)
	r.writeTitle(out, i)
	reset := ""
	if len(o.section.Batches) > 0 {
		reset = "RESET datestyle;\nRESET extra_float_digits;\n"
	}
	role := ""
	if name := r.role(o.section); name != "" {
		role, reset = "SET ROLE "+sqltext.QuoteIdent(name)+";\n", "RESET ROLE;\n"+reset
	}
	fmt.Fprintf(out, "SET search_path = %s;\n%s%s%s\n;\nRESET search_path;\n%s%s",
		sqltext.QuoteIdent(r.Table.Target), r.Before.line(), role, offlineSQL(o.section), reset, r.After.line())
	fmt.Fprintf(out, "BEGIN;\n%s%s%s%sCOMMIT;\n", r.Table.LockSQL(), r.Table.CheckSQL(r.heads),
		r.Table.RowsSQL(o.step.Removes, o.step.Adds), r.Table.AppendSQL(o.noteEntry(versiontable.Done)))
	r.heads = r.after(span{i, i + 1}, r.heads)
}
