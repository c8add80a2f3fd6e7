package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/aludel-db/aludel"
)

func (a *app) historyCommand() *cobra.Command {
	var options aludel.HistoryOptions
	var indicate, graph bool
	var format string
	cmd := &cobra.Command{
		Use:   "history",
		Short: "List the revisions, newest first",
		Long: "List the revisions, newest first. Where a database is configured, those that are applied\n" +
			"are marked (applied), and the rows of the version table (current).",
		Example: "  aludel history\n  aludel history -r ae1027:975ea\n  aludel history -r :current -v\n" +
			"  aludel history --graph\n  aludel history --format svg > history.svg",
		Args: arguments(0, 0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if a.out.json && (graph || format != "") {
				return &usageError{err: errors.New("-o json has the same list as data; it goes with neither --graph nor --format"), cmd: cmd}
			}
			if format != "" && !slices.Contains(aludel.PictureFormats(), aludel.PictureFormat(format)) {
				return &usageError{err: fmt.Errorf("--format %s: the formats are mermaid, dot and svg", format), cmd: cmd}
			}
			m, err := a.migrator()
			if err != nil {
				return err
			}
			if options.State, err = a.state(cmd.Context(), m, indicate || strings.Contains(options.Range, "current")); err != nil {
				return err
			}
			revisions, err := m.History(options)
			if err != nil {
				return err
			}
			a.warnUnknown(options.State)
			switch {
			case format != "":
				return aludel.WritePicture(a.out.stdout, revisions, aludel.PictureFormat(format))
			case graph:
				a.lanes(revisions)
				return nil
			}
			return a.list(revisions, a.historyLine)
		},
	}
	cmd.Flags().StringVarP(&options.Range, "rev-range", "r", "", "`RANGE` as [start]:[end], both ends included; current may be one")
	cmd.Flags().BoolVar(&graph, "graph", false, "draw the graph beside the list, as git log does")
	cmd.Flags().StringVar(&format, "format", "", "write a picture for documents: `FORMAT` is mermaid, dot or svg")
	cmd.Flags().BoolVarP(&indicate, "indicate-current", "i", false, "insist on marking the current revisions: no database is an error")
	return cmd
}

// lanes prints the list beside the graph. A node's text may have more lines
// than it has edges, or fewer.
func (a *app) lanes(revisions []aludel.Revision) {
	for i, lanes := range aludel.DrawLanes(revisions, !a.loaded.UTF8) {
		r := &revisions[i]
		texts := []string{a.out.paint("33", r.ID) + labels(r) + headMark(r) + a.stateMark(r) + pointMarks(r) + ", " + r.Message}
		if a.verbose {
			texts = a.longLines(r)
		}
		art := append([]string{lanes.Node}, lanes.Edges...)
		for len(art) < len(texts) {
			art = append(art, lanes.Below)
		}
		width := 0
		for _, row := range art[:len(texts)] {
			width = max(width, utf8.RuneCountInString(row))
		}
		for j, row := range art {
			if j >= len(texts) || texts[j] == "" {
				a.out.line("%s", row)
				continue
			}
			a.out.line("%s%s %s", row, strings.Repeat(" ", width-utf8.RuneCountInString(row)), texts[j])
		}
	}
}

// warnUnknown names the version rows that no file has: a list can't show them.
func (a *app) warnUnknown(state *aludel.State) {
	if state == nil {
		return
	}
	for _, id := range state.Unknown {
		a.out.note("warning: the version table names '%s', which no file has", id)
	}
}
