package sqltext

import "strings"

// Unqualify takes the name of a schema off the names in a statement: app.users
// becomes users. What stands in strings, and so in the bodies of functions, stays;
// so do names that begin with pg_, which would mean the system's.
func Unqualify(sql, schema string) string {
	l := lexer{src: sql}
	var b strings.Builder
	copied := 0
	var last, before token // the two in front
	for t := l.next(); t.kind != end; t = l.next() {
		isName := t.kind == word || t.kind == quoted
		if isName && l.text(last) == "." && last.start == before.end && t.start == last.end && l.names(before, schema) &&
			!strings.HasPrefix(sql[t.start:], "pg_") && !l.isQualified(before) {
			b.WriteString(sql[copied:before.start])
			copied = t.start
		}
		before, last = last, t
	}
	if l.err != nil {
		return sql // which the server has to understand
	}
	b.WriteString(sql[copied:])
	return b.String()
}

func (l *lexer) text(t token) string { return l.src[t.start:t.end] }

// names tells that a token is a name's spelling.
func (l *lexer) names(t token, name string) bool {
	return t.end > t.start && l.text(t) == QuoteIdent(name)
}

// isQualified tells that a dot stands in front.
func (l *lexer) isQualified(t token) bool {
	return strings.HasSuffix(strings.TrimRight(l.src[:t.start], " \t\n"), ".")
}
