package cli

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/aludel-db/aludel"
)

func (a *app) repairCommand() *cobra.Command {
	var options aludel.RepairOptions
	cmd := &cobra.Command{
		Use:   "repair",
		Short: "Write down what a person has decided about edited files and partial revisions",
		Long: "Write down what a person has decided, where aludel can't know. Nothing of a revision is run.\n\n" +
			"A revision of which some statements have run needs no repair in general: the same command goes on with it.",
		Example: "  aludel repair --accept ab1234567890    # the edited file is what ran\n" +
			"  aludel repair --finished ab1234567890  # the rest of it was run by hand\n" +
			"  aludel repair --undone ab1234567890    # what had run of it was undone by hand",
		Args: arguments(0, 0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if len(options.Accept) == 0 && options.Finished == "" && options.Undone == "" {
				return &usageError{err: errors.New("say what was decided: --accept, --finished or --undone"), cmd: cmd}
			}
			m, conn, err := a.open(cmd.Context())
			if err != nil {
				return err
			}
			rows, err := m.Repair(cmd.Context(), conn, options)
			if err != nil {
				return err
			}
			if a.out.json {
				return a.out.data(repairedJSON{Rows: some(rows)})
			}
			a.out.say("Written down; the database is at %s", at(rows))
			return nil
		},
	}
	flags := cmd.Flags()
	flags.StringSliceVar(&options.Accept, "accept", nil, "revisions whose files were edited after they were applied, and are right as they are")
	flags.StringVar(&options.Finished, "finished", "", "a partial revision whose other statements were run by hand")
	flags.StringVar(&options.Undone, "undone", "", "a partial revision whose statements were undone by hand")
	cmd.MarkFlagsMutuallyExclusive("finished", "undone")
	return cmd
}

// A repairedJSON is the result of repair with -o json. Its names are a promise.
type repairedJSON struct {
	Rows []string `json:"rows"`
}
