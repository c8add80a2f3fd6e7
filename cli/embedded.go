package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/spf13/cobra"

	"github.com/aludel-db/aludel/internal/config"
	"github.com/aludel-db/aludel/internal/shadow"
)

// embeddedDatabaseName is the database of the embedded server.
const embeddedDatabaseName = "aludel"

func (a *app) embeddedCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "embedded",
		Short: "Run the embedded PostgreSQL that --embedded uses",
		Long: "With --embedded, commands use a real PostgreSQL that aludel runs itself, from the\n" +
			"binaries installed on this system. Its data is kept beside the configuration. Without\n" +
			"\"embedded start\" it runs for as long as a command needs it.",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return unknownCommand(cmd, args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	verb := func(use, short string, args cobra.PositionalArgs, run func(context.Context, *config.Config, []string) error) {
		cmd.AddCommand(&cobra.Command{Use: use, Short: short, Args: args, RunE: func(cmd *cobra.Command, args []string) error {
			on := true
			a.flags.Embedded = &on
			c, err := a.config()
			if err != nil {
				return err
			}
			return run(cmd.Context(), c, args)
		}})
	}
	verb("start", "Start it and let it run on", arguments(0, 0, ""), a.embeddedStart)
	verb("stop", "Stop it; its data stays", arguments(0, 0, ""), a.embeddedStop)
	verb("status", "Say whether it runs, and where its data is", arguments(0, 0, ""), a.embeddedStatus)
	verb("url", "Print its URL, starting it if need be", arguments(0, 0, ""), a.embeddedURL)
	verb("psql [-- ARGUMENT...]", "Open psql on it", cobra.ArbitraryArgs, a.embeddedPsql)
	return cmd
}

// embeddedHome is the folder of the embedded server's data. Data of one major
// version can't be read by another, so each has a folder; one that is there is
// used for as long as its version is installed.
func embeddedHome(c *config.Config) (string, shadow.Installation, error) {
	base := filepath.Join(c.Root, ".aludel", "postgres")
	search := shadow.Search{BinDir: c.PostgresBin, Path: c.SearchPath, Extra: []string{c.Root}}
	entries, _ := os.ReadDir(base) // none: nothing is there yet
	for i := len(entries) - 1; i >= 0; i-- {
		major, err := strconv.Atoi(entries[i].Name())
		if err != nil {
			continue
		}
		search.Major = major
		if found, err := shadow.Find(search); err == nil {
			return filepath.Join(base, entries[i].Name()), found, nil
		}
	}
	search.Major = 0
	found, err := shadow.Find(search)
	return filepath.Join(base, strconv.Itoa(found.Major)), found, err
}

// startEmbedded starts or joins the server. It is left when the program ends.
func (a *app) startEmbedded(ctx context.Context, c *config.Config) (*shadow.Server, error) {
	dir, found, err := embeddedHome(c)
	if err != nil {
		return nil, err
	}
	server, err := shadow.Start(ctx, shadow.Options{Installation: found, Dir: dir, CacheDir: c.CacheDir, TempDir: c.TempDir})
	if err != nil {
		return nil, fmt.Errorf("starting the embedded PostgreSQL: %w", err)
	}
	a.closers = append(a.closers, func() error {
		ctx, cancel := context.WithTimeout(context.Background(), embeddedStopWait)
		defer cancel()
		return server.Close(ctx)
	})
	return server, nil
}

// embeddedStopWait bounds the stop at the end of a command. What is not done
// by then, the next command does.
const embeddedStopWait = 30 * time.Second

// embeddedDatabase answers the connection to the embedded server, with its
// database and the configured schema in place: they are nobody else's.
func (a *app) embeddedDatabase(ctx context.Context, c *config.Config) (*pgx.ConnConfig, error) {
	server, err := a.startEmbedded(ctx, c)
	if err != nil {
		return nil, err
	}
	if err := server.EnsureDatabase(ctx, embeddedDatabaseName); err != nil {
		return nil, err
	}
	settings := server.Config(embeddedDatabaseName)
	conn, err := pgx.ConnectConfig(ctx, settings)
	if err != nil {
		return nil, fmt.Errorf("connecting to the embedded PostgreSQL: %w", err)
	}
	defer conn.Close(ctx) //nolint:errcheck // nothing hangs on it
	for _, schema := range []string{c.Schema, c.VersionTableSchema} {
		if _, err := conn.Exec(ctx, "CREATE SCHEMA IF NOT EXISTS "+pgx.Identifier{schema}.Sanitize()); err != nil {
			return nil, fmt.Errorf("creating schema %q: %w", schema, err)
		}
	}
	return settings.Copy(), nil
}

func (a *app) embeddedStart(ctx context.Context, c *config.Config, _ []string) error {
	server, err := a.startEmbedded(ctx, c)
	if err != nil {
		return err
	}
	if err := server.Keep(); err != nil {
		return err
	}
	if err := server.EnsureDatabase(ctx, embeddedDatabaseName); err != nil {
		return err
	}
	a.out.say("PostgreSQL %s runs until \"aludel embedded stop\"", server.Installation().Version)
	a.out.line("%s", server.URL(embeddedDatabaseName))
	return nil
}

func (a *app) embeddedStop(ctx context.Context, c *config.Config, _ []string) error {
	dir, _, err := embeddedHome(c)
	if err != nil {
		return err
	}
	state, err := shadow.Status(ctx, dir)
	if err != nil {
		return err
	}
	// A server that is just starting, or that has lost its socket, is not
	// running as far as anybody can see, and is stopped as well.
	if err := shadow.Stop(ctx, dir); err != nil {
		return err
	}
	if !state.Running {
		a.out.say("Nothing to do: the embedded PostgreSQL does not run")
		return nil
	}
	a.out.say("Stopped; the data is in %s", a.shown(state.Home))
	return nil
}

// An embeddedJSON is the result of embedded status with -o json. Its names
// are a promise.
type embeddedJSON struct {
	Running bool       `json:"running"`
	Kept    bool       `json:"kept"`
	PID     int        `json:"pid"`
	Version string     `json:"version"`
	Data    string     `json:"data"`
	Log     string     `json:"log"`
	URL     string     `json:"url"`
	Since   *time.Time `json:"since"`
}

func (a *app) embeddedStatus(ctx context.Context, c *config.Config, _ []string) error {
	dir, _, err := embeddedHome(c)
	if err != nil {
		return err
	}
	s, err := shadow.Status(ctx, dir)
	if err != nil {
		return err
	}
	if a.out.json {
		result := embeddedJSON{Running: s.Running, Kept: s.Kept, PID: s.PID, Version: s.Version, Data: s.DataDir, Log: s.LogFile, URL: s.URL}
		if !s.Since.IsZero() {
			result.Since = &s.Since
		}
		return a.out.data(result)
	}
	switch {
	case s.Running && s.Kept:
		a.out.line("Running    PostgreSQL %s, pid %d, until \"aludel embedded stop\"", s.Version, s.PID)
	case s.Running:
		a.out.line("Running    PostgreSQL %s, pid %d, for as long as a command uses it", s.Version, s.PID)
	default:
		a.out.line("Stopped    \"aludel embedded start\" starts it; so does any command with --embedded")
	}
	if s.DataDir != "" {
		a.out.line("Data       %s", a.shown(s.DataDir))
	}
	if s.LogFile != "" {
		a.out.line("Log        %s", a.shown(s.LogFile))
	}
	return nil
}

func (a *app) embeddedURL(ctx context.Context, c *config.Config, _ []string) error {
	server, err := a.startEmbedded(ctx, c)
	if err != nil {
		return err
	}
	if err := server.Keep(); err != nil { // a URL of a server that stops is of no use
		return err
	}
	if err := server.EnsureDatabase(ctx, embeddedDatabaseName); err != nil {
		return err
	}
	a.out.line("%s", server.URL(embeddedDatabaseName))
	return nil
}

func (a *app) embeddedPsql(ctx context.Context, c *config.Config, args []string) error {
	server, err := a.startEmbedded(ctx, c)
	if err != nil {
		return err
	}
	if err := server.EnsureDatabase(ctx, embeddedDatabaseName); err != nil {
		return err
	}
	psql := filepath.Join(server.Installation().BinDir, "psql")
	if _, err := os.Stat(psql); err != nil {
		if psql, err = exec.LookPath("psql"); err != nil {
			return errors.New("there is no psql beside the server nor in PATH; \"aludel embedded url\" prints what other clients need")
		}
	}
	cmd := exec.Command(psql, append([]string{"-d", server.URL(embeddedDatabaseName)}, args...)...) //nolint:noctx // Ctrl-C is psql's own
	cmd.Dir = a.options.Dir
	cmd.Env = append(append([]string{}, a.options.Environ...), "PGOPTIONS=-c search_path="+c.Schema)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = a.options.Stdin, a.options.Stdout, a.options.Stderr
	var exit *exec.ExitError
	if err := cmd.Run(); errors.As(err, &exit) {
		return &statusError{exit.ExitCode()}
	} else if err != nil {
		return fmt.Errorf("running psql: %w", err)
	}
	return nil
}
