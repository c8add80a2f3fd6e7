package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/spf13/cobra"

	"github.com/aludel-db/aludel"
)

// A stepJSON is a step of plan with -o json. The names are a promise.
type stepJSON struct {
	Revision   string   `json:"revision"`
	Direction  string   `json:"direction"`
	Message    string   `json:"message"`
	HeadsAfter []string `json:"heads_after"`
}

func (a *app) planCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "plan",
		Short: "Show what would run, in order, without running it",
		Long: "Show what upgrade, downgrade or stamp would run, in order, without running it.\n" +
			"With --from it needs no database.",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return unknownCommand(cmd, args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	for _, c := range []struct {
		name, short string
		direction   aludel.Direction
		most        int
	}{
		{"upgrade REVISION", "Plan an upgrade", aludel.Up, 1},
		{"downgrade REVISION", "Plan a downgrade", aludel.Down, 1},
		{"stamp REVISION...", "Plan a stamp", aludel.Stamped, -1},
	} {
		cmd.AddCommand(a.planVerb(c.name, c.short, c.direction, c.most))
	}
	return cmd
}

func (a *app) planVerb(use, short string, direction aludel.Direction, most int) *cobra.Command {
	options := aludel.PlanOptions{Direction: direction}
	var from string
	cmd := &cobra.Command{
		Use:               use,
		Short:             short,
		Args:              arguments(1, most, "revision"),
		ValidArgsFunction: a.completeRevisions,
		RunE: func(cmd *cobra.Command, args []string) error {
			options.Targets = args
			var m *aludel.Migrator
			var conn *pgx.Conn
			var err error
			if cmd.Flags().Changed("from") {
				if m, err = a.migrator(); err == nil {
					options.From, err = fromRows(m, from)
				}
			} else {
				m, conn, err = a.open(cmd.Context())
			}
			if err != nil {
				return err
			}
			p, err := m.Plan(cmd.Context(), conn, options)
			if err != nil {
				return err
			}
			return a.plan(p)
		},
	}
	cmd.Flags().StringVar(&from, "from", "", "start from these `REVISIONS`, comma-separated, as version rows; base or nothing for an empty database")
	if direction == aludel.Stamped {
		cmd.Flags().BoolVar(&options.Purge, "purge", false, "empty the version table first, whatever it holds")
	}
	return cmd
}

// fromRows are the version rows that --from names: ids in full as they are, so
// that rows which no file has can be tried, and other specifiers resolved.
func fromRows(m *aludel.Migrator, from string) ([]string, error) {
	rows := []string{}
	for part := range strings.SplitSeq(from, ",") {
		part = strings.TrimSpace(part)
		if part == "" || part == "base" {
			continue
		}
		found, err := m.Show(part, nil)
		if err != nil {
			rows = append(rows, part)
			continue
		}
		for _, r := range found {
			rows = append(rows, r.ID)
		}
	}
	return rows, nil
}

func (a *app) plan(p *aludel.Plan) error {
	if a.out.json {
		return a.planJSON(p)
	}
	if len(p.Steps) == 0 && !p.Purge {
		a.out.say("Nothing to do: the database is at %s", at(p.To))
		return nil
	}
	a.out.line("%s, from %s to %s:", plural(len(p.Steps), "step"), at(p.From), at(p.To))
	if p.Purge {
		a.out.line("  purge the version table")
	}
	for i := range p.Steps {
		step := &p.Steps[i]
		a.out.line("  %s", fmt.Sprintf("%-5s %s, %s", step.Direction, a.out.paint("33", step.Revision.ID), step.Revision.Message))
	}
	return nil
}

// planJSON prints {"from": [], "to": [], "steps": []}, the steps one by one.
func (a *app) planJSON(p *aludel.Plan) error {
	a.out.line("{")
	for _, rows := range []struct {
		name string
		ids  []string
	}{{"from", p.From}, {"to", p.To}} {
		fmt.Fprintf(a.out.stdout, "  %q: ", rows.name)
		if err := array(a.out, "  ", slices.Values(rows.ids)); err != nil {
			return err
		}
		a.out.line(",")
	}
	fmt.Fprintf(a.out.stdout, "  \"steps\": ")
	err := array(a.out, "  ", func(yield func(stepJSON) bool) {
		for step, heads := range p.HeadsAfter() {
			if !yield(stepJSON{
				Revision: step.Revision.ID, Direction: step.Direction, Message: step.Revision.Message, HeadsAfter: some(heads),
			}) {
				return
			}
		}
	})
	a.out.line("\n}")
	return err
}
