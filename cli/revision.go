package cli

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/aludel-db/aludel"
)

func (a *app) revisionCommand() *cobra.Command {
	var options aludel.NewRevisionOptions
	var sqlFile, head string
	cmd := &cobra.Command{
		Use:     "revision",
		Short:   "Write the file of a new revision",
		Example: "  aludel revision -m \"add email_verified to users\"\n  aludel revision -m \"billing\" --head base --branch-label billing",
		Args:    arguments(0, 0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error {
			m, err := a.migrator()
			if err != nil {
				return err
			}
			if sqlFile != "" {
				if !filepath.IsAbs(sqlFile) {
					sqlFile = filepath.Join(a.options.Dir, sqlFile)
				}
				text, err := os.ReadFile(sqlFile)
				if err != nil {
					return fmt.Errorf("reading --sql-file: %w", err)
				}
				options.Up = string(text)
			}
			if head != "" {
				options.Heads = []string{head}
			}
			options.X = a.x
			return a.generated(m.NewRevision(options))
		},
	}
	f := cmd.Flags()
	f.StringVarP(&options.Message, "message", "m", "", "`TEXT` of the message")
	f.StringVar(&head, "head", "", "`REVISION` to stand on (default head; base for a new base)")
	f.StringVar(&sqlFile, "sql-file", "", "`FILE` with the SQL of the up section")
	newFileFlags(cmd, &options.BranchLabels, &options.ID, &options.Path, &options.Splice)
	f.StringArrayVar(&options.DependsOn, "depends-on", nil, "`REVISION` that has to be applied first; may be repeated")
	return cmd
}

// newFileFlags are those that revision and merge share.
func newFileFlags(cmd *cobra.Command, labels *[]string, id, path *string, splice *bool) {
	f := cmd.Flags()
	f.StringArrayVar(labels, "branch-label", nil, "`LABEL` for the branch that begins here; may be repeated")
	f.StringVar(id, "rev-id", "", "`ID` of the revision (default 12 random hex digits)")
	f.StringVar(path, "version-path", "", "`FOLDER` to write to, one of those configured")
	f.BoolVar(splice, "splice", false, "allow a parent that has children already")
}

// generated reports a new file.
func (a *app) generated(r *aludel.Revision, err error) error {
	if err != nil {
		return err
	}
	if a.out.json {
		return a.out.data(toJSON([]aludel.Revision{*r}))
	}
	a.out.say("Generating %s ...  done", r.Path)
	return nil
}
