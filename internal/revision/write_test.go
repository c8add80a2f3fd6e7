package revision_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aludel-db/aludel/internal/revision"
)

func TestSlug(t *testing.T) {
	t.Parallel()
	for message, want := range map[string]string{
		"Create users": "create_users",
		"Add e-mail & phone!! to the users table, which is a very long message": "add_e_mail_phone_to_the_users_table_",
		"abc def ghi jkl mno pqr stu vwx yza bcd efg hij":                       "abc_def_ghi_jkl_mno_pqr_stu_vwx_yza_bcd_",
		strings.Repeat("a", 75): strings.Repeat("a", 40) + "_",
		"Ünïcode — naïve":       "ünïcode_naïve",
		"":                      "",
	} {
		if got := revision.Slug(message, 40); got != want {
			t.Errorf("Slug(%q) = %q, want %q", message, got, want)
		}
	}
}

func TestRender(t *testing.T) {
	t.Parallel()
	d := &revision.Draft{
		ID: "ab12", Message: "Add a\n\nAnd why:\nit is good", DownRevisions: []string{"b", "c"}, DependsOn: []string{"d"},
		BranchLabels: []string{"e"}, Created: time.Date(2026, 11, 23, 14, 6, 26, 0, time.UTC), Up: "SELECT 1;\n",
	}
	got, err := d.Render("x.sql", "")
	want := `-- Add a
--
-- And why:
-- it is good
--
-- revision: ab12
-- down_revision: b, c
-- depends_on: d
-- branch_labels: e
-- created: 2026-11-23T14:06:26Z

-- migrate:up
SELECT 1;

-- migrate:down
`
	if err != nil || got != want {
		t.Errorf("got (%v):\n%s\nwant:\n%s", err, got, want)
	}
	name, err := revision.Naming{}.FileName(d)
	if want := "20261123140626_ab12_add_a_and_why_it_is_good.sql"; err != nil || name != want {
		t.Errorf("got name %q (%v), want %q", name, err, want)
	}
}

func TestRenderRefusesWhatWouldBeLost(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		draft    revision.Draft
		template string
		want     string
	}{
		"a message that reads as a key": {revision.Draft{ID: "a", Message: "x\n\nrevision: b"}, "", `stands twice`},
		"a template without parents":    {revision.Draft{ID: "a", DownRevisions: []string{"b"}}, "-- revision: {{.ID}}\n-- migrate:up\n", `would say "" for down_revision instead of "b"`},
		"a template with a bad field":   {revision.Draft{ID: "a"}, "{{.Nope}}", `filling in the template`},
		"a template that is none":       {revision.Draft{ID: "a"}, "{{", `parsing the template`},
		"a body that is not SQL":        {revision.Draft{ID: "a", Up: "SELECT 'x"}, "", `would not read back`},
	} {
		_, err := c.draft.Render("x.sql", c.template)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
}

func TestNewFilesSortAfterTheirParents(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 14, 6, 26, 900, time.UTC)
	parent := &revision.Revision{Created: now.Truncate(time.Second)}
	if got, want := revision.After(now, []*revision.Revision{parent}), parent.Created.Add(time.Second); !got.Equal(want) {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := revision.After(now, nil); !got.Equal(now.Truncate(time.Second)) {
		t.Errorf("got %s", got)
	}
}

func TestTakenNames(t *testing.T) {
	t.Parallel()
	g := mustParse(t, "a, a->b, b=left")
	for _, c := range []struct{ id, label, want string }{
		{"a", "", "The revision id 'a' is taken by revision a"},
		{"left", "", "The revision id 'left' is taken by revision b"},
		{"n", "left", "The branch label 'left' is taken by revision b"},
		{"n", "a", "The branch label 'a' is taken by revision a"},
		{"n", "x@y", "'x@y' can't be a branch label"},
		{"n", "head", "'head' can't be a branch label"},
		{"a-b", "", "Character(s) '-' not allowed in revision identifier 'a-b'"},
		{strings.Repeat("x", 256), "", "256 characters long"},
		{"n", "right", ""},
	} {
		var labels []string
		if c.label != "" {
			labels = []string{c.label}
		}
		got := ""
		if err := g.CheckNew(c.id, labels); err != nil {
			got = err.Error()
		}
		if (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s, %s: got %q, want %q", c.id, c.label, got, c.want)
		}
	}
}
