package suggest_test

import (
	"testing"

	"github.com/aludel-db/aludel/internal/suggest"
)

func TestClosest(t *testing.T) {
	t.Parallel()
	words := []string{"upgrade", "downgrade", "heads", "history", "head"}
	for typed, want := range map[string]string{
		"upgarde":  "upgrade",
		"updgrade": "upgrade",
		"haeds":    "heads",
		"histroy":  "history",
		"hed":      "head",
		"current":  "",
		"":         "",
		"heads":    "heads",
	} {
		if got := suggest.Closest(typed, words); got != want {
			t.Errorf("Closest(%q) = %q, want %q", typed, got, want)
		}
	}
}
