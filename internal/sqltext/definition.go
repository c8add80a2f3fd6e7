package sqltext

import (
	"slices"
	"strings"
)

// A Definition is what a statement is about, as far as its text tells.
type Definition struct {
	// Relation is the table, view, sequence or index that the statement makes, alters
	// or hangs something on, as SQL text; empty where it is about something else.
	Relation string
	// Creates tells that it makes that relation.
	Creates bool
	// Makes is the name of a type or a function that it makes. What makes an operator, a
	// cast or an extension is told by more than a name to those who use it.
	Makes string
	// Names are all that it may speak of, in lower case and without their schemas, those
	// within strings as well. Left out is what stands in the body of a function: with
	// check_function_bodies off, a body that is a string is not read before it runs.
	Names []string
	// References are the tables that foreign keys lead to, in the same way; where one of
	// them stands elsewhere, too, it is among Names as well.
	References []string
}

// DefinitionOf reads the definition that a statement makes. alone tells that its
// outcome depends on what it names and on nothing else: it runs no code, reads no
// rows, and neither sets nor heeds what would hold for others.
func DefinitionOf(statement string) (d Definition, alone bool) {
	tokens, ok := read(statement)
	if !ok {
		return Definition{}, false
	}
	c := definer{locker: locker{classifier: *tokens}}
	alone = c.define()
	return c.Definition, c.names() && alone
}

// A definer reads the definition of one statement.
type definer struct {
	locker
	Definition
}

// notAlone are kinds of objects whose definitions hold for the whole server, run
// code, or change what others do.
var notAlone = map[string]bool{
	"DATABASE": true, "DEFAULT PRIVILEGES": true, "EVENT TRIGGER": true, "GROUP": true, "LARGE OBJECT": true, "PARAMETER": true,
	"ROLE": true, "SUBSCRIPTION": true, "SYSTEM": true, "TABLESPACE": true, "USER": true,
}

func (c *definer) define() (alone bool) {
	object, next := c.object()
	switch c.word(0) {
	case "CREATE":
		return !notAlone[object] && c.defineNew(object, next)
	case "ALTER":
		return !notAlone[object] && c.defineAltered(object, next)
	case "COMMENT":
		c.comments()
		c.relationOfLock()
		return !notAlone[c.word(2)]
	case "GRANT", "REVOKE":
		return c.defineGrant()
	}
	return false
}

func (c *definer) defineNew(object string, next int) (alone bool) {
	for i := 1; i < next; i++ {
		if w := c.word(i); w == "TEMP" || w == "TEMPORARY" {
			return false
		}
	}
	switch object {
	case "TABLE", "FOREIGN TABLE", "VIEW", "MATERIALIZED VIEW", "SEQUENCE":
		c.relation(next)
		c.Creates = true
	case "INDEX", "TRIGGER", "POLICY", "RULE", "STATISTICS":
		c.creates()
		if c.relationOfLock(); c.Relation == "" {
			return false
		}
	case "SCHEMA":
		return !c.has(next, "CREATE") // it may make tables as well
	case "TYPE", "DOMAIN", "FUNCTION", "PROCEDURE", "AGGREGATE":
		c.Makes, _ = c.name(next)
	}
	return true
}

// defineAltered: after a RENAME a name in the text is none in the catalog.
func (c *definer) defineAltered(object string, next int) (alone bool) {
	for i := next; i < len(c.tokens); i++ {
		if w := c.word(i); w == "RENAME" || w == "SCHEMA" && c.word(i-1) == "SET" {
			return false
		}
	}
	switch object {
	case "TABLE", "FOREIGN TABLE", "VIEW", "MATERIALIZED VIEW", "SEQUENCE", "INDEX":
		if c.word(next) == "ALL" {
			return false // of a tablespace
		}
		c.relation(next)
	case "TRIGGER", "POLICY", "RULE":
		c.takeBehind(next, "ON", AccessExclusive)
		c.relationOfLock()
	}
	return true
}

// defineGrant: one on all that a schema holds depends on what is there by then, and
// one of a role holds for the whole server.
func (c *definer) defineGrant() (alone bool) {
	at := c.behind(1, "ON")
	switch w := c.word(at); {
	case at == 0 || w == "ALL" || notAlone[w] || w == "LARGE":
		return false
	case w == "TABLE" || w == "SEQUENCE":
		c.relation(at + 1)
	case !slices.Contains([]string{"DOMAIN", "FOREIGN", "FUNCTION", "LANGUAGE", "PROCEDURE", "ROUTINE", "SCHEMA", "TYPE"}, w):
		c.relation(at)
	}
	return true
}

// relation is the one that is named at i, where it is the only one.
func (c *definer) relation(i int) {
	if next := c.take(i, AccessExclusive); c.symbol(next) != "," {
		c.relationOfLock()
	}
}

func (c *definer) relationOfLock() {
	if len(c.locks) > 0 {
		c.Relation = c.locks[0].Relation
	}
}

// names takes all names; it is false where some may hide behind an escape.
func (c *definer) names() (ok bool) {
	what, _ := c.object()
	foreignKeys := what == "TABLE" || what == "FOREIGN TABLE"
	routine := c.word(0) == "CREATE" && (what == "FUNCTION" || what == "PROCEDURE")
	referred := 0 // the token that names a table for a foreign key
	for i, t := range c.tokens {
		text := strings.ToLower(c.src[t.start:t.end])
		switch {
		case t.kind == word && text == "references" && foreignKeys:
			_, next := c.name(i + 1)
			referred = next - 1
		case i == referred && i > 0:
			c.References = append(c.References, Bare(text))
		case t.kind == symbol:
		case t.kind == word:
			c.Names = append(c.Names, text)
		case strings.HasPrefix(text, "u&"), t.kind == constant && text[0] == 'e' && strings.Contains(text, `\`):
			return false
		case t.kind == quoted:
			c.Names = append(c.Names, Bare(text))
		case !routine || c.word(i-1) != "AS":
			c.Names = append(c.Names, strings.FieldsFunc(text, func(r rune) bool { return r < 0x80 && !is(byte(r), identPart) })...)
		}
	}
	return true
}

// Bare is the last name of one that may have a schema in front, in lower case and
// without quotes.
func Bare(name string) string {
	c, _ := read(name)
	if len(c.tokens) == 0 {
		return ""
	}
	last := c.tokens[len(c.tokens)-1]
	text := strings.ToLower(c.src[last.start:last.end])
	if last.kind == quoted {
		text = strings.ReplaceAll(strings.Trim(text, `"`), `""`, `"`)
	}
	return text
}
