package bunddl

import (
	"bytes"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
)

// A script is what is printed.
type script struct{ bytes.Buffer }

// statements takes a blank line after them.
func (s *script) statements(list []string) {
	for _, sql := range list {
		fmt.Fprintf(s, "%s;\n", sql)
	}
	if len(list) > 0 {
		s.WriteByte('\n')
	}
}

// comment names the type whose table follows, and where it is declared: what
// the server has to say about the table leads there. Joins have no type.
func (s *script) comment(model reflect.Type) {
	if model.Name() == "" {
		return
	}
	fmt.Fprintf(s, "-- %s", model)
	if at := place(model); at != "" {
		fmt.Fprintf(s, ", %s", at)
	}
	s.WriteByte('\n')
}

// schemas creates those that the tables are in, but for those that the user's
// own SQL creates.
func (s *script) schemas(tables []*table, preSQL string) {
	var list []string
	for _, t := range tables {
		name := t.namespace()
		if name == "" || name == "public" || createsSchema(preSQL, name) {
			continue
		}
		list = append(list, `CREATE SCHEMA IF NOT EXISTS "`+name+`"`)
	}
	slices.Sort(list)
	s.statements(slices.Compact(list))
}

func createsSchema(sql, name string) bool {
	found, err := regexp.MatchString(`(?i)\bcreate\s+schema\s+(if\s+not\s+exists\s+)?"?`+regexp.QuoteMeta(name)+`\b`, sql)
	return found && err == nil
}

// text takes SQL of the user's, which may lack the last semicolon.
func (s *script) text(sql string) {
	sql = strings.TrimSpace(sql)
	if sql == "" {
		return
	}
	s.WriteString(sql)
	if last := sql[strings.LastIndexByte(sql, '\n')+1:]; strings.Contains(last, "--") {
		s.WriteString("\n;") // it may end in a comment
	} else if !strings.HasSuffix(sql, ";") {
		s.WriteByte(';')
	}
	s.WriteString("\n\n")
}
