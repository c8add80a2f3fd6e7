package cli

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/aludel-db/aludel"
)

func (a *app) historyCommand() *cobra.Command {
	var options aludel.HistoryOptions
	var indicate bool
	cmd := &cobra.Command{
		Use:   "history",
		Short: "List the revisions, newest first",
		Long: "List the revisions, newest first. Where a database is configured, those that are applied\n" +
			"are marked (applied), and the rows of the version table (current).",
		Example: "  aludel history\n  aludel history -r ae1027:975ea\n  aludel history -r :current -v",
		Args:    arguments(0, 0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error {
			m, err := a.migrator()
			if err != nil {
				return err
			}
			if options.State, err = a.state(cmd.Context(), m, indicate || strings.Contains(options.Range, "current")); err != nil {
				return err
			}
			revisions, err := m.History(options)
			if err != nil {
				return err
			}
			a.warnUnknown(options.State)
			return a.list(revisions, a.historyLine)
		},
	}
	cmd.Flags().StringVarP(&options.Range, "rev-range", "r", "", "`RANGE` as [start]:[end], both ends included; current may be one")
	cmd.Flags().BoolVarP(&indicate, "indicate-current", "i", false, "insist on marking the current revisions: no database is an error")
	return cmd
}

// warnUnknown names the version rows that no file has: a list can't show them.
func (a *app) warnUnknown(state *aludel.State) {
	if state == nil {
		return
	}
	for _, id := range state.Unknown {
		a.out.note("warning: the version table names '%s', which no file has", id)
	}
}
