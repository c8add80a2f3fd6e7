package cli

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/aludel-db/aludel"
)

func (a *app) stampCommand() *cobra.Command {
	var options aludel.StampOptions
	var sql bool
	cmd := &cobra.Command{
		Use:               "stamp REVISION...",
		Short:             "Write revisions into the version table without running them",
		Example:           "  aludel stamp head\n  aludel stamp ab1234567890\n  aludel stamp --purge head",
		Args:              arguments(1, -1, "revision"),
		ValidArgsFunction: a.completeRevisions,
		RunE: func(cmd *cobra.Command, args []string) error {
			if sql && options.Purge {
				return &usageError{err: errors.New("Can't use --purge with --sql mode"), cmd: cmd}
			}
			if sql {
				return a.offline(aludel.PlanOptions{Direction: aludel.Stamped, Targets: args})
			}
			m, conn, err := a.open(cmd.Context())
			if err != nil {
				return err
			}
			options.Targets = args
			result, err := m.Stamp(cmd.Context(), conn, options)
			if err != nil {
				return err
			}
			return a.finished(result)
		},
	}
	sqlFlags(cmd, &sql)
	cmd.Flags().BoolVar(&options.Purge, "purge", false, "empty the version table first, whatever it holds")
	return cmd
}
