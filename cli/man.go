//go:build man

package cli

import (
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

// manCommand writes the manual pages. It is built with the tag "man" alone:
// what it links would only weigh on everybody's start-up.
func manCommand(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use:    "man DIRECTORY",
		Hidden: true,
		Args:   arguments(1, 1, "directory"),
		RunE: func(_ *cobra.Command, args []string) error {
			if err := os.MkdirAll(args[0], 0o777); err != nil {
				return err
			}
			header := &doc.GenManHeader{Title: "ALUDEL", Section: "1", Source: "Aludel", Manual: "Aludel Manual"}
			return doc.GenManTree(root, header, args[0])
		},
	}
}
