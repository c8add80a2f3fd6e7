package sqltext_test

import (
	"testing"

	"github.com/aludel-db/aludel/internal/sqltext"
)

func TestCreatedSchema(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		statement, schema, owner string
		ok                       bool
	}{
		{"CREATE SCHEMA shop", "shop", "", true},
		{"create schema /* ours */ if not exists \"Shop\"", `"Shop"`, "", true},
		{"CREATE SCHEMA shop AUTHORIZATION bob", "shop", "bob", true},
		{"CREATE SCHEMA AUTHORIZATION bob", "bob", "bob", true},
		{"CREATE SCHEMA shop CREATE TABLE t ()", "shop", "", false},
		{"CREATE TABLE shop ()", "", "", false},
	} {
		schema, owner, ok := sqltext.CreatedSchema(c.statement)
		if schema != c.schema || owner != c.owner || ok != c.ok {
			t.Errorf("%s: schema %s, owner %q, %t", c.statement, schema, owner, ok)
		}
	}
}
