package cli

import (
	"errors"
	"fmt"
	"os/exec"
	"strings"

	"github.com/spf13/cobra"

	"github.com/aludel-db/aludel"
)

func (a *app) editCommand() *cobra.Command {
	return &cobra.Command{
		Use:               "edit REVISION...",
		Short:             "Open the files of revisions in an editor ($EDITOR)",
		Args:              arguments(1, -1, "revision"),
		ValidArgsFunction: a.completeRevisions,
		RunE: func(cmd *cobra.Command, args []string) error {
			_, revisions, err := a.named(cmd.Context(), args)
			if err != nil {
				return err
			}
			if len(revisions) == 0 && args[0] == "current" {
				return &aludel.RequestError{Message: "No current revisions"}
			}
			if len(revisions) == 0 {
				return &aludel.RequestError{Message: fmt.Sprintf("No revision files indicated by symbol '%s'", args[0])}
			}
			return a.edit(cmd, revisions)
		},
	}
}

// editors are tried where the environment names none.
var editors = []string{"sensible-editor", "editor", "nano", "vim", "vi"}

// edit opens all files in one editor. The variable may hold arguments, as
// "code --wait" does.
func (a *app) edit(cmd *cobra.Command, revisions []aludel.Revision) error {
	words := strings.Fields(a.loaded.Editor)
	for _, name := range editors {
		if len(words) > 0 {
			break
		}
		if path, err := exec.LookPath(name); err == nil {
			words = []string{path}
		}
	}
	if len(words) == 0 {
		return errors.New("no editor found: set EDITOR")
	}
	for i := range revisions {
		words = append(words, revisions[i].Path)
	}
	editor := exec.CommandContext(cmd.Context(), words[0], words[1:]...)
	editor.Dir = a.options.Dir
	editor.Stdin, editor.Stdout, editor.Stderr = a.options.Stdin, a.options.Stdout, a.options.Stderr
	if err := editor.Run(); err != nil {
		return fmt.Errorf("Error executing editor (%w)", err)
	}
	return nil
}
