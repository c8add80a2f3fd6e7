package gormddl

import "regexp"

var createIndex = regexp.MustCompile(`(?i)^CREATE (UNIQUE )?INDEX (CONCURRENTLY )?(IF NOT EXISTS )?`)

// forNewDatabase takes out of CREATE INDEX what is only for a database in use:
// CONCURRENTLY, which runs in no transaction, and IF NOT EXISTS, which would
// hide that two indexes have one name.
func forNewDatabase(statement string) string {
	return createIndex.ReplaceAllString(statement, "CREATE ${1}INDEX ")
}
