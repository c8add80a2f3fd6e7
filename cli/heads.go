package cli

import "github.com/spf13/cobra"

func (a *app) headsCommand() *cobra.Command {
	var resolve bool
	cmd := &cobra.Command{
		Use:   "heads",
		Short: "List the revisions that nothing stands on",
		Args:  arguments(0, 0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error {
			m, err := a.migrator()
			if err != nil {
				return err
			}
			return a.list(m.Heads(resolve, nil), a.headLine)
		},
	}
	cmd.Flags().BoolVar(&resolve, "resolve-dependencies", false, "leave out those that another revision depends on")
	return cmd
}
