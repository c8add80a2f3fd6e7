package cli

import "github.com/spf13/cobra"

// completeRevisions offers ids with their messages, labels and the words of
// specifiers to the shell. It reads no database.
func (a *app) completeRevisions(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	words := []string{"head", "heads", "base", "+1"}
	if m, err := a.migrator(); err == nil {
		for _, name := range m.Names() {
			if r := m.Revision(name); r != nil {
				name += "\t" + r.Message
			}
			words = append(words, name)
		}
	}
	return words, cobra.ShellCompDirectiveNoFileComp
}
