package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/spf13/cobra"

	"github.com/aludel-db/aludel"
)

// A statusJSON is the result of status with -o json. Its names are a promise.
type statusJSON struct {
	Schema       string         `json:"schema"`
	VersionTable bool           `json:"version_table"`
	Rows         []string       `json:"rows"`
	Unknown      []string       `json:"unknown"`
	Heads        []string       `json:"heads"`
	Pending      []revisionJSON `json:"pending"`
	Tampered     []revisionJSON `json:"tampered"`
	Partial      []partialJSON  `json:"partial"`
	Problem      *string        `json:"problem"`
	Drift        *diffJSON      `json:"drift,omitempty"` // with --drift
	OK           bool           `json:"ok"`
}

type partialJSON struct {
	Revision   string `json:"revision"`
	Direction  string `json:"direction"`
	Done       int    `json:"statements_done"`
	Statements int    `json:"statements"`
	Rows       int64  `json:"rows,omitempty"` // that the next statement has been through in batches
	Error      string `json:"error"`
}

func (a *app) statusCommand() *cobra.Command {
	var exitCode, drift bool
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show where the database stands, what is pending and what is wrong",
		Args:  arguments(0, 0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error {
			m, conn, err := a.open(cmd.Context())
			if err != nil {
				return err
			}
			s, err := m.Status(cmd.Context(), conn)
			if err != nil {
				return err
			}
			var drifted *aludel.Difference
			if drift {
				if drifted, err = a.drift(cmd.Context(), m, conn); err != nil {
					return err
				}
			}
			if a.out.json {
				result := a.statusJSON(s)
				if drift {
					d := differenceJSON(drifted)
					result.Drift = &d
				}
				err = a.out.data(result)
			} else {
				c := conn.Config()
				a.out.line("Database   %s on %s:%d, schema %s", c.Database, c.Host, c.Port, a.loaded.Schema)
				a.status(s)
				a.drifted(drifted)
			}
			if err == nil && drift && len(drifted.Statements) > 0 {
				err = &statusError{exitTampered}
			}
			if err == nil && exitCode {
				err = statusCode(s)
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&drift, "drift", false, "compare the database with what its revisions make, and end with status 4 where it is something else")
	cmd.Flags().BoolVar(&exitCode, "exit-code", false, "end with status 3 when something is pending, 4 when a file was edited, 6 when a revision is partial, 7 when the database is ahead of the files")
	return cmd
}

// drift compares the database with what its revisions make in a throw-away one.
func (a *app) drift(ctx context.Context, m *aludel.Migrator, conn *pgx.Conn) (*aludel.Difference, error) {
	shadow, err := a.shadow(ctx, aludel.ServerMajor(conn))
	if err != nil {
		return nil, err
	}
	models := &a.loaded.Models
	return m.Drift(ctx, shadow, conn, aludel.DriftOptions{
		Schemas: models.Schemas, Include: models.Include, Exclude: models.Exclude, Owners: models.Owners, Privileges: models.Privileges,
	})
}

func (a *app) drifted(d *aludel.Difference) {
	switch {
	case d == nil:
	case len(d.Statements) == 0:
		a.out.line("Drift      none: the database is what its revisions make")
	default:
		a.out.line("Drift      the database is not what its revisions make:")
		for _, c := range d.Changes {
			a.out.line("           %s", shownChange(&c))
		}
	}
}

func statusCode(s *aludel.Status) error {
	switch {
	case len(s.Partial) > 0:
		return &statusError{exitPartial}
	case len(s.Tampered) > 0:
		return &statusError{exitTampered}
	case s.Problem != nil:
		return &statusError{exitStatus(s.Problem)}
	case len(s.Pending) > 0:
		return &statusError{exitDiffers}
	}
	return nil
}

func (a *app) status(s *aludel.Status) {
	switch {
	case !s.State.Exists:
		a.out.line("Current    <base> (there is no version table yet)")
	case len(s.State.Rows) == 0:
		a.out.line("Current    <base>")
	default:
		a.rows("Current  ", s.Current)
		for _, id := range s.State.Unknown {
			a.out.line("Unknown    %s: a version row that no file has", id)
		}
	}
	a.rows("Head     ", s.Heads)
	if len(s.Heads) > 1 {
		a.out.line("           several heads; to join them: aludel merge -m \"merge heads\" heads")
	}
	for _, p := range s.Partial {
		rows := ""
		if p.Rows > 0 {
			rows = fmt.Sprintf(", the next one over %d rows", p.Rows)
		}
		a.out.line("Partial    %s (%s): %d of %d statements have run%s, %s", p.ID, p.Direction, p.Done, p.Total, rows, p.Message)
		if p.Error != "" {
			a.out.line("           %s", strings.ReplaceAll(p.Error, "\n", "\n           "))
		}
		a.out.line("           run the same command again: it goes on where it stopped")
	}
	a.rows("Tampered ", s.Tampered)
	if len(s.Tampered) > 0 {
		a.out.line("           these files were edited after they were applied")
	}
	a.pending(s)
}

func (a *app) pending(s *aludel.Status) {
	switch {
	case s.Problem != nil:
		a.out.line("Problem    %v", s.Problem)
		for _, hint := range a.hints(s.Problem) {
			a.out.line("           %s", hint)
		}
	case len(s.Pending) == 0:
		a.out.line("Pending    nothing")
	default:
		var revisions []aludel.Revision
		for _, step := range s.Pending {
			revisions = append(revisions, *step.Revision)
		}
		a.rows("Pending  ", revisions)
	}
}

// rows prints a list under a title.
func (a *app) rows(title string, revisions []aludel.Revision) {
	for i := range revisions {
		r := &revisions[i]
		a.out.line("%s  %s%s, %s", title, a.out.paint("33", r.ID), labels(r), r.Message)
		title = strings.Repeat(" ", len(title))
	}
}

func (a *app) statusJSON(s *aludel.Status) statusJSON {
	result := statusJSON{
		Schema: a.loaded.Schema, VersionTable: s.State.Exists, Rows: some(s.State.Rows), Unknown: some(s.State.Unknown),
		Heads: []string{}, Pending: []revisionJSON{}, Tampered: listed(s.Tampered), Partial: []partialJSON{}, OK: s.OK(),
	}
	for _, r := range s.Heads {
		result.Heads = append(result.Heads, r.ID)
	}
	for _, step := range s.Pending {
		result.Pending = append(result.Pending, toJSON(step.Revision))
	}
	for _, p := range s.Partial {
		result.Partial = append(result.Partial, partialJSON{
			Revision: p.ID, Direction: p.Direction, Done: p.Done, Statements: p.Total, Rows: p.Rows, Error: p.Error,
		})
	}
	if s.Problem != nil {
		text := s.Problem.Error()
		result.Problem = &text
	}
	return result
}
