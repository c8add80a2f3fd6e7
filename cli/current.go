package cli

import (
	"context"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/spf13/cobra"

	"github.com/aludel-db/aludel"
)

func (a *app) currentCommand() *cobra.Command {
	var checkHeads bool
	cmd := &cobra.Command{
		Use:   "current",
		Short: "Show the revisions at which the database stands",
		Args:  arguments(0, 0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error {
			m, conn, err := a.open(cmd.Context())
			if err != nil {
				return err
			}
			if checkHeads {
				if err := a.checkHeads(cmd.Context(), m, conn); err != nil {
					return err
				}
			}
			revisions, _, err := m.Current(cmd.Context(), conn)
			if err != nil {
				return err
			}
			if a.verbose && !a.out.json {
				c := conn.Config()
				a.out.line("Current revision(s) for postgresql://%s@%s:%d/%s:", c.User, c.Host, c.Port, c.Database)
			}
			return a.list(revisions, a.currentLine)
		},
	}
	cmd.Flags().BoolVar(&checkHeads, "check-heads", false, "fail with status 3 when the database is not at all heads")
	return cmd
}

// checkHeads compares the rows with the heads that an upgrade can lead to.
func (a *app) checkHeads(ctx context.Context, m *aludel.Migrator, conn *pgx.Conn) error {
	state, err := m.State(ctx, conn)
	if err != nil {
		return err
	}
	var heads []string
	for _, r := range m.Heads(true, nil) {
		heads = append(heads, r.ID)
	}
	slices.Sort(heads)
	if slices.Equal(heads, state.Rows) {
		return nil
	}
	hints := []string{"it is at " + at(state.Rows) + ", and the heads are " + at(heads)}
	for _, id := range state.Unknown {
		hints = append(hints, "no file has '"+id+"'")
	}
	a.out.failed("Database is not on all head revisions", append(hints, "\"aludel plan upgrade heads\" lists what is missing"))
	return &statusError{exitDiffers}
}
