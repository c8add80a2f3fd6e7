package cli

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/spf13/cobra"

	"github.com/aludel-db/aludel"
)

func (a *app) upgradeCommand() *cobra.Command {
	var options aludel.UpgradeOptions
	var sql, checkOnly bool
	cmd := &cobra.Command{
		Use:   "upgrade REVISION",
		Short: "Run what is missing up to a revision",
		Example: "  aludel upgrade head\n  aludel upgrade +1\n  aludel upgrade ab1234567890\n" +
			"  aludel upgrade billing@head\n  aludel upgrade --sql ef1234567890:head > upgrade.sql",
		Args:              arguments(1, 1, "revision"),
		ValidArgsFunction: a.completeRevisions,
		RunE: func(cmd *cobra.Command, args []string) error {
			if sql {
				return a.offline(aludel.PlanOptions{Direction: aludel.Up, Targets: args})
			}
			m, conn, err := a.open(cmd.Context())
			if err != nil {
				return err
			}
			options.Target = args[0]
			if checkOnly {
				return a.checkPlan(cmd.Context(), m, conn, args)
			}
			result, err := m.Upgrade(cmd.Context(), conn, options)
			if err != nil {
				return err
			}
			return a.finished(result)
		},
	}
	sqlFlags(cmd, &sql)
	a.runFlags(cmd)
	cmd.Flags().BoolVar(&checkOnly, "check-only", false, "run nothing: show what is missing, and end with status 3 where something is")
	cmd.Flags().BoolVar(&options.AllowTampered, "allow-tampered", false, "run what is pending though files of applied revisions were edited")
	cmd.Flags().BoolVar(&options.OKIfAhead, "ok-if-ahead", false, "end with status 0 where a newer version has migrated the database (a rolled-back deployment)")
	cmd.Flags().BoolVar(&options.CreateSchema, "create-schema", false, "create the configured schema where it is missing")
	return cmd
}

// checkPlan shows what an upgrade would run.
func (a *app) checkPlan(ctx context.Context, m *aludel.Migrator, conn *pgx.Conn, targets []string) error {
	p, err := m.Plan(ctx, conn, aludel.PlanOptions{Direction: aludel.Up, Targets: targets})
	if err == nil {
		err = a.plan(p)
	}
	if err == nil && len(p.Steps) > 0 {
		err = &statusError{exitDiffers}
	}
	return err
}
