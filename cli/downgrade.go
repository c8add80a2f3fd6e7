package cli

import (
	"github.com/spf13/cobra"

	"github.com/aludel-db/aludel"
)

func (a *app) downgradeCommand() *cobra.Command {
	var sql bool
	cmd := &cobra.Command{
		Use:   "downgrade REVISION",
		Short: "Undo what stands above a revision",
		Example: "  aludel downgrade -1\n  aludel downgrade ab1234567890\n  aludel downgrade base\n" +
			"  aludel downgrade --sql head:ef1234567890 > downgrade.sql",
		Args:              arguments(1, 1, "revision"),
		ValidArgsFunction: a.completeRevisions,
		RunE: func(cmd *cobra.Command, args []string) error {
			if sql {
				return a.offline(aludel.PlanOptions{Direction: aludel.Down, Targets: args})
			}
			m, conn, err := a.open(cmd.Context())
			if err != nil {
				return err
			}
			result, err := m.Downgrade(cmd.Context(), conn, aludel.DowngradeOptions{Target: args[0]})
			if err != nil {
				return err
			}
			return a.finished(result)
		},
	}
	sqlFlags(cmd, &sql)
	a.runFlags(cmd)
	return cmd
}
