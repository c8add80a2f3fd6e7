package cli

import (
	"github.com/spf13/cobra"
)

func (a *app) dumpCommand() *cobra.Command {
	var options diffOptions
	cmd := &cobra.Command{
		Use:     "dump [STATE]",
		Short:   "Write a state as SQL that makes it in a new database",
		Long:    "Write a state (default db) as SQL that makes it in a new database.\n" + stateHelp,
		Example: "  aludel dump > schema.sql\n  aludel dump migrations@ae1027",
		Args:    arguments(0, 1, ""),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				args = []string{"db"}
			}
			snapshots, err := a.states(cmd, options.objects, args...)
			if err != nil {
				return err
			}
			options.leaveSchema(a.loaded.Schema)
			d, err := snapshots[0].Dump(options.DiffOptions)
			if err != nil {
				return err
			}
			return a.difference(d)
		},
	}
	diffFlags(cmd, &options)
	return cmd
}
