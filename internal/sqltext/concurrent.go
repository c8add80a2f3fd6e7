package sqltext

import "strings"

// concurrent reads a statement, and answers its kind; empty where it can't be read.
func concurrent(statement string) (c *classifier, kind string) {
	c, ok := read(statement)
	if ok {
		kind, _ = c.classify()
	}
	return c, kind
}

// ConcurrentIndex takes CREATE INDEX CONCURRENTLY and DROP INDEX CONCURRENTLY
// apart: the index, as SQL text with the schema in which it lies where the
// statement says that, and which of the two it is. Statements of other kinds,
// and an index without a name of its own, are not ok.
func ConcurrentIndex(statement string) (index string, creates, ok bool) {
	c, kind := concurrent(statement)
	if kind != "CREATE INDEX CONCURRENTLY" && kind != "DROP INDEX CONCURRENTLY" {
		return "", false, false
	}
	creates = kind == "CREATE INDEX CONCURRENTLY"
	at := 0
	for c.word(at) != "CONCURRENTLY" {
		at++
	}
	at++
	for c.word(at) == "IF" || c.word(at) == "NOT" || c.word(at) == "EXISTS" {
		at++
	}
	index, next := c.name(at)
	if index == "" || creates && c.word(at) == "ON" {
		return "", false, false
	}
	if creates { // an index lies in the schema of its table
		if c.word(next) == "ON" {
			next++
		}
		if c.word(next) == "ONLY" {
			next++
		}
		if table, _ := c.name(next); strings.Contains(table, ".") {
			index = table[:strings.LastIndex(table, ".")] + "." + index
		}
	}
	return index, creates, true
}

// ConcurrentDetach takes ALTER TABLE … DETACH PARTITION … CONCURRENTLY apart: the
// table and its partition, as SQL text.
func ConcurrentDetach(statement string) (table, partition string, ok bool) {
	c, kind := concurrent(statement)
	if kind != "ALTER TABLE DETACH PARTITION CONCURRENTLY" {
		return "", "", false
	}
	at := 2
	for c.word(at) == "IF" || c.word(at) == "EXISTS" || c.word(at) == "ONLY" {
		at++
	}
	table, at = c.name(at)
	for at < len(c.tokens) && c.word(at) != "PARTITION" {
		at++
	}
	partition, _ = c.name(at + 1)
	return table, partition, table != "" && partition != ""
}

// ConcurrentReindex takes REINDEX … CONCURRENTLY of a table or an index apart: the
// relation, as SQL text.
func ConcurrentReindex(statement string) (relation string, ok bool) {
	c, kind := concurrent(statement)
	if kind != "REINDEX TABLE CONCURRENTLY" && kind != "REINDEX INDEX CONCURRENTLY" {
		return "", false
	}
	at := 0
	for c.word(at) != "TABLE" && c.word(at) != "INDEX" {
		at++
	}
	if at++; c.word(at) == "CONCURRENTLY" {
		at++
	}
	relation, _ = c.name(at)
	return relation, relation != ""
}
