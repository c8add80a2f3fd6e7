package cli

import (
	"slices"

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
			revisions, state, err := m.Current(cmd.Context(), conn)
			if err != nil {
				return err
			}
			if a.verbose && !a.out.json {
				c := conn.Config()
				a.out.line("Current revision(s) for postgresql://%s@%s:%d/%s:", c.User, c.Host, c.Port, c.Database)
			}
			if err := a.list(revisions, a.currentLine); err != nil {
				return err
			}
			if checkHeads && !atHeads(m, state) {
				a.out.failed("Database is not on all head revisions", []string{"\"aludel plan upgrade heads\" lists what is missing"})
				return &statusError{exitDiffers}
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&checkHeads, "check-heads", false, "fail with status 3 when the database is not at all heads")
	return cmd
}

// atHeads compares the rows with the heads that an upgrade can lead to.
func atHeads(m *aludel.Migrator, state *aludel.State) bool {
	var heads []string
	for _, r := range m.Heads(true, nil) {
		heads = append(heads, r.ID)
	}
	slices.Sort(heads)
	return slices.Equal(heads, state.Rows)
}
