package cli

import (
	"github.com/spf13/cobra"

	"github.com/aludel-db/aludel"
)

func (a *app) mergeCommand() *cobra.Command {
	var options aludel.MergeOptions
	cmd := &cobra.Command{
		Use:               "merge REVISION...",
		Short:             "Write a revision that joins others",
		Example:           "  aludel merge -m \"merge heads\" heads\n  aludel merge -m \"merge heads\" ab1234567890 cd1234567890",
		Args:              arguments(1, -1, "revisions"),
		ValidArgsFunction: a.completeRevisions,
		RunE: func(cmd *cobra.Command, args []string) error {
			m, err := a.migrator()
			if err != nil {
				return err
			}
			options.Revisions, options.X = args, a.x
			r, err := m.Merge(options)
			if err != nil {
				return err
			}
			return a.generated(cmd.Context(), r)
		},
	}
	cmd.Flags().StringVarP(&options.Message, "message", "m", "", "`TEXT` of the message")
	newFileFlags(cmd, &options.BranchLabels, &options.ID, &options.Path, &options.Splice)
	return cmd
}
