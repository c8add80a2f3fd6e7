package sqltext

import (
	"strings"
)

// A Class says how a statement stands to transactions.
type Class int

// The classes.
const (
	Transactional      Class = iota // runs in a transaction
	NonTransactional                // the server refuses it in a transaction block
	TransactionControl              // begins or ends a transaction
)

func (c Class) String() string {
	return [...]string{"transactional", "non-transactional", "transaction control"}[c]
}

// A classifier looks at the tokens of one statement.
type classifier struct {
	src    string
	tokens []token
}

// read takes the tokens of one statement; ok is false where there are none, or one
// can't be read.
func read(statement string) (c *classifier, ok bool) {
	l := lexer{src: statement}
	c = &classifier{src: statement}
	for t := l.next(); t.kind != end; t = l.next() {
		c.tokens = append(c.tokens, t)
	}
	return c, len(c.tokens) > 0 && l.err == nil
}

// word is token i in upper case if it is a word, else empty.
func (c *classifier) word(i int) string {
	if i < 0 || i >= len(c.tokens) || c.tokens[i].kind != word {
		return ""
	}
	return strings.ToUpper(c.src[c.tokens[i].start:c.tokens[i].end])
}

// symbol is token i if it is a symbol, else empty.
func (c *classifier) symbol(i int) string {
	if i < 0 || i >= len(c.tokens) || c.tokens[i].kind != symbol {
		return ""
	}
	return c.src[c.tokens[i].start:c.tokens[i].end]
}

// has tells that word w stands at i or behind it.
func (c *classifier) has(i int, w string) bool {
	for ; i < len(c.tokens); i++ {
		if c.word(i) == w {
			return true
		}
	}
	return false
}

// modifiers stand between CREATE and the kind of object.
var modifiers = map[string]bool{
	"OR": true, "REPLACE": true, "UNIQUE": true, "TEMP": true, "TEMPORARY": true, "UNLOGGED": true, "GLOBAL": true,
	"LOCAL": true, "RECURSIVE": true, "TRUSTED": true, "PROCEDURAL": true, "CONSTRAINT": true, "DEFAULT": true,
}

// firstOfTwo are the first words of kinds of objects that have two or more.
var firstOfTwo = map[string]bool{
	"MATERIALIZED": true, "FOREIGN": true, "EVENT": true, "TEXT": true, "ACCESS": true, "OPERATOR": true, "USER": true, "LARGE": true,
}

// object is the kind of object that CREATE, ALTER or DROP names, and the
// place behind it.
func (c *classifier) object() (name string, next int) {
	i := 1
	for modifiers[c.word(i)] && (c.word(i) != "DEFAULT" || c.word(i+1) != "PRIVILEGES") {
		i++
	}
	name = c.word(i)
	second := c.word(i + 1)
	switch {
	case name == "DEFAULT":
		return "DEFAULT PRIVILEGES", i + 2
	case name == "FOREIGN" && second == "DATA":
		return "FOREIGN DATA WRAPPER", i + 3
	case name == "TEXT" && second == "SEARCH":
		return "TEXT SEARCH " + c.word(i+2), i + 3
	case name == "OPERATOR" && second != "CLASS" && second != "FAMILY", name == "USER" && second != "MAPPING":
		return name, i + 1
	case firstOfTwo[name] && second != "":
		return name + " " + second, i + 2
	}
	return name, i + 1
}

// classify names the statement and says how it stands to transactions.
// PostgreSQL's rule is PreventInTransactionBlock and its callers.
func (c *classifier) classify() (string, Class) {
	first := c.word(0)
	switch first {
	case "CREATE":
		return c.create()
	case "DROP":
		return c.drop()
	case "ALTER":
		return c.alter()
	case "REINDEX":
		return c.reindex()
	case "VACUUM":
		return first, NonTransactional
	case "CLUSTER":
		return c.cluster()
	case "BEGIN", "END", "ABORT":
		return first, TransactionControl
	case "START":
		return "START TRANSACTION", TransactionControl
	case "COMMIT", "ROLLBACK":
		return c.finish(first)
	case "PREPARE":
		if c.word(1) == "TRANSACTION" {
			return "PREPARE TRANSACTION", TransactionControl
		}
	case "DISCARD":
		if c.word(1) == "ALL" {
			return "DISCARD ALL", NonTransactional
		}
	case "REFRESH":
		return "REFRESH MATERIALIZED VIEW", Transactional
	}
	if first == "" {
		first = c.src[c.tokens[0].start:c.tokens[0].end]
	}
	return first, Transactional
}

func (c *classifier) finish(first string) (string, Class) {
	at := 1
	if c.word(at) == "WORK" || c.word(at) == "TRANSACTION" {
		at++
	}
	switch {
	case c.word(1) == "PREPARED":
		return first + " PREPARED", NonTransactional
	case first == "ROLLBACK" && c.word(at) == "TO":
		return "ROLLBACK TO", Transactional
	}
	return first, TransactionControl
}

func (c *classifier) create() (string, Class) {
	object, next := c.object()
	kind := "CREATE " + object
	switch object {
	case "INDEX":
		if c.word(next) == "CONCURRENTLY" {
			return kind + " CONCURRENTLY", NonTransactional
		}
	case "DATABASE", "TABLESPACE":
		return kind, NonTransactional
	case "SUBSCRIPTION":
		// Without a slot to create on the other server it is transactional.
		if c.option(next, "CREATE_SLOT", true) && c.option(next, "CONNECT", true) {
			return kind, NonTransactional
		}
	}
	return kind, Transactional
}

func (c *classifier) drop() (string, Class) {
	object, next := c.object()
	kind := "DROP " + object
	switch object {
	case "INDEX":
		if c.word(next) == "CONCURRENTLY" {
			return kind + " CONCURRENTLY", NonTransactional
		}
	case "DATABASE", "TABLESPACE", "SUBSCRIPTION":
		return kind, NonTransactional
	}
	return kind, Transactional
}

func (c *classifier) alter() (string, Class) {
	object, next := c.object()
	kind := "ALTER " + object
	switch object {
	case "SYSTEM":
		return kind, NonTransactional
	case "DATABASE":
		if c.word(next+1) == "SET" && c.word(next+2) == "TABLESPACE" {
			return kind + " SET TABLESPACE", NonTransactional
		}
	case "TABLE":
		if c.word(len(c.tokens)-1) == "CONCURRENTLY" && c.has(next, "DETACH") && c.has(next, "PARTITION") {
			return kind + " DETACH PARTITION CONCURRENTLY", NonTransactional
		}
	case "SUBSCRIPTION":
		return kind, c.alterSubscription(next + 1)
	}
	return kind, Transactional
}

// alterSubscription: what refreshes the subscription talks to the other
// server, and can't be rolled back.
func (c *classifier) alterSubscription(action int) Class {
	switch c.word(action) {
	case "REFRESH":
		return NonTransactional
	case "SET", "ADD", "DROP":
		if c.word(action+1) == "PUBLICATION" && c.option(action, "REFRESH", true) {
			return NonTransactional
		}
	}
	return Transactional
}

func (c *classifier) reindex() (string, Class) {
	at := 1
	concurrently := false
	if c.symbol(at) == "(" {
		concurrently = c.option(at, "CONCURRENTLY", false)
		for at++; at < len(c.tokens) && c.symbol(at-1) != ")"; at++ {
		}
	}
	object := c.word(at)
	if c.word(at+1) == "CONCURRENTLY" {
		concurrently = true
	}
	kind := strings.TrimSpace("REINDEX " + object)
	switch {
	case concurrently:
		return kind + " CONCURRENTLY", NonTransactional
	case object == "DATABASE", object == "SYSTEM", object == "SCHEMA":
		return kind, NonTransactional
	}
	return kind, Transactional
}

// cluster without a table clusters all of them, each in a transaction.
func (c *classifier) cluster() (string, Class) {
	at := 1
	if c.symbol(at) == "(" {
		for at++; at < len(c.tokens) && c.symbol(at-1) != ")"; at++ {
		}
	}
	if c.word(at) == "VERBOSE" {
		at++
	}
	if at >= len(c.tokens) {
		return "CLUSTER", NonTransactional
	}
	return "CLUSTER", Transactional
}

// option looks for an option of a list in parentheses and reads it as a
// boolean; unset is what it is where it doesn't stand. An option without a
// value is on.
func (c *classifier) option(from int, name string, unset bool) bool {
	for i := from; i < len(c.tokens); i++ {
		if c.word(i) != name || c.symbol(i-1) != "(" && c.symbol(i-1) != "," {
			continue
		}
		value := i + 1
		if c.symbol(value) == "=" {
			value++
		}
		if value >= len(c.tokens) {
			return true
		}
		text := strings.ToLower(strings.Trim(c.src[c.tokens[value].start:c.tokens[value].end], "'\""))
		return text != "false" && text != "off" && text != "0" && text != "no" && text != "none"
	}
	return unset
}

// clientCopy finds COPY … FROM STDIN and COPY … TO STDOUT: the data would have
// to follow in the protocol, not in the text.
func (c *classifier) clientCopy() (offset int, refused bool) {
	if c.word(0) != "COPY" {
		return 0, false
	}
	depth := 0
	for i := range c.tokens {
		switch c.symbol(i) {
		case "(":
			depth++
		case ")":
			depth--
		}
		w := c.word(i)
		if depth == 0 && (w == "STDIN" || w == "STDOUT") && (c.word(i-1) == "FROM" || c.word(i-1) == "TO") {
			return c.tokens[0].start, true
		}
	}
	return 0, false
}

// sessionLocks are functions whose locks outlive the transaction.
var sessionLocks = map[string]bool{
	"PG_ADVISORY_LOCK": true, "PG_ADVISORY_LOCK_SHARED": true, "PG_TRY_ADVISORY_LOCK": true, "PG_TRY_ADVISORY_LOCK_SHARED": true,
}

// changesSession is generous: resetting a session for nothing costs little.
func (c *classifier) changesSession() bool {
	switch c.word(0) {
	case "SET":
		second := c.word(1)
		return second != "LOCAL" && second != "TRANSACTION" && second != "CONSTRAINTS"
	case "RESET", "LISTEN", "LOAD", "DISCARD", "DEALLOCATE", "UNLISTEN":
		return true
	case "PREPARE":
		return c.word(1) != "TRANSACTION"
	case "DECLARE":
		return c.has(1, "HOLD")
	case "CREATE":
		for i := 1; modifiers[c.word(i)]; i++ {
			if c.word(i) == "TEMP" || c.word(i) == "TEMPORARY" {
				return true
			}
		}
	}
	for i := range c.tokens {
		switch w := c.word(i); {
		case w == "":
		case w == "SET_CONFIG" && !c.localConfig(i):
			return true
		case w == "TEMP" || w == "TEMPORARY": // SELECT … INTO TEMP t
			return true
		case sessionLocks[w]:
			return true
		}
	}
	return false
}

// localConfig tells that the call of set_config at i ends in a literal true.
func (c *classifier) localConfig(i int) bool {
	depth := 0
	for i++; i < len(c.tokens); i++ {
		switch c.symbol(i) {
		case "(":
			depth++
		case ")":
			if depth--; depth == 0 {
				return c.word(i-1) == "TRUE" && c.symbol(i-2) == ","
			}
		}
	}
	return false
}

// name reads a name at i, with a schema where it has one.
func (c *classifier) name(i int) (text string, next int) {
	for i < len(c.tokens) && (c.tokens[i].kind == word || c.tokens[i].kind == quoted) {
		text += c.src[c.tokens[i].start:c.tokens[i].end]
		if i++; c.symbol(i) != "." {
			break
		}
		text += "."
		i++
	}
	return text, i
}
