package sqltext

import "strings"

// keywords are those of PostgreSQL 13 to 18 that a name must be quoted for:
// all categories of pg_get_keywords() but "unreserved".
var keywords = func() map[string]bool {
	set := make(map[string]bool)
	for _, w := range strings.Fields(`
		all analyse analyze and any array as asc asymmetric authorization between bigint binary bit boolean both case
		cast char character check coalesce collate collation column concurrently constraint create cross
		current_catalog current_date current_role current_schema current_time current_timestamp current_user dec
		decimal default deferrable desc distinct do else end except exists extract false fetch float for foreign
		freeze from full grant greatest group grouping having ilike in initially inner inout int integer intersect
		interval into is isnull join json json_array json_arrayagg json_exists json_object json_objectagg json_query
		json_scalar json_serialize json_table json_value lateral leading least left like limit localtime
		localtimestamp merge_action national natural nchar none normalize not notnull null nullif numeric offset on
		only or order out outer overlaps overlay placing position precision primary real references returning right
		row select session_user setof similar smallint some substring symmetric system_user table tablesample then
		time timestamp to trailing treat trim true union unique user using values varchar variadic verbose when where
		window with xmlattributes xmlconcat xmlelement xmlexists xmlforest xmlnamespaces xmlparse xmlpi xmlroot
		xmlserialize xmltable`) {
		set[w] = true
	}
	return set
}()

// QuoteIdent writes a name for SQL, as PostgreSQL's quote_ident: in quotes only
// where it needs them.
func QuoteIdent(name string) string {
	plain := name != "" && !keywords[name]
	for i := range len(name) {
		c := name[i]
		lower := c >= 'a' && c <= 'z' || c == '_'
		plain = plain && (lower || i > 0 && c >= '0' && c <= '9')
	}
	if plain {
		return name
	}
	return `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
}

// QuoteLiteral writes a string for SQL. It reads the same whatever
// standard_conforming_strings is.
func QuoteLiteral(s string) string {
	s = strings.ReplaceAll(s, "'", "''")
	if strings.Contains(s, `\`) {
		return `E'` + strings.ReplaceAll(s, `\`, `\\`) + `'`
	}
	return "'" + s + "'"
}

// IsName tells that text is a name as SQL has it, and nothing else: with a schema
// or without, in quotes where it needs them.
func IsName(text string) bool {
	l := lexer{src: text}
	c := classifier{src: text}
	for t := l.next(); t.kind != end; t = l.next() {
		c.tokens = append(c.tokens, t)
	}
	name, next := c.name(0)
	return l.err == nil && len(c.tokens) > 0 && next == len(c.tokens) && name == text && !strings.HasSuffix(name, ".")
}
