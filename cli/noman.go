//go:build !man

package cli

import "github.com/spf13/cobra"

// addManual adds nothing: see man.go.
func addManual(*cobra.Command) {}
