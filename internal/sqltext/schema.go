package sqltext

// CreatedSchema takes a CREATE SCHEMA apart that makes nothing within it: the name
// as SQL text, and the role that is to own it, empty where it isn't said. The words
// AUTHORIZATION and a role alone name the schema after the role.
func CreatedSchema(statement string) (schema, owner string, ok bool) {
	c, ok := read(statement)
	if !ok || c.word(0) != "CREATE" || c.word(1) != "SCHEMA" {
		return "", "", false
	}
	at := 2
	for c.word(at) == "IF" || c.word(at) == "NOT" || c.word(at) == "EXISTS" {
		at++
	}
	if c.word(at) != "AUTHORIZATION" {
		schema, at = c.name(at)
	}
	if c.word(at) == "AUTHORIZATION" {
		owner, at = c.name(at + 1)
	}
	if schema == "" {
		schema = owner
	}
	return schema, owner, schema != "" && at == len(c.tokens)
}
