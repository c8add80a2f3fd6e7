package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/aludel-db/aludel"
)

func (a *app) showCommand() *cobra.Command {
	return &cobra.Command{
		Use:               "show REVISION...",
		Short:             "Show revisions in full",
		Args:              arguments(1, -1, "revision"),
		ValidArgsFunction: a.completeRevisions,
		RunE: func(cmd *cobra.Command, args []string) error {
			_, revisions, err := a.named(cmd.Context(), args)
			if err != nil {
				return err
			}
			if !a.out.json { // as in Alembic, the text is about files alone
				for i := range revisions {
					revisions[i].Applied, revisions[i].Current = nil, nil
				}
			}
			a.verbose = true
			return a.list(revisions, nil)
		},
	}
}

// named resolves the specifiers of show and edit. Only "current" needs a
// database.
func (a *app) named(ctx context.Context, specifiers []string) (*aludel.Migrator, []aludel.Revision, error) {
	m, err := a.migrator()
	if err != nil {
		return nil, nil, err
	}
	var state *aludel.State
	var revisions []aludel.Revision
	for _, specifier := range specifiers {
		if specifier == "current" && state == nil {
			conn, err := a.connect(ctx)
			if err != nil {
				return nil, nil, err
			}
			if state, err = m.State(ctx, conn); err != nil {
				return nil, nil, err
			}
		}
		found, err := m.Show(specifier, state)
		if err != nil {
			return nil, nil, err
		}
		revisions = append(revisions, found...)
	}
	return m, revisions, nil
}
