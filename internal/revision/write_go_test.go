package revision_test

import (
	"go/format"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/aludel-db/aludel/internal/revision"
)

// TestRenderGo: what is written is Go, in gofmt's form, whatever the message holds.
func TestRenderGo(t *testing.T) {
	t.Parallel()
	for want, d := range map[string]*revision.Draft{
		"AddUsers":        {ID: "a1", Message: "add users"},
		"Revisiona2":      {ID: "a2"},
		"Revisiona_3":     {ID: "a.3", Message: "2 \"quotes\" `and` \\ all\n\nthat */ there is \t\r\nin a text"},
		"Sätze":           {ID: "a4", Message: "sätze", DownRevisions: []string{"a1", "a2"}, BranchLabels: []string{"x"}, DependsOn: []string{"b"}},
		"FixItsOddValues": {ID: "a5", Message: "Fix its odd values!", DownRevisions: []string{"a1"}},
	} {
		d.Created = time.Date(2026, 9, 1, 12, 0, 3, 0, time.UTC)
		text, function := d.RenderGo("versions")
		formatted, err := format.Source([]byte(text))
		if err != nil {
			t.Errorf("%v\n%s", err, text)
			continue
		}
		if difference := cmp.Diff(string(formatted), text); difference != "" {
			t.Error(difference)
		}
		if function != want {
			t.Errorf("%s, want %s", function, want)
		}
	}
}
