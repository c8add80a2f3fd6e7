package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aludel-db/aludel"
)

// What a comment on a pull request holds at most is 65,536 characters on GitHub,
// which refuses longer ones: two tables of changes and two scripts have to fit.
const (
	maxMarkdownChanges = 100
	maxMarkdownSQL     = 20_000 // bytes
	maxMarkdownName    = 120    // characters
)

// checkedMarkdown prints what was found as a comment on a pull request shows it.
func (a *app) checkedMarkdown(c *aludel.Check) {
	a.out.line("### aludel check: %s", checkVerdict(c))
	if c.Models == nil && c.Drift == nil {
		a.out.line("\n%s", noModelsText)
	}
	if c.Models != nil && len(c.Models.Statements) == 0 {
		a.out.line("\nThe models ask for what the revisions make.")
	}
	if c.Drift != nil && len(c.Drift.Statements) == 0 {
		a.out.line("\nThe database is what its revisions make.")
	}
	if c.Models != nil && len(c.Models.Statements) > 0 {
		a.out.line("\n**The models ask for what no revision makes.** `aludel revision --autogenerate -m \"…\"` writes it as a revision.\n")
		a.markdownDifference(c.Models, "diff migrations models")
	}
	a.markdownRevisions("Revisions that the database lacks", stepRevisions(c.Pending))
	a.markdownRevisions("Applied revisions that were edited since", c.Tampered)
	if c.Drift != nil && len(c.Drift.Statements) > 0 {
		a.out.line("\n**The database is not what its revisions make:** somebody has changed it besides. Write that as a revision and stamp it, or undo it.\n")
		a.markdownDifference(c.Drift, "diff migrations@current db")
	}
	if len(c.Warnings) > 0 {
		a.out.line("\n**Warnings**\n")
	}
	for _, w := range c.Warnings {
		where := ""
		if w.Path != "" {
			where = markdownCode(w.Path) + ": "
		}
		a.out.line("- %s%s", where, markdownText(w.Message))
	}
}

// checkVerdict is the outcome in a few words.
func checkVerdict(c *aludel.Check) string {
	switch {
	case c.Drifted():
		return "the database is not what its revisions make"
	case c.Models != nil && len(c.Models.Statements) > 0:
		return "a revision is missing"
	case len(c.Pending) > 0:
		return "revisions are pending"
	case len(c.Warnings) > 0:
		return "all agrees, with warnings"
	case c.Models == nil && c.Drift == nil:
		return "nothing is wrong with the files"
	}
	return "all agrees"
}

// markdownDifference is a table of the changes, and their SQL folded in. What is
// too long for a comment is left to command.
func (a *app) markdownDifference(d *aludel.Difference, command string) {
	a.out.line("| change | object | what differs |\n|---|---|---|")
	for _, c := range d.Changes[:min(len(d.Changes), maxMarkdownChanges)] {
		object := markdownCode(c.Object)
		if c.Was != "" {
			object = markdownCode(c.Was) + " to " + object
		}
		a.out.line("| %s %s | %s | %s |", c.Action, c.Kind, object, markdownText(strings.Join(c.Facts, ", ")))
	}
	if more := len(d.Changes) - maxMarkdownChanges; more > 0 {
		a.out.line("\n… and %d more: `aludel %s -o json`", more, command)
	}
	sql, left := markdownSQL(d.Statements)
	summary := fmt.Sprintf("SQL, %s", counted(len(d.Statements), "statement"))
	if hazards := hazardsOf(d.Statements); len(hazards) > 0 {
		summary += "; hazards: " + strings.Join(hazards, ", ")
	}
	fence := fenceFor(sql)
	a.out.line("\n<details><summary>%s</summary>\n\n%ssql\n%s%s\n", summary, fence, sql, fence)
	if left > 0 {
		a.out.line("… and %s: `aludel %s`\n", counted(left, "more statement"), command)
	}
	a.out.line("</details>")
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// markdownSQL is as many of the statements as fit, and how many don't.
func markdownSQL(statements []aludel.SchemaStatement) (sql string, left int) {
	var b strings.Builder
	for i, s := range statements {
		text := s.SQL + ";\n"
		if len(s.Hazards) > 0 {
			text = "-- hazard: " + strings.Join(s.Hazards, ", ") + "\n" + text
		}
		if b.Len()+len(text) > maxMarkdownSQL {
			return b.String(), len(statements) - i
		}
		b.WriteString(text)
	}
	return b.String(), 0
}

func hazardsOf(statements []aludel.SchemaStatement) []string {
	var all []string
	for _, s := range statements {
		all = append(all, s.Hazards...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// fenceFor is one that no line of the text ends: a function's body may hold
// anything.
func fenceFor(text string) string {
	fence := "```"
	for strings.Contains(text, fence) {
		fence += "`"
	}
	return fence
}

func (a *app) markdownRevisions(title string, list []aludel.Revision) {
	if len(list) == 0 {
		return
	}
	a.out.line("\n**%s**\n", title)
	for _, r := range list[:min(len(list), maxMarkdownChanges)] {
		a.out.line("- %s %s", markdownCode(r.ID), markdownText(r.Message))
	}
	if more := len(list) - maxMarkdownChanges; more > 0 {
		a.out.line("- … and %d more", more)
	}
}

// markdownText has what means something in Markdown or HTML, or ends a cell,
// stand for itself.
func markdownText(text string) string {
	var b strings.Builder
	for _, r := range oneLine(text) {
		if strings.ContainsRune("\\`*_[]<>|#~@", r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// markdownCode is a name as code. A bar ends a cell within code as well, unless it
// is escaped.
func markdownCode(name string) string {
	if runes := []rune(name); len(runes) > maxMarkdownName {
		name = string(runes[:maxMarkdownName-1]) + "…" // the types of a function's arguments
	}
	name = strings.ReplaceAll(oneLine(name), "|", "\\|")
	mark := "`"
	for strings.Contains(name, mark) {
		mark += "`"
	}
	if mark != "`" {
		name = " " + name + " "
	}
	return mark + name + mark
}

// oneLine is a text without line ends, which would end a cell or a list's item.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
