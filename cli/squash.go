package cli

import (
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"github.com/aludel-db/aludel"
)

func (a *app) squashCommand() *cobra.Command {
	var options aludel.SquashOptions
	cmd := &cobra.Command{
		Use:   "squash BASE:REVISION",
		Short: "Put one revision in place of several",
		Long: "Put one revision in place of those that an upgrade from BASE to REVISION would run. It keeps\n" +
			"the id REVISION, so that databases which are there, or further, or at BASE, need nothing done; one\n" +
			"in the middle is refused with advice. What it makes is proven to be the same, both ways, before a\n" +
			"file is touched.",
		Example: "  aludel squash base:ae1027 -m \"Everything until 2.0\"",
		Args:    arguments(1, 1, "a range, BASE:REVISION"),
		RunE: func(cmd *cobra.Command, args []string) error {
			var ok bool
			if options.From, options.To, ok = strings.Cut(args[0], ":"); !ok || options.From == "" || options.To == "" {
				return &usageError{err: errors.New("a range is wanted, BASE:REVISION; base stands for the beginning"), cmd: cmd}
			}
			m, err := a.migrator()
			if err != nil {
				return err
			}
			shadow, err := a.shadow(cmd.Context(), 0)
			if err != nil {
				return err
			}
			r, err := m.Squash(cmd.Context(), shadow, options)
			if err != nil {
				return err
			}
			return a.generated(cmd.Context(), r)
		},
	}
	cmd.Flags().StringVarP(&options.Message, "message", "m", "", "`TEXT` of the message")
	cmd.Flags().BoolVar(&options.Concatenate, "concatenate", false, "put the sections one behind the other as they are, statements that change rows included")
	return cmd
}
