package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/aludel-db/aludel"
)

func (a *app) revisionCommand() *cobra.Command {
	var options aludel.NewRevisionOptions
	var auto autogenerateFlags
	var sqlFile, head string
	cmd := &cobra.Command{
		Use:     "revision",
		Short:   "Write the file of a new revision",
		Example: "  aludel revision --autogenerate -m \"add email_verified to users\"\n  aludel revision -m \"add email_verified to users\"\n  aludel revision -m \"billing\" --head base --branch-label billing",
		Args:    arguments(0, 0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error {
			m, err := a.migrator()
			if err != nil {
				return err
			}
			if !auto.on {
				if flag := auto.changed(cmd); flag != "" {
					return &usageError{err: fmt.Errorf("--%s goes with --autogenerate", flag), cmd: cmd}
				}
			}
			if options.Go && (auto.on || sqlFile != "") {
				return &usageError{err: errors.New("--go writes a file of Go, whose sections are yours to write: it doesn't go with --autogenerate or --sql-file"), cmd: cmd}
			}
			if sqlFile != "" {
				if auto.on {
					return &usageError{err: errors.New("--autogenerate writes the sections itself: --sql-file has no place there"), cmd: cmd}
				}
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
			if auto.on {
				return a.autogenerate(cmd, m, options, &auto)
			}
			r, err := m.NewRevision(options)
			if err != nil {
				return err
			}
			return a.generated(cmd.Context(), r)
		},
	}
	f := cmd.Flags()
	f.StringVarP(&options.Message, "message", "m", "", "`TEXT` of the message")
	f.StringVar(&head, "head", "", "`REVISION` to stand on (default head; base for a new base)")
	f.StringVar(&sqlFile, "sql-file", "", "`FILE` with the SQL of the up section")
	f.BoolVar(&options.Go, "go", false, "write a revision in Go, for the project's own command line")
	auto.add(f)
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

// generated reports a new file and has the hooks work on it.
func (a *app) generated(ctx context.Context, r *aludel.Revision) error {
	if err := a.written(ctx, r); err != nil {
		return err
	}
	if a.out.json {
		return a.listJSON([]aludel.Revision{*r})
	}
	return nil
}

// written says that a file is there, and has the hooks work on it.
func (a *app) written(ctx context.Context, r *aludel.Revision) error {
	a.out.say("Generating %s ...  done", r.Path)
	if r.GoFunction != "" {
		a.out.note("add %s() to the Revisions that your program gives to cli.Main", r.GoFunction)
	}
	for _, hook := range a.loaded.Migrations.Hooks {
		if err := a.hook(ctx, hook, r.Path); err != nil {
			return err
		}
	}
	if len(a.loaded.Migrations.Hooks) > 0 && r.GoFunction == "" {
		if _, err := a.migrator(); err != nil { // a hook may have broken it
			return err
		}
	}
	return nil
}

// hook runs a command on a new file, in the folder of the configuration. {file}
// stands for its path; where it doesn't occur the path comes last.
func (a *app) hook(ctx context.Context, words []string, path string) error {
	if !filepath.IsAbs(path) {
		path = filepath.Join(a.options.Dir, path)
	}
	named := false
	args := slices.Clone(words)
	for i := range args {
		named = named || strings.Contains(args[i], "{file}")
		args[i] = strings.ReplaceAll(args[i], "{file}", path)
	}
	if !named {
		args = append(args, path)
	}
	a.out.note("Running post write hook '%s' ...", words[0])
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Dir, cmd.Env = a.loaded.Root, a.options.Environ
	cmd.Stdout, cmd.Stderr = a.options.Stderr, a.options.Stderr
	if err := cmd.Run(); err != nil {
		return &hookError{name: words[0], path: path, err: err}
	}
	a.out.note("  done")
	return nil
}

// A hookError is a hook that ended with an error. The new file is there.
type hookError struct {
	name, path string
	err        error
}

func (e *hookError) Error() string { return fmt.Sprintf("post write hook '%s': %v", e.name, e.err) }
func (e *hookError) Unwrap() error { return e.err }
