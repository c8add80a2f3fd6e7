package cli

import (
	"fmt"
	"strings"

	"github.com/aludel-db/aludel"
)

// A revisionJSON is how every list shows a revision with -o json. Its names
// are a promise.
type revisionJSON struct {
	Revision      string   `json:"revision"`
	DownRevisions []string `json:"down_revisions"`
	DependsOn     []string `json:"depends_on"`
	BranchLabels  []string `json:"branch_labels"`
	Message       string   `json:"message"`
	Path          string   `json:"path"`
	Head          bool     `json:"head"`
	BranchPoint   bool     `json:"branchpoint"`
	MergePoint    bool     `json:"mergepoint"`
	Applied       *bool    `json:"applied"`
	Current       *bool    `json:"current"`
}

func toJSON(r *aludel.Revision) revisionJSON {
	return revisionJSON{
		Revision: r.ID, DownRevisions: some(r.DownRevisions), DependsOn: some(r.DependsOn),
		BranchLabels: some(r.BranchLabels), Message: r.Message, Path: r.Path, Head: r.Head,
		BranchPoint: r.BranchPoint, MergePoint: r.MergePoint, Applied: r.Applied, Current: r.Current,
	}
}

func listed(revisions []aludel.Revision) []revisionJSON {
	list := make([]revisionJSON, len(revisions))
	for i := range revisions {
		list[i] = toJSON(&revisions[i])
	}
	return list
}

// listJSON prints revisions as an array.
func (a *app) listJSON(revisions []aludel.Revision) error {
	err := array(a.out, "", func(yield func(revisionJSON) bool) {
		for i := range revisions {
			if !yield(toJSON(&revisions[i])) {
				return
			}
		}
	})
	a.out.line("")
	return err
}

// some is the list itself, and [] rather than null where it is empty.
func some(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

// list prints revisions: as JSON, in the long form, or a line each.
func (a *app) list(revisions []aludel.Revision, line func(*aludel.Revision) string) error {
	if a.out.json {
		return a.listJSON(revisions)
	}
	for i := range revisions {
		if a.verbose {
			a.long(&revisions[i])
		} else {
			a.out.line("%s", line(&revisions[i]))
		}
	}
	return nil
}

func isTrue(b *bool) bool { return b != nil && *b }

// labels shows branch labels as " (a, b)".
func labels(r *aludel.Revision) string {
	if len(r.Labels) == 0 {
		return ""
	}
	return " (" + strings.Join(r.Labels, ", ") + ")"
}

// headMark is " (head)", or " (effective head)" where somebody depends on it.
func headMark(r *aludel.Revision) string {
	switch {
	case r.Effective:
		return " (effective head)"
	case r.Head:
		return " (head)"
	}
	return ""
}

func pointMarks(r *aludel.Revision) string {
	marks := ""
	if r.BranchPoint {
		marks += " (branchpoint)"
	}
	if r.MergePoint {
		marks += " (mergepoint)"
	}
	return marks
}

// stateMark tells a version row from what is applied below it.
func (a *app) stateMark(r *aludel.Revision) string {
	switch {
	case isTrue(r.Current):
		return a.out.paint("32", " (current)")
	case isTrue(r.Applied):
		return " (applied)"
	}
	return ""
}

func parents(r *aludel.Revision) string {
	if len(r.DownRevisions) == 0 {
		return "<base>"
	}
	return strings.Join(r.DownRevisions, ", ")
}

// historyLine is "parents (dependencies) -> id (labels) (head) …, message".
func (a *app) historyLine(r *aludel.Revision) string {
	line := parents(r)
	if len(r.DependsOn) > 0 {
		line += " (" + strings.Join(r.DependsOn, ", ") + ")"
	}
	return line + " -> " + a.out.paint("33", r.ID) + labels(r) + headMark(r) + a.stateMark(r) + pointMarks(r) + ", " + r.Message
}

// headLine is "id (labels) (head)".
func (a *app) headLine(r *aludel.Revision) string {
	return a.out.paint("33", r.ID) + labels(r) + headMark(r)
}

// currentLine is "id (head) (mergepoint)".
func (a *app) currentLine(r *aludel.Revision) string {
	return a.out.paint("33", r.ID) + headMark(r) + pointMarks(r)
}

// longLines are the form of show and of -v.
func (a *app) longLines(r *aludel.Revision) []string {
	var lines []string
	add := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	marks := ""
	if r.Head {
		marks += " (head)"
	}
	add("Rev: %s%s%s%s", a.out.paint("33", r.ID), marks, pointMarks(r), a.stateMark(r))
	if r.MergePoint {
		add("Merges: %s", parents(r))
	} else {
		add("Parent: %s", parents(r))
	}
	if len(r.DependsOn) > 0 {
		add("Also depends on: %s", strings.Join(r.DependsOn, ", "))
	}
	if r.BranchPoint {
		add("Branches into: %s", strings.Join(r.Children, ", "))
	}
	if len(r.Labels) > 0 {
		add("Branch names: %s", strings.Join(r.Labels, ", "))
	}
	if r.Path != "" {
		add("Path: %s", r.Path)
	}
	add("")
	text := r.Description
	if text == "" {
		text = r.Message
	}
	for line := range strings.SplitSeq(text, "\n") {
		add("%s", strings.TrimRight("    "+line, " "))
	}
	if !r.Created.IsZero() {
		add("")
		add("    Create Date: %s", r.Created.Format("2006-01-02 15:04:05Z07:00"))
	}
	return append(lines, "")
}

func (a *app) long(r *aludel.Revision) {
	for _, line := range a.longLines(r) {
		a.out.line("%s", line)
	}
}

// plural is "1 revision" or "3 revisions".
func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
