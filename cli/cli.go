// Package cli is the command line of Aludel. It exports [Main] and its options
// alone, so that a program can have the whole command line in a few lines.
//
// There is a file for each command, called as the verb's file in the library.
// A command turns flags into options, calls the library as any embedder would,
// and hands the result to output.go, which alone prints. Specifiers of
// revisions pass through untouched. It may import the library and config, and
// shadow for the embedded server.
package cli

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"path"
	"regexp"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/aludel-db/aludel"
	"github.com/aludel-db/aludel/internal/suggest"
)

// Options are what a program's own command line has of its own, and what it lives
// in. Zero fields are those of the process.
//
//	func main() {
//		os.Exit(cli.Main(cli.Options{Migrations: files, MigrationsDir: "migrations", Revisions: revisions}))
//	}
type Options struct {
	// Migrations holds the revision files that the program carries, as an embed.FS
	// does, and MigrationsDir is the folder within. They take the place of
	// migrations.dir; where that folder is there, as in the program's repository, new
	// files are written to it. --dir takes the place of both.
	Migrations    fs.FS
	MigrationsDir string
	// Revisions are those that are written in Go.
	Revisions []aludel.GoRevision
	// Models prints the DDL of the schema that is wanted. It adds to what
	// aludel.toml says of models.
	Models func(io.Writer) error
	// Observers hear of each run.
	Observers []aludel.Observer

	Args    []string // without the program's name
	Environ []string // as os.Environ
	Dir     string   // the working folder
	Stdin   io.Reader
	Stdout  io.Writer
	Stderr  io.Writer
}

func (o *Options) fill() error {
	if o.Args == nil {
		o.Args = os.Args[1:]
	}
	if o.Environ == nil {
		o.Environ = os.Environ()
	}
	if o.Stdin == nil {
		o.Stdin = os.Stdin
	}
	if o.Stdout == nil {
		o.Stdout = os.Stdout
	}
	if o.Stderr == nil {
		o.Stderr = os.Stderr
	}
	if o.Dir == "" {
		var err error
		if o.Dir, err = os.Getwd(); err != nil {
			return err
		}
	}
	return nil
}

// Main runs one command and answers the exit status.
func Main(options Options) int {
	a := &app{}
	if err := options.fill(); err != nil {
		a.out = newPrinter(os.Stdout, os.Stderr)
		return a.report(err)
	}
	a.options = options
	a.out = newPrinter(options.Stdout, options.Stderr)
	ctx, stop := interruptible()
	defer stop()
	root := a.command()
	root.SetArgs(protectNumbers(withoutOwnName(root, options.Args)))
	root.SetIn(options.Stdin)
	root.SetOut(a.out.stdout)
	root.SetErr(a.out.stderr)
	a.run.started = time.Now()
	cmd, err := root.ExecuteContextC(ctx)
	if closing := a.close(); err == nil {
		err = closing
	}
	var other *otherProgram
	if errors.As(err, &other) {
		var status int
		if status, err = a.handOver(other); err == nil {
			return status
		}
	}
	return a.end(ctx, cmd, err)
}

// end tells of the outcome all who want to know, and answers the exit status.
func (a *app) end(ctx context.Context, cmd *cobra.Command, err error) int {
	if a.out.log == nil {
		_ = a.startLog(cmd) // a command line that was refused comes here with its flags unchecked
	}
	a.run.command, a.run.took = cmd.Name(), time.Since(a.run.started)
	status := a.report(err)
	if err := a.tell(context.WithoutCancel(ctx), status); err != nil {
		a.out.note("warning: %v", err)
	}
	a.outcome(status)
	return status
}

// interruptible answers a context that the first SIGINT or SIGTERM ends: the
// running statement is cancelled on the server and rolled back. A second
// signal ends the process at once. SIGPIPE is left to the writers: a reader of
// the output that has had enough must not stop a migration in the middle.
func interruptible() (context.Context, context.CancelFunc) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	return ctx, stop
}

// withoutOwnName leaves out the program's name where it is the first argument. The
// command of a container names it where the image has no entry point; of an image
// whose entry point is the program, ECS lets nobody override that. So that one
// command does for both, it is understood.
func withoutOwnName(root *cobra.Command, args []string) []string {
	if len(args) > 0 && path.Base(args[0]) == root.Name() {
		return args[1:]
	}
	return args
}

// numberMark stands in front of arguments like "-1", which flags would take
// for theirs, on the way through the parser.
const numberMark = "\x01"

var number = regexp.MustCompile(`^-[0-9]`)

func protectNumbers(args []string) []string {
	protected := make([]string, len(args))
	for i, arg := range args {
		if protected[i] = arg; number.MatchString(arg) {
			protected[i] = numberMark + arg
		}
	}
	return protected
}

// unprotect takes the marks off again, in place.
func unprotect(cmd *cobra.Command, args []string) {
	for i := range args {
		args[i] = strings.TrimPrefix(args[i], numberMark)
	}
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if value := f.Value.String(); strings.HasPrefix(value, numberMark) {
			_ = f.Value.Set(strings.TrimPrefix(value, numberMark)) // a string takes anything
		}
	})
}

// A usageError is a command line that can't be understood: exit status 2.
type usageError struct {
	err error
	cmd *cobra.Command
}

func (e *usageError) Error() string { return e.err.Error() }

// command builds the tree.
func (a *app) command() *cobra.Command {
	root := &cobra.Command{
		Use:   "aludel",
		Short: "Migrate PostgreSQL schemas: a graph of revisions, up and down",
		Long: "Aludel keeps a PostgreSQL schema by revision files with an upgrade and a downgrade,\n" +
			"which form a graph as in Alembic. Its commands, flags and words are Alembic's.",
		Version:           aludel.Version(),
		SilenceErrors:     true,
		SilenceUsage:      true,
		DisableAutoGenTag: true,
		PersistentPreRunE: func(cmd *cobra.Command, args []string) error {
			unprotect(cmd, args)
			return a.checkFlags(cmd)
		},
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return unknownCommand(cmd, args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetVersionTemplate("aludel {{.Version}}\n")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return &usageError{err: errors.New(flagError(err)), cmd: cmd}
	})
	a.globalFlags(root.PersistentFlags())
	root.AddGroup(
		&cobra.Group{ID: "run", Title: "Change the database:"},
		&cobra.Group{ID: "look", Title: "Look:"},
		&cobra.Group{ID: "write", Title: "Write revisions:"},
		&cobra.Group{ID: "other", Title: "Besides:"},
	)
	root.SetHelpCommandGroupID("other")
	root.SetCompletionCommandGroupID("other")
	for group, commands := range map[string][]*cobra.Command{
		"run":   {a.upgradeCommand(), a.downgradeCommand(), a.stampCommand(), a.repairCommand(), a.ensureVersionCommand()},
		"look":  {a.currentCommand(), a.historyCommand(), a.headsCommand(), a.branchesCommand(), a.showCommand(), a.planCommand(), a.statusCommand(), a.diffCommand(), a.dumpCommand(), a.checkCommand(), a.verifyCommand()},
		"write": {a.initCommand(), a.revisionCommand(), a.mergeCommand(), a.squashCommand(), a.editCommand()},
		"other": {a.embeddedCommand()},
	} {
		for _, c := range commands {
			c.GroupID = group
			root.AddCommand(c)
		}
	}
	addManual(root)
	return root
}

// parseBool is the flag parser's complaint about a flag that is on or off.
var parseBool = regexp.MustCompile(`strconv\.ParseBool: parsing .*: invalid syntax$`)

// flagError is what the flag parser says, in words of this program.
func flagError(err error) string {
	return parseBool.ReplaceAllString(strings.ReplaceAll(err.Error(), `\x01-`, "-"), "it is true or false")
}

func unknownCommand(cmd *cobra.Command, name string) error {
	var names []string
	for _, c := range cmd.Commands() {
		names = append(names, c.Name())
	}
	text := "unknown command \"" + name + "\""
	if near := suggest.Closest(name, names); near != "" {
		text += "; did you mean \"" + near + "\"?"
	}
	return &usageError{err: errors.New(text), cmd: cmd}
}

// arguments checks how many there are.
func arguments(least, most int, names string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) < least:
			return &usageError{err: errors.New("the following arguments are required: " + names), cmd: cmd}
		case most >= 0 && len(args) > most:
			return &usageError{
				err: errors.New("unrecognized arguments: " + strings.ReplaceAll(strings.Join(args[most:], " "), numberMark, "")), cmd: cmd,
			}
		}
		return nil
	}
}
