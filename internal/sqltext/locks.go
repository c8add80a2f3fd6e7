package sqltext

// A LockMode is one of PostgreSQL's table locks, see "Explicit Locking" in its
// documentation: the further down, the more it conflicts with.
type LockMode int

// The modes.
const (
	AccessShare LockMode = iota + 1
	RowShare
	RowExclusive
	ShareUpdateExclusive // against other definitions and VACUUM
	Share                // against writes
	ShareRowExclusive
	Exclusive
	AccessExclusive // against all, also reads
)

// String is how LOCK TABLE names it.
func (m LockMode) String() string {
	return [...]string{
		"", "ACCESS SHARE", "ROW SHARE", "ROW EXCLUSIVE", "SHARE UPDATE EXCLUSIVE", "SHARE", "SHARE ROW EXCLUSIVE", "EXCLUSIVE", "ACCESS EXCLUSIVE",
	}[m]
}

// A RelationLock is a lock that a statement takes on a relation that it names: a
// table, a view, an index, which stands for its table.
type RelationLock struct {
	Relation string // as SQL text
	Mode     LockMode
}

// RelationLocks are the locks, from ShareUpdateExclusive up, that a statement of
// definitions takes on relations that it names. known is false where it may take
// others: it runs code, or reads and writes rows. What depends on the catalog,
// such as the default partition of a table, is not there.
func RelationLocks(statement string) (locks []RelationLock, known bool) {
	tokens, ok := read(statement)
	if !ok {
		return nil, false
	}
	c := locker{classifier: *tokens}
	known = c.find()
	return c.locks, known
}

// A locker reads the locks of one statement.
type locker struct {
	classifier
	locks []RelationLock
}

// take notes a lock on the relation that is named at i, and answers the place
// behind the name.
func (c *locker) take(i int, mode LockMode) (next int) {
	for c.word(i) == "IF" || c.word(i) == "NOT" || c.word(i) == "EXISTS" || c.word(i) == "ONLY" {
		i++
	}
	name, next := c.name(i)
	if c.symbol(next) == "*" {
		next++
	}
	if name == "" {
		return next
	}
	for at := range c.locks {
		if c.locks[at].Relation == name {
			c.locks[at].Mode = max(c.locks[at].Mode, mode)
			return next
		}
	}
	c.locks = append(c.locks, RelationLock{name, mode})
	return next
}

// takeAll does so for a list.
func (c *locker) takeAll(i int, mode LockMode) {
	for i = c.take(i, mode); c.symbol(i) == ","; {
		i = c.take(i+1, mode)
	}
}

// behind is the place behind the first word w outside parentheses from i on, 0
// where there is none.
func (c *locker) behind(i int, w string) int {
	depth := 0
	for ; i < len(c.tokens); i++ {
		switch c.symbol(i) {
		case "(":
			depth++
		case ")":
			depth--
		}
		if depth == 0 && c.word(i) == w {
			return i + 1
		}
	}
	return 0
}

// takeBehind takes the relation that stands behind a word.
func (c *locker) takeBehind(i int, w string, mode LockMode) {
	if at := c.behind(i, w); at > 0 {
		c.take(at, mode)
	}
}

func (c *locker) find() (known bool) {
	switch c.word(0) {
	case "CREATE":
		return c.creates()
	case "ALTER":
		return c.alters()
	case "DROP":
		return c.drops()
	case "COMMENT":
		c.comments()
		return true
	case "TRUNCATE":
		c.takeAll(c.skip(1, "TABLE"), AccessExclusive)
		return true
	case "LOCK":
		c.takeAll(c.skip(1, "TABLE"), c.lockedMode())
		return true
	case "REFRESH":
		mode, at := AccessExclusive, 3
		if c.word(at) == "CONCURRENTLY" {
			mode, at = Exclusive, at+1
		}
		c.take(at, mode)
		return true
	case "REINDEX":
		return c.reindexes()
	case "CLUSTER":
		c.take(c.skip(1, "VERBOSE"), AccessExclusive)
		return true
	case "ANALYZE":
		c.take(c.skip(1, "VERBOSE"), ShareUpdateExclusive)
		return true
	case "GRANT", "REVOKE", "SET", "RESET", "SECURITY":
		return true
	}
	return false
}

func (c *locker) skip(i int, w string) int {
	if c.word(i) == w {
		i++
	}
	return i
}

// lockedMode is that of LOCK TABLE … IN … MODE.
func (c *locker) lockedMode() LockMode {
	at := c.behind(1, "IN")
	text := ""
	for ; at > 0 && c.word(at) != "MODE" && at < len(c.tokens); at++ {
		text += c.word(at) + " "
	}
	for mode := AccessShare; mode <= AccessExclusive; mode++ {
		if text == mode.String()+" " {
			return mode
		}
	}
	return AccessExclusive
}

func (c *locker) creates() (known bool) {
	object, next := c.object()
	switch object {
	case "INDEX":
		mode := Share
		if c.word(next) == "CONCURRENTLY" {
			mode = ShareUpdateExclusive
		}
		c.takeBehind(next, "ON", mode)
	case "TRIGGER":
		c.takeBehind(next, "ON", ShareRowExclusive)
	case "POLICY":
		c.takeBehind(next, "ON", AccessExclusive)
	case "RULE":
		c.takeBehind(next, "TO", AccessExclusive)
	case "STATISTICS":
		c.takeBehind(next, "FROM", ShareUpdateExclusive)
	case "VIEW":
		if c.word(1) == "OR" {
			c.take(next, AccessExclusive)
		}
	case "TABLE", "FOREIGN TABLE":
		return c.createsTable(next)
	case "MATERIALIZED VIEW":
		return false // reads
	}
	return true
}

func (c *locker) createsTable(next int) (known bool) {
	c.references(next, len(c.tokens))
	if at := c.behind(next, "PARTITION"); at > 0 && c.word(at) == "OF" {
		c.take(at+1, AccessExclusive)
	}
	if at := c.behind(next, "INHERITS"); at > 0 {
		c.takeAll(at+1, ShareUpdateExclusive)
	}
	return c.behind(next, "AS") == 0
}

// references takes the tables that foreign keys between two places lead to.
func (c *locker) references(from, to int) {
	for i := from; i < to; i++ {
		if c.word(i) == "REFERENCES" {
			c.take(i+1, ShareRowExclusive)
		}
	}
}

func (c *locker) drops() (known bool) {
	object, next := c.object()
	switch object {
	case "TABLE", "VIEW", "MATERIALIZED VIEW", "SEQUENCE", "FOREIGN TABLE":
		c.takeAll(next, AccessExclusive)
	case "INDEX":
		mode := AccessExclusive
		if c.word(next) == "CONCURRENTLY" {
			mode, next = ShareUpdateExclusive, next+1
		}
		c.takeAll(next, mode)
	case "TRIGGER", "POLICY", "RULE":
		c.takeBehind(next, "ON", AccessExclusive)
	}
	return c.word(len(c.tokens)-1) != "CASCADE"
}

func (c *locker) alters() (known bool) {
	object, next := c.object()
	switch object {
	case "TABLE", "FOREIGN TABLE":
		return c.altersTable(next)
	case "INDEX":
		mode, behind := AccessExclusive, c.take(next, ShareUpdateExclusive)
		if c.word(behind) == "RENAME" || c.word(behind) == "ATTACH" || c.word(behind+1) == "(" || c.symbol(behind+1) == "(" || c.word(behind) == "ALTER" {
			mode = ShareUpdateExclusive
		}
		c.take(next, mode)
	case "SEQUENCE":
		c.take(next, ShareRowExclusive)
	case "PUBLICATION":
		if at := c.behind(next, "TABLE"); at > 0 {
			c.takeAll(at, ShareUpdateExclusive)
		}
	case "VIEW", "MATERIALIZED VIEW":
		c.take(next, AccessExclusive)
	case "POLICY", "TRIGGER", "RULE":
		c.takeBehind(next, "ON", AccessExclusive)
	case "DOMAIN", "TYPE":
		return false // reads the tables that use it
	}
	return true
}

// altersTable: a statement takes the strongest lock of all its actions.
func (c *locker) altersTable(next int) (known bool) {
	if c.word(next) == "ALL" {
		return false
	}
	table := next
	at := c.take(table, ShareUpdateExclusive)
	for at < len(c.tokens) {
		last, depth := at, 0
		for ; last < len(c.tokens) && (depth > 0 || c.symbol(last) != ","); last++ {
			switch c.symbol(last) {
			case "(":
				depth++
			case ")":
				depth--
			}
		}
		c.take(table, c.action(at, last))
		c.references(at, last)
		at = last + 1
	}
	return true
}

// action is the lock of one action of ALTER TABLE on its table.
func (c *locker) action(at, last int) LockMode {
	switch c.word(at) {
	case "VALIDATE", "CLUSTER":
		return ShareUpdateExclusive
	case "SET", "RESET":
		if c.symbol(at+1) == "(" || c.word(at+1) == "WITHOUT" && c.word(at+2) == "CLUSTER" {
			return ShareUpdateExclusive
		}
	case "ALTER":
		what := c.skip(at+1, "COLUMN") + 1
		if c.word(what) == "SET" && c.word(what+1) == "STATISTICS" || c.symbol(what+1) == "(" && c.word(what) != "TYPE" {
			return ShareUpdateExclusive
		}
	case "ATTACH":
		c.take(at+2, AccessExclusive)
		return ShareUpdateExclusive
	case "DETACH":
		if c.word(last-1) == "CONCURRENTLY" {
			return ShareUpdateExclusive
		}
		c.take(at+2, AccessExclusive)
	case "INHERIT":
		c.take(at+1, ShareUpdateExclusive)
	case "ENABLE", "DISABLE":
		if c.word(at+1) == "TRIGGER" || c.word(at+2) == "TRIGGER" {
			return ShareRowExclusive
		}
	case "ADD":
		if c.word(at+1) == "FOREIGN" || c.word(at+1) == "CONSTRAINT" && c.word(at+3) == "FOREIGN" {
			return ShareRowExclusive
		}
	}
	return AccessExclusive
}

// comments: of a column the table is named in front of it.
func (c *locker) comments() {
	switch c.word(2) {
	case "TABLE", "VIEW", "INDEX", "SEQUENCE":
		c.take(3, ShareUpdateExclusive)
	case "MATERIALIZED", "FOREIGN":
		if c.word(3) != "DATA" {
			c.take(4, ShareUpdateExclusive)
		}
	case "COLUMN":
		name, next := c.name(3)
		if name == "" || next < 2 {
			return
		}
		end := c.tokens[next-2].start // the dot in front of the column
		c.locks = append(c.locks, RelationLock{c.src[c.tokens[3].start:end], ShareUpdateExclusive})
	case "CONSTRAINT", "TRIGGER", "RULE", "POLICY":
		if c.word(5) != "DOMAIN" {
			c.takeBehind(3, "ON", ShareUpdateExclusive)
		}
	}
}

func (c *locker) reindexes() (known bool) {
	kind, _ := c.reindex()
	at := len(c.tokens)
	for at > 0 && c.symbol(at-1) != ")" && c.word(at-1) != "TABLE" && c.word(at-1) != "INDEX" && c.word(at-1) != "CONCURRENTLY" {
		at--
	}
	switch kind {
	case "REINDEX TABLE CONCURRENTLY", "REINDEX INDEX CONCURRENTLY":
		c.take(at, ShareUpdateExclusive)
	case "REINDEX TABLE", "REINDEX INDEX":
		c.take(at, Share)
	default:
		return false
	}
	return true
}
