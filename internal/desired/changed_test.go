package desired

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestChanged(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ before, now, gone, come string }{
		{"a b c", "a b c", "", ""},
		{"", "a", "", "a"},
		{"a b c", "a x c", "b", "x"},
		{"a b c d", "a c b d", "c", "c"},
		{"a b c d e", "b c d e a", "a", "a"},
		{"a b a c", "a c", "b a", ""},
		{"a b x b c", "a b y b c", "x", "y"},
	} {
		before, now := strings.Fields(c.before), strings.Fields(c.now)
		gone, come := changed(before, now)
		if g, n := strings.Join(picked(before, gone, true), " "), strings.Join(picked(now, come, true), " "); g != c.gone || n != c.come {
			t.Errorf("%s to %s: gone %s, come %s", c.before, c.now, g, n)
		}
	}
}

// TestChangedLeavesTheRest: what is neither gone nor come is the same, in the same
// order.
func TestChangedLeavesTheRest(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		texts := rapid.SliceOfN(rapid.SampledFrom(strings.Split("abcdefghij", "")), 0, 12)
		before, now := texts.Draw(r, "before"), texts.Draw(r, "now")
		gone, come := changed(before, now)
		if stayed := picked(before, gone, false); !slices.Equal(stayed, picked(now, come, false)) {
			r.Fatalf("%v stay of %v, %v of %v", stayed, before, picked(now, come, false), now)
		}
	})
}

func picked(texts []string, marks []bool, marked bool) (list []string) {
	for i, text := range texts {
		if marks[i] == marked {
			list = append(list, text)
		}
	}
	return list
}
