package bunddl

import (
	"regexp"
	"strings"
)

// hoist takes the foreign keys out of CREATE TABLE. What comes later are they,
// and all that alters tables: a hook's may need a table that isn't there yet.
func hoist(statements []string) (now, later []string) {
	for _, sql := range statements {
		if alterTable.MatchString(sql) {
			later = append(later, sql)
			continue
		}
		create, keys := splitKeys(sql)
		now = append(now, create)
		later = append(later, keys...)
	}
	return now, later
}

var (
	alterTable  = regexp.MustCompile(`(?i)^ALTER\s+TABLE\b`)
	createTable = regexp.MustCompile(`(?is)^(?:/\*.*?\*/\s*)?CREATE\s+TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?((?:"(?:[^"]|"")*"|[^\s("])+)\s*\(`)
	foreignKey  = regexp.MustCompile(`(?is)^(?:CONSTRAINT\s+(?:"(?:[^"]|"")*"|\S+)\s+)?FOREIGN\s+KEY\b`)
	// lexeme is what may hold a comma or a parenthesis that means nothing, or one
	// that means something.
	lexeme = regexp.MustCompile(`(?s)"[^"]*"|\b[eE]'(?:[^'\\]|\\.)*'|'[^']*'|\$\$.*?\$\$|/\*.*?\*/|--[^\n]*|[(),]`)
)

// splitKeys splits a CREATE TABLE into one without foreign keys and the
// statements that add them. Other statements stay what they are.
func splitKeys(sql string) (create string, keys []string) {
	head := createTable.FindStringSubmatchIndex(sql)
	if head == nil {
		return sql, nil
	}
	elements, end := elementsFrom(sql, head[1])
	if end < 0 {
		return sql, nil
	}
	var kept []string
	for _, element := range elements {
		if foreignKey.MatchString(element) {
			keys = append(keys, "ALTER TABLE "+sql[head[2]:head[3]]+" ADD "+element)
		} else {
			kept = append(kept, element)
		}
	}
	return sql[:head[1]] + "\n    " + strings.Join(kept, ",\n    ") + "\n" + sql[end:], keys
}

// elementsFrom are the elements of a list between parentheses, from behind the
// opening one, and where the closing one is; -1 if nowhere.
func elementsFrom(sql string, start int) (elements []string, end int) {
	depth, from := 1, start
	for _, at := range lexeme.FindAllStringIndex(sql[start:], -1) {
		place := start + at[0]
		switch sql[place : start+at[1]] {
		case "(":
			depth++
		case ")":
			depth--
		case ",":
			if depth == 1 {
				elements = append(elements, strings.TrimSpace(sql[from:place]))
				from = place + 1
			}
		}
		if depth == 0 {
			return append(elements, strings.TrimSpace(sql[from:place])), place
		}
	}
	return nil, -1
}
