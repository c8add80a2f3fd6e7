package cli

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/aludel-db/aludel"
)

// A diffJSON is the result of diff and dump with -o json. Its names are a
// promise.
type diffJSON struct {
	Changes    []schemaChangeJSON    `json:"changes"`
	Statements []schemaStatementJSON `json:"statements"`
}

type schemaChangeJSON struct {
	Kind   string   `json:"kind"`
	Object string   `json:"object"`
	Action string   `json:"action"`
	Was    string   `json:"was,omitempty"`
	Facts  []string `json:"facts"`
}

type schemaStatementJSON struct {
	SQL           string   `json:"sql"`
	Transactional bool     `json:"transactional"`
	Hazards       []string `json:"hazards"`
}

func (a *app) diffCommand() *cobra.Command {
	var options aludel.DiffOptions
	var down bool
	cmd := &cobra.Command{
		Use:     "diff FROM TO",
		Short:   "Write the SQL that leads from one state to another",
		Long:    "Write the SQL that leads from one state to another; nothing where they are equal.\n" + stateHelp,
		Example: "  aludel diff db migrations\n  aludel diff migrations file:schema.sql\n  aludel diff postgres://… postgres://… --down",
		Args:    arguments(2, 2, "two states"),
		RunE: func(cmd *cobra.Command, args []string) error {
			snapshots, err := a.states(cmd, args...)
			if err != nil {
				return err
			}
			from, to := snapshots[0], snapshots[1]
			if down {
				from, to = to, from
			}
			// A throw-away server has other owners than a database of the platform.
			options.NoOwners = options.NoOwners || isMade(args[0]) != isMade(args[1])
			d, err := aludel.Diff(from, to, options)
			if err != nil {
				return err
			}
			return a.difference(d)
		},
	}
	cmd.Flags().BoolVar(&down, "down", false, "the other way: from TO to FROM")
	diffFlags(cmd, &options)
	return cmd
}

func isMade(state string) bool { return state != "db" && !isURL(state) && state != "empty" }

func diffFlags(cmd *cobra.Command, options *aludel.DiffOptions) {
	f := cmd.Flags()
	f.BoolVar(&options.NoOwners, "no-owners", false, "leave owners out")
	f.BoolVar(&options.NoPrivileges, "no-privileges", false, "leave privileges out")
	f.BoolVar(&options.ColumnOrder, "column-order", false, "notice columns that stand in another order")
}

// difference prints statements, each with its hazards above it.
func (a *app) difference(d *aludel.Difference) error {
	if a.out.json {
		result := diffJSON{Changes: []schemaChangeJSON{}, Statements: []schemaStatementJSON{}}
		for _, c := range d.Changes {
			result.Changes = append(result.Changes, schemaChangeJSON{c.Kind, c.Object, c.Action, c.Was, some(c.Facts)})
		}
		for _, s := range d.Statements {
			result.Statements = append(result.Statements, schemaStatementJSON{s.SQL, s.Transactional, some(s.Hazards)})
		}
		return a.out.data(result)
	}
	for _, s := range d.Statements {
		if len(s.Hazards) > 0 {
			a.out.line("-- hazard: %s", strings.Join(s.Hazards, ", "))
		}
		a.out.line("%s;", s.SQL)
	}
	return nil
}
