package cli

import (
	"github.com/spf13/cobra"

	"github.com/aludel-db/aludel"
)

func (a *app) ensureVersionCommand() *cobra.Command {
	var options aludel.EnsureVersionOptions
	var sql bool
	cmd := &cobra.Command{
		Use:   "ensure_version",
		Short: "Create the version table where it is missing",
		Args:  arguments(0, 0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if sql {
				m, err := a.migrator()
				if err != nil {
					return err
				}
				a.out.line("%s", m.EnsureVersionSQL())
				return nil
			}
			m, conn, err := a.open(cmd.Context())
			if err != nil {
				return err
			}
			created, err := m.EnsureVersion(cmd.Context(), conn, options)
			if err != nil {
				return err
			}
			if created {
				a.out.say("Created the version table")
			} else {
				a.out.say("Nothing to do: the version table is there")
			}
			return nil
		},
	}
	sqlFlags(cmd, &sql)
	cmd.Flags().BoolVar(&options.CreateSchema, "create-schema", false, "create the configured schema where it is missing")
	return cmd
}
