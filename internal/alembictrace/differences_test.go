package alembictrace

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestDifferencesAreDocumented compares the list with the tables that people
// read.
func TestDifferencesAreDocumented(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("../../docs/alembic-differences.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := map[int]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z-]+)` \\|.*\\| ([0-9, ]+) \\|$").FindAllStringSubmatch(string(data), -1) {
		for number := range strings.SplitSeq(row[2], ", ") {
			line, err := strconv.Atoi(number)
			if err != nil {
				t.Fatal(err)
			}
			documented[line] = row[1]
		}
	}
	listed := map[int]string{}
	crashes := 0
	for _, tr := range All(t) {
		if word := tr.Differs(t); word != "" {
			listed[tr.Line] = word
		}
		if tr.Crashed() {
			crashes++
		}
	}
	if diff := cmp.Diff(listed, documented); diff != "" {
		t.Errorf("(-differences.txt +docs/alembic-differences.md)\n%s", diff)
	}
	if !strings.Contains(string(data), fmt.Sprintf("%d of the traces", crashes)) {
		t.Errorf("%d traces are crashes of Alembic's; the document says otherwise", crashes)
	}
}
