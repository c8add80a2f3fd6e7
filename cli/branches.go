package cli

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/aludel-db/aludel"
)

func (a *app) branchesCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "branches",
		Short: "List the revisions with several children",
		Args:  arguments(0, 0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error {
			m, err := a.migrator()
			if err != nil {
				return err
			}
			points, err := m.Branches(nil)
			if err != nil {
				return err
			}
			if a.out.json {
				return a.listJSON(points)
			}
			for i := range points {
				a.branch(m, &points[i])
			}
			return nil
		},
	}
}

// branch prints a branch point and its children below it.
func (a *app) branch(m *aludel.Migrator, point *aludel.Revision) {
	if a.verbose {
		a.long(point)
	} else {
		a.out.line("%s%s%s", a.out.paint("33", point.ID), labels(point), pointMarks(point))
	}
	for _, id := range point.Children {
		child := m.Revision(id)
		line := strings.Repeat(" ", len([]rune(point.ID))) + " -> " + child.ID + labels(child) + headMark(child) + pointMarks(child)
		if a.verbose {
			line += ", " + child.Message
		}
		a.out.line("%s", line)
	}
	a.out.line("")
}
