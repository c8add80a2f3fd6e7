//go:build man

package cli

import (
	"os"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

// addManual adds the command that writes the manual pages. It is built with the
// tag "man" alone: what it links would only weigh on everybody's start-up.
func addManual(root *cobra.Command) {
	root.AddCommand(&cobra.Command{
		Use:    "man DIRECTORY",
		Hidden: true,
		Args:   arguments(1, 1, "directory"),
		RunE: func(_ *cobra.Command, args []string) error {
			if err := os.MkdirAll(args[0], 0o777); err != nil {
				return err
			}
			date := time.Date(2026, time.November, 1, 0, 0, 0, 0, time.UTC) // fixed, so that pages change with their text alone
			header := &doc.GenManHeader{Title: "ALUDEL", Section: "1", Source: "Aludel", Manual: "Aludel Manual", Date: &date}
			return doc.GenManTree(root, header, args[0])
		},
	})
}
