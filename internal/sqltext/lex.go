package sqltext

import (
	"fmt"
	"strings"
)

// A kind is what a token is.
type kind uint8

const (
	end      kind = iota
	word          // an identifier or key word without quotes
	quoted        // "…" or U&"…"
	constant      // a string, a number, a parameter
	symbol        // one of ( ) [ ] , ; : . or an operator
)

// A token is a piece of the text. White space and comments are none.
type token struct {
	kind       kind
	start, end int
}

// classes of bytes.
const (
	identStart = 1 << iota
	identPart
	digit
	operator
	space
)

// table tells the classes of a byte: PostgreSQL's scan.l.
var table = func() (t [256]uint8) {
	for c := range 256 {
		b := byte(c)
		switch {
		case b >= 'a' && b <= 'z', b >= 'A' && b <= 'Z', b == '_', b >= 0x80:
			t[c] = identStart | identPart
		case b >= '0' && b <= '9':
			t[c] = identPart | digit
		case b == '$':
			t[c] = identPart
		case strings.IndexByte("+-*/<>=~!@#%^&|`?", b) >= 0:
			t[c] = operator
		case strings.IndexByte(" \t\n\r\f\v", b) >= 0:
			t[c] = space
		}
	}
	return t
}()

func is(c byte, class uint8) bool { return table[c]&class != 0 }

// A lexer cuts src into tokens.
type lexer struct {
	src string
	at  int
	err *Error
}

// next is the next token; after an error, and at the end, it is end.
func (l *lexer) next() token {
	if l.skip(); l.err != nil || l.at >= len(l.src) {
		return token{kind: end, start: len(l.src), end: len(l.src)}
	}
	t := token{start: l.at}
	c := l.src[l.at]
	switch {
	case is(c, identStart):
		t.kind = l.word()
	case is(c, digit):
		t.kind = constant
		l.number()
	case c == '\'':
		t.kind = constant
		l.str(l.at, false)
	case c == '"':
		t.kind = quoted
		l.quotedIdent(l.at, true)
	case c == '$':
		t.kind = constant
		l.dollar()
	case is(c, operator):
		t.kind = symbol
		l.operator()
	case c == '\\':
		l.backslash()
	case c == 0:
		l.fail(l.at, "a NUL byte stands in the text", "take it out; is the file UTF-16? save it as UTF-8")
	default:
		t.kind = symbol
		l.at++
	}
	if l.err != nil {
		return token{kind: end, start: len(l.src), end: len(l.src)}
	}
	t.end = l.at
	return t
}

func (l *lexer) fail(offset int, message, hint string) {
	if l.err == nil {
		l.err = &Error{Offset: offset, Message: message, Hint: hint}
	}
	l.at = len(l.src)
}

// has tells that s stands at offset.
func (l *lexer) has(offset int, s string) bool {
	return offset <= len(l.src) && strings.HasPrefix(l.src[offset:], s)
}

// skip passes white space and comments.
func (l *lexer) skip() {
	for l.at < len(l.src) {
		switch c := l.src[l.at]; {
		case is(c, space):
			l.at++
		case c == '-' && l.has(l.at, "--"):
			l.lineComment()
		case c == '/' && l.has(l.at, "/*"):
			l.blockComment()
		default:
			return
		}
	}
}

// lineComment ends before a line feed or a carriage return.
func (l *lexer) lineComment() {
	if n := strings.IndexAny(l.src[l.at:], "\n\r"); n >= 0 {
		l.at += n
	} else {
		l.at = len(l.src)
	}
}

// blockComment may hold others.
func (l *lexer) blockComment() {
	start, depth := l.at, 0
	for l.at < len(l.src) {
		switch {
		case l.has(l.at, "/*"):
			depth++
			l.at += 2
		case l.has(l.at, "*/"):
			depth--
			l.at += 2
			if depth == 0 {
				return
			}
		default:
			l.at++
		}
	}
	l.fail(start, "a comment /* is not closed", "close it with */; comments nest, so each /* needs its own")
}

// maxName is how many bytes of a name PostgreSQL keeps: NAMEDATALEN - 1.
const maxName = 63

func (l *lexer) checkName(start int, name string) {
	if len(name) > maxName {
		l.fail(start, fmt.Sprintf("name %q is %d bytes long; PostgreSQL cuts names at %d", name, len(name), maxName),
			"shorten it: two names that are cut alike clash, and the cut one is not what other code asks for")
	}
}

// word reads an identifier, or a string or quoted identifier that a letter
// in front makes special.
func (l *lexer) word() kind {
	start := l.at
	switch c := l.src[start] | 0x20; {
	case c == 'e' && l.has(start+1, "'"):
		l.str(start+1, true)
		return constant
	case (c == 'b' || c == 'x' || c == 'n') && l.has(start+1, "'"):
		l.str(start+1, false)
		return constant
	case c == 'u' && l.has(start+1, "&'"):
		l.str(start+2, false)
		return constant
	case c == 'u' && l.has(start+1, "&\""):
		l.quotedIdent(start+2, false)
		return quoted
	}
	for l.at++; l.at < len(l.src) && is(l.src[l.at], identPart); l.at++ {
	}
	l.checkName(start, l.src[start:l.at])
	return word
}

// number passes digits and whatever letters and points belong to them. Where
// exactly a number ends makes no difference to where a statement does.
func (l *lexer) number() {
	for l.at++; l.at < len(l.src); l.at++ {
		c := l.src[l.at]
		exponent := (c == '+' || c == '-') && l.src[l.at-1]|0x20 == 'e' && l.at+1 < len(l.src) && is(l.src[l.at+1], digit) &&
			!strings.HasPrefix(strings.ToLower(l.src[max(l.at-2, 0):]), "0xe")
		if !is(c, identPart) && c != '.' && !exponent || c == '$' {
			return
		}
	}
}

// str reads a string whose quote stands at open. With escapes a backslash
// takes the next character with it, and a string that goes on after white
// space with a line end in it is one string under the same rule.
func (l *lexer) str(open int, escapes bool) {
	start := open
	for {
		l.at = open + 1
		if !l.strEnd(escapes) {
			l.fail(start, "a string is not closed", "close it with '; a quote within it is written twice")
			return
		}
		if !escapes {
			return
		}
		next, goes := l.continues()
		if !goes {
			return
		}
		open = next
	}
}

// strEnd moves behind the closing quote.
func (l *lexer) strEnd(escapes bool) bool {
	for l.at < len(l.src) {
		switch c := l.src[l.at]; {
		case c == '\\' && escapes:
			l.at += 2
		case c == '\'' && l.has(l.at+1, "'"):
			l.at += 2
		case c == '\'':
			l.at++
			return true
		default:
			l.at++
		}
	}
	l.at = len(l.src)
	return false
}

// continues looks behind a closed string for one that goes on: white space
// and line comments, with a line end before the first quote.
func (l *lexer) continues() (offset int, goes bool) {
	newline := false
	for i := l.at; i < len(l.src); {
		switch c := l.src[i]; {
		case c == '\n' || c == '\r':
			newline = true
			i++
		case is(c, space):
			i++
		case l.has(i, "--"):
			n := strings.IndexAny(l.src[i:], "\n\r")
			if n < 0 {
				return 0, false
			}
			i += n
		default:
			return i, c == '\'' && newline
		}
	}
	return 0, false
}

// quotedIdent reads a quoted identifier whose quote stands at open. The
// length of one with Unicode escapes is the server's to check.
func (l *lexer) quotedIdent(open int, check bool) {
	doubled := 0
	for l.at = open + 1; l.at < len(l.src); l.at++ {
		if l.src[l.at] != '"' {
			continue
		}
		if l.has(l.at+1, "\"") {
			l.at++
			doubled++
			continue
		}
		l.at++
		name := l.src[open+1 : l.at-1]
		if name == "" {
			l.fail(open, "a quoted name is empty", "name the object between the double quotes")
		}
		if check && len(name)-doubled > maxName {
			l.checkName(open, strings.ReplaceAll(name, "\"\"", "\""))
		}
		return
	}
	l.fail(open, "a quoted name is not closed", "close it with \"; a double quote within it is written twice")
}

// dollar reads a dollar-quoted string, or a parameter such as $1.
func (l *lexer) dollar() {
	start := l.at
	i := start + 1
	if i < len(l.src) && is(l.src[i], digit) {
		for i < len(l.src) && is(l.src[i], digit) {
			i++
		}
		l.at = i
		return
	}
	for i < len(l.src) && is(l.src[i], identPart) && l.src[i] != '$' {
		i++
	}
	if i >= len(l.src) || l.src[i] != '$' || i > start+1 && !is(l.src[start+1], identStart) {
		l.at = start + 1 // a lone dollar is a syntax error, which is the server's to say
		return
	}
	tag := l.src[start : i+1]
	n := strings.Index(l.src[i+1:], tag)
	if n < 0 {
		l.fail(start, "a string "+tag+" is not closed", "close it with "+tag)
		return
	}
	l.at = i + 1 + n + len(tag)
}

// operator passes characters of operators, up to where a comment begins.
func (l *lexer) operator() {
	for l.at < len(l.src) && is(l.src[l.at], operator) && !l.has(l.at, "--") && !l.has(l.at, "/*") {
		l.at++
	}
}

// backslash refuses psql's commands.
func (l *lexer) backslash() {
	rest := l.src[l.at:]
	name := rest[:1]
	if n := strings.IndexAny(rest[1:], " \t\r\n;\\"); n > 0 {
		name = rest[:n+1]
	} else if n < 0 {
		name = rest
	}
	hint := "write plain SQL: this is a command of psql, which the server doesn't know"
	switch name {
	case "\\restrict", "\\unrestrict":
		hint = "delete this line: newer versions of pg_dump write it for psql"
	case "\\copy", "\\.":
		hint = "write the rows as INSERT, or COPY from a file on the server"
	case "\\i", "\\ir", "\\include", "\\include_relative":
		hint = "put the other file's statements here: a revision must not change when another file does"
	case "\\c", "\\connect":
		hint = "take it out: a revision runs on the configured database"
	}
	l.fail(l.at, "psql command "+name, hint)
}
