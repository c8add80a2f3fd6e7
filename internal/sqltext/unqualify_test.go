package sqltext_test

import (
	"testing"

	"github.com/aludel-db/aludel/internal/sqltext"
)

func TestUnqualify(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ sql, schema, want string }{
		{"CREATE TABLE app.users (id app.mood DEFAULT 'app.x'::app.mood)", "app", "CREATE TABLE users (id mood DEFAULT 'app.x'::mood)"},
		{`DROP TABLE "My App"."Users"`, "My App", `DROP TABLE "Users"`},
		{"SELECT a.app.b, app . c FROM app.t", "app", "SELECT a.app.b, app . c FROM t"},
		{"SELECT app.pg_class, application.t, app.*", "app", "SELECT app.pg_class, application.t, app.*"},
		{"CREATE FUNCTION app.f() RETURNS int AS $$SELECT app.g()$$", "app", "CREATE FUNCTION f() RETURNS int AS $$SELECT app.g()$$"},
		{"SELECT OPERATOR(app.+) -- app.x\n, app.y", "app", "SELECT OPERATOR(app.+) -- app.x\n, y"},
		{"SELECT 'app.t", "app", "SELECT 'app.t"},
		{"COMMENT ON SCHEMA app IS 'x'", "app", "COMMENT ON SCHEMA app IS 'x'"},
	} {
		if got := sqltext.Unqualify(c.sql, c.schema); got != c.want {
			t.Errorf("%q without %s: %q, want %q", c.sql, c.schema, got, c.want)
		}
	}
}
