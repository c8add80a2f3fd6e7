package ddl_test

import (
	"flag"
	"testing"

	"pgregory.net/rapid"
)

// TestRandomSchemas leads from one schema made at random to another and back.
// -rapid.checks=1000 is the long form.
func TestRandomSchemas(t *testing.T) {
	t.Parallel()
	checks := 0
	rapid.Check(t, func(r *rapid.T) {
		// The default of a hundred is more than a run in passing needs; a seed
		// of its own each time covers the rest.
		if checks++; checks > 25 && !longForm() {
			return
		}
		before, after := drawSchema(r, "before"), drawSchema(r, "after")
		old, updated := newState(t, before), newState(t, after)
		reverted := old.remembered(t)
		for _, s := range []*state{old, updated} {
			defer s.close(t)
		}
		old.online = rapid.Bool().Draw(r, "online")
		up, err := old.change(updated)
		old.online = false
		if err != nil {
			r.Fatalf("up from\n%s\nto\n%s\n%v", before, after, err)
		}
		if d := old.differs(t, updated); d != "" {
			r.Fatalf("up from\n%s\nto\n%s\nby\n%s\n%s", before, after, up, d)
		}
		down, err := old.change(reverted)
		if err != nil {
			r.Fatalf("down from\n%s\nto\n%s\n%v", after, before, err)
		}
		if d := old.differs(t, reverted); d != "" {
			r.Fatalf("down from\n%s\nto\n%s\nby\n%s\n%s", after, before, down, d)
		}
	})
}

// longForm tells that -rapid.checks was given.
func longForm() bool {
	f := flag.Lookup("rapid.checks")
	return f != nil && f.Value.String() != f.DefValue
}
