package tests

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A third module for what the two have in common would be one more to publish:
// they have it as copies, which are to stay that.
func TestCopies(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"place.go", "record.go", "script.go", "statement.go"} {
		var texts []string
		for _, path := range []string{"../gorm/" + file, "../bun/" + file} {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			_, body, _ := strings.Cut(string(text), "\n") // behind the package's name
			texts = append(texts, body)
		}
		if d := cmp.Diff(texts[0], texts[1]); d != "" {
			t.Errorf("%s differs (-gorm +bun):\n%s", file, d)
		}
	}
}
