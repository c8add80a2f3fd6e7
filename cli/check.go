package cli

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/spf13/cobra"

	"github.com/aludel-db/aludel"
	"github.com/aludel-db/aludel/internal/config"
)

// A checkJSON is the result of check with -o json. Its names are a promise.
type checkJSON struct {
	// Models leads from the revisions to the models, Drift to the database; null
	// where it wasn't asked for.
	Models   *diffJSON          `json:"models"`
	Drift    *diffJSON          `json:"drift"`
	Pending  []revisionJSON     `json:"pending"`
	Tampered []revisionJSON     `json:"tampered"`
	Warnings []checkWarningJSON `json:"warnings"`
	Agrees   bool               `json:"agrees"`
}

type checkWarningJSON struct {
	Kind     string `json:"kind"`
	Revision string `json:"revision"`
	Path     string `json:"path"`
	Message  string `json:"message"`
}

func (a *app) checkCommand() *cobra.Command {
	var strict, noDatabase bool
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Tell whether models, revisions and database agree",
		Long: "Tell whether models, revisions and database agree: the models ([models] in aludel.toml), where\n" +
			"there are any, with what the revisions make; the database, where one is configured, with what\n" +
			"the revisions make up to where it stands. Without models, --no-database looks at the files alone.\n" +
			"Ends with status 3 where something differs or is pending, and 4 where the database is not what its\n" +
			"revisions make, or one was edited since.\n" +
			"Warnings tell of several heads, of files whose names sort in another order than they run, and of\n" +
			"down sections that are absent, empty or not proven. -o markdown writes a comment for a pull request.",
		Example: "  aludel check\n  aludel check --no-database --strict\n  aludel check --no-database -o markdown > comment.md",
		Args:    arguments(0, 0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.check(cmd.Context(), noDatabase)
			if err != nil {
				return err
			}
			return a.checked(c, strict)
		},
	}
	cmd.Flags().BoolVar(&noDatabase, "no-database", false, "leave the database out: the models, where there are any, and the revisions alone, as in CI")
	cmd.Flags().BoolVar(&strict, "strict", false, "have warnings be errors: status 1")
	return cmd
}

func (a *app) check(ctx context.Context, noDatabase bool) (*aludel.Check, error) {
	m, err := a.migrator()
	if err != nil && !noDatabase {
		return nil, a.deleted(ctx, err)
	}
	if err != nil {
		return nil, err
	}
	options := aludel.CheckOptions{}
	if !noDatabase {
		if options.Conn, err = a.connectIfConfigured(ctx); err != nil {
			return nil, err
		}
	}
	// Whoever leaves the database out has the files checked at least; else nothing to
	// compare with is a mistake.
	if !a.noModels() || options.Conn == nil && !noDatabase {
		if options.Models, err = a.models(); err != nil {
			return nil, err
		}
	}
	models := &a.loaded.Models
	options.Schemas, options.Include, options.Exclude = models.Schemas, models.Include, models.Exclude
	options.Owners, options.Privileges = models.Owners, models.Privileges
	if a.noModels() && options.Conn == nil {
		return m.Check(ctx, nil, options) // which needs no server's programs
	}
	major := 0
	if options.Conn != nil {
		major = aludel.ServerMajor(options.Conn)
	}
	shadow, err := a.shadow(ctx, major)
	if err != nil {
		return nil, err
	}
	return m.Check(ctx, shadow, options)
}

// connectIfConfigured answers nil where no database is configured.
func (a *app) connectIfConfigured(ctx context.Context) (*pgx.Conn, error) {
	c, err := a.config()
	if err != nil {
		return nil, err
	}
	if !c.Embedded {
		var none *config.NoDatabaseError
		if _, err := c.Database(); errors.As(err, &none) && !none.Partly() {
			return nil, nil
		}
	}
	return a.connect(ctx)
}

// checked prints what was found and answers the exit status.
func (a *app) checked(c *aludel.Check, strict bool) error {
	a.unsupported("what the revisions make", c.Unsupported)
	for _, w := range c.Warnings {
		where := w.Path
		if where != "" {
			where += ": "
		}
		a.out.note("warning: %s%s", where, w.Message)
	}
	switch a.output {
	case "json":
		if err := a.out.data(toCheckJSON(c)); err != nil {
			return err
		}
	case "markdown":
		a.checkedMarkdown(c)
	default:
		a.checkedText(c)
	}
	switch {
	case c.Drifted():
		return &statusError{exitTampered}
	case !c.Agrees():
		return &statusError{exitDiffers}
	case strict && len(c.Warnings) > 0:
		return &statusError{exitFailed}
	}
	return nil
}

// noModelsText is what check says in place of a comparison.
const noModelsText = "There are no models to compare with: the revisions' files alone were looked at."

func (a *app) checkedText(c *aludel.Check) {
	if c.Models == nil && c.Drift == nil {
		a.out.line(noModelsText)
	}
	if c.Models != nil {
		if len(c.Models.Statements) == 0 {
			a.out.line("No new upgrade operations detected.")
		} else {
			a.out.line("New upgrade operations detected: the models ask for what no revision makes.")
			a.differs(c.Models)
			a.out.line("aludel revision --autogenerate -m \"…\" writes it as a revision")
		}
	}
	a.rows("Pending  ", stepRevisions(c.Pending))
	a.rows("Tampered ", c.Tampered)
	switch {
	case c.Drift == nil:
	case len(c.Drift.Statements) == 0:
		a.out.line("The database is what its revisions make.")
	default:
		a.out.line("The database is not what its revisions make: somebody has changed it besides.")
		a.differs(c.Drift)
		a.out.line("write that as a revision and stamp it, or undo it: \"aludel diff db migrations@current\" has the SQL")
	}
}

// differs prints changes and their SQL, indented.
func (a *app) differs(d *aludel.Difference) {
	for _, change := range d.Changes {
		a.out.line("  %s", shownChange(&change))
	}
}

func stepRevisions(steps []aludel.Step) []aludel.Revision {
	var list []aludel.Revision
	for _, s := range steps {
		list = append(list, *s.Revision)
	}
	return list
}

func toCheckJSON(c *aludel.Check) checkJSON {
	result := checkJSON{Pending: listed(stepRevisions(c.Pending)), Tampered: listed(c.Tampered), Warnings: []checkWarningJSON{}, Agrees: c.Agrees()}
	if c.Models != nil {
		d := differenceJSON(c.Models)
		result.Models = &d
	}
	if c.Drift != nil {
		d := differenceJSON(c.Drift)
		result.Drift = &d
	}
	for _, w := range c.Warnings {
		result.Warnings = append(result.Warnings, checkWarningJSON(w))
	}
	return result
}
