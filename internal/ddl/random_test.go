package ddl_test

import (
	"flag"
	"testing"

	"pgregory.net/rapid"
)

// TestRandomSchemas leads from one schema made at random to another and back. In
// passing it takes the same twenty-five pairs each time, so that no change fails for
// what it has nothing to do with; -rapid.checks=1000 is the long form, which takes
// new ones ("make fuzz").
func TestRandomSchemas(t *testing.T) {
	t.Parallel()
	if seed := flag.Lookup("rapid.seed"); !longForm() && seed.Value.String() == seed.DefValue {
		if err := flag.Set("rapid.seed", "1"); err != nil {
			t.Fatal(err)
		}
	}
	checks := 0
	rapid.Check(t, func(r *rapid.T) {
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
