package sqltext

import (
	"regexp"
	"strings"
)

// A RenamedFrom is a comment "-- renamed_from: old" of a script: behind a
// column or a CREATE, or on a line of its own above it.
type RenamedFrom struct {
	Line int    // of the comment, from 1
	Old  string // as it is written
	// Name is that of what is created, and Column one of its columns, empty
	// where the whole was renamed.
	Name, Column string
}

var (
	renamedFrom = regexp.MustCompile(`(?i)^(.*?)--\s*renamed_from:\s*(\S.*?)\s*$`)
	created     = regexp.MustCompile(`(?i)\bcreate\s+(?:or\s+replace\s+)?(?:unlogged\s+|materialized\s+|foreign\s+)?` +
		`(?:table|view|type|domain|sequence|function|procedure|schema)\s+(?:if\s+not\s+exists\s+)?((?:"[^"]*"|[\w$])+(?:\.(?:"[^"]*"|[\w$])+)?)`)
	firstName = regexp.MustCompile(`^\s*(?:,\s*)?("[^"]*"|[\w$]+)`)
)

// RenamedFromComments finds the comments of a script that tell old names.
func RenamedFromComments(script string) []RenamedFrom {
	if !strings.Contains(script, "renamed_from:") {
		return nil
	}
	var list []RenamedFrom
	var waiting []int // comments on lines of their own
	name := ""
	for i, line := range strings.Split(script, "\n") {
		code, comment, found := line, RenamedFrom{}, false
		if m := renamedFrom.FindStringSubmatch(line); m != nil {
			code, comment, found = m[1], RenamedFrom{Line: i + 1, Old: m[2]}, true
		}
		if strings.TrimSpace(code) == "" {
			if found {
				waiting = append(waiting, len(list))
				list = append(list, comment)
			}
			continue
		}
		column := ""
		if m := created.FindStringSubmatch(code); m != nil {
			name = m[1]
		} else if m := firstName.FindStringSubmatch(code); m != nil {
			column = m[1]
		}
		for _, w := range waiting {
			list[w].Name, list[w].Column = name, column
		}
		waiting = nil
		if found {
			comment.Name, comment.Column = name, column
			list = append(list, comment)
		}
	}
	return list
}
