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
	// Candidates are what may be renames, in the form of --rename.
	Candidates []string `json:"candidates"`
}

type schemaChangeJSON struct {
	Kind   string   `json:"kind"`
	Object string   `json:"object"`
	Action string   `json:"action"`
	Was    string   `json:"was,omitempty"`
	Facts  []string `json:"facts"`
}

type schemaStatementJSON struct {
	SQL           string          `json:"sql"`
	Transactional bool            `json:"transactional"`
	CommitAfter   bool            `json:"commit_after"`
	Hazards       []string        `json:"hazards"`
	Locks         []tableLockJSON `json:"locks"`
	Batch         string          `json:"batch,omitempty"`
	NotOnline     string          `json:"not_online,omitempty"`
}

type tableLockJSON struct {
	Table string `json:"table"`
	Mode  string `json:"mode"`
}

func (a *app) diffCommand() *cobra.Command {
	var options diffOptions
	var down bool
	var renames []string
	cmd := &cobra.Command{
		Use:     "diff FROM TO",
		Short:   "Write the SQL that leads from one state to another",
		Long:    "Write the SQL that leads from one state to another; nothing where they are equal.\n" + stateHelp,
		Example: "  aludel diff db migrations\n  aludel diff migrations file:schema.sql\n  aludel diff postgres://… postgres://… --down",
		Args:    arguments(2, 2, "two states"),
		RunE: func(cmd *cobra.Command, args []string) error {
			snapshots, err := a.states(cmd, options.objects, args...)
			if err != nil {
				return err
			}
			from, to, err := a.renamed(cmd, snapshots[0].Snapshot, snapshots[1], renames, down)
			if err != nil {
				return err
			}
			// A throw-away server has other owners than a database of the platform.
			options.NoOwners = options.NoOwners || isMade(args[0]) != isMade(args[1])
			options.leaveSchema(a.loaded.Schema)
			d, err := aludel.Diff(from, to, options.DiffOptions)
			if err != nil {
				return err
			}
			for _, c := range d.Candidates {
				a.out.note("hint: if %s was renamed to %s and is no other, say --rename '%s'", c.From, c.To, c)
			}
			return a.difference(d)
		},
	}
	cmd.Flags().BoolVar(&down, "down", false, "the other way: from TO to FROM")
	cmd.Flags().StringArrayVar(&renames, "rename", nil, "what has got another name, `OLD=NEW`: users=accounts, users.name=full_name; may be repeated")
	diffFlags(cmd, &options)
	return cmd
}

// renamed follows renames, those of the flags and those that the files of TO
// tell, and answers the two states in the order in which to compare them.
func (a *app) renamed(cmd *cobra.Command, from *aludel.Snapshot, target state, flags []string, down bool) (*aludel.Snapshot, *aludel.Snapshot, error) {
	list, to := target.renames, target.Snapshot
	more, err := parseRenames(cmd, flags)
	if err != nil {
		return nil, nil, err
	}
	list = append(list, more...)
	renames, err := aludel.ResolveRenames(from, to, list)
	if err != nil {
		return nil, nil, err
	}
	if down {
		from, to, renames = to, from, renames.Inverse()
	}
	if renames.None() {
		return from, to, nil
	}
	shadow, err := a.shadow(cmd.Context(), from.Major())
	if err != nil {
		return nil, nil, err
	}
	from, err = from.Renamed(cmd.Context(), shadow, renames)
	return from, to, err
}

func isMade(state string) bool { return state != "db" && !isURL(state) && state != "empty" }

// diffOptions are those that diff and dump share.
type diffOptions struct {
	aludel.DiffOptions
	objects     objectFilter
	unqualified bool
}

// leaveSchema has the configured schema's name left away where that is asked for.
func (o *diffOptions) leaveSchema(schema string) {
	if o.unqualified {
		o.Unqualified = schema
	}
}

// An objectFilter picks what to look at.
type objectFilter struct{ include, exclude []string }

func diffFlags(cmd *cobra.Command, options *diffOptions) {
	f := cmd.Flags()
	f.BoolVar(&options.NoOwners, "no-owners", false, "leave owners out")
	f.BoolVar(&options.NoPrivileges, "no-privileges", false, "leave privileges out")
	f.BoolVar(&options.Online, "online", false, "for tables that are there: forms that let others read and write meanwhile, in several transactions")
	f.BoolVar(&options.unqualified, "unqualified", false, "write names without the schema, as revisions do")
	f.StringArrayVar(&options.objects.exclude, "exclude", nil, "leave out what `[KIND:]GLOB` picks: table:tmp_*, audit.*, trigger:users.*; may be repeated")
	f.StringArrayVar(&options.objects.include, "include", nil, "leave out what no `[KIND:]GLOB` picks; may be repeated")
	f.BoolVar(&options.ColumnOrder, "column-order", false, "notice columns that stand in another order")
}

// difference prints statements, each with its hazards above it.
func (a *app) difference(d *aludel.Difference) error {
	if a.out.json {
		return a.out.data(differenceJSON(d))
	}
	a.statements(d)
	return nil
}

func differenceJSON(d *aludel.Difference) diffJSON {
	result := diffJSON{Changes: []schemaChangeJSON{}, Statements: []schemaStatementJSON{}, Candidates: []string{}}
	for _, c := range d.Candidates {
		result.Candidates = append(result.Candidates, c.String())
	}
	for _, c := range d.Changes {
		result.Changes = append(result.Changes, schemaChangeJSON{c.Kind, c.Object, c.Action, c.Was, some(c.Facts)})
	}
	for _, s := range d.Statements {
		locks := []tableLockJSON{}
		for _, l := range s.Locks {
			locks = append(locks, tableLockJSON(l))
		}
		result.Statements = append(result.Statements, schemaStatementJSON{s.SQL, s.Transactional, s.CommitAfter, some(s.Hazards), locks, s.Batch, s.NotOnline})
	}
	return result
}

// statements prints SQL as text.
func (a *app) statements(d *aludel.Difference) {
	for _, s := range d.Statements {
		if len(s.Hazards) > 0 {
			a.out.line("-- hazard: %s", strings.Join(s.Hazards, ", "))
		}
		a.out.line("%s%s;", s.Comments(), s.SQL)
	}
}
