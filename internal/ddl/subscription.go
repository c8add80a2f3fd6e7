package ddl

import (
	"slices"
	"strings"

	"github.com/aludel-db/aludel/internal/catalog"
)

// createSubscription makes one that is disabled, and calls nobody: without its
// password, which no catalog may tell, it couldn't.
func (w *writer) createSubscription(s *catalog.Subscription) {
	options := append([]string{"connect = false", "slot_name = " + slotName(s)}, s.Options...)
	w.add("CREATE " + name(s) + " CONNECTION " + literal(s.Connection) + " PUBLICATION " + identList(s.Publications) + " WITH (" + strings.Join(options, ", ") + ")")
}

func slotName(s *catalog.Subscription) string {
	if s.Slot == "" {
		return "NONE"
	}
	return literal(s.Slot)
}

func identList(names []string) string {
	list := make([]string, len(names))
	for i, n := range names {
		list[i] = ident(n)
	}
	return strings.Join(list, ", ")
}

// dropSubscription leaves the replication slot to those who look after the
// publisher: DROP SUBSCRIPTION would call it, and in no transaction.
func (w *writer) dropSubscription(s *catalog.Subscription) {
	w.add("ALTER " + name(s) + " DISABLE")
	if s.Slot != "" {
		w.add("ALTER " + name(s) + " SET (slot_name = NONE)")
	}
	w.add("DROP " + name(s))
}

func (w *writer) alterSubscription(from, to *catalog.Subscription) {
	alter := "ALTER " + name(to) + " "
	if from.Connection != to.Connection {
		w.add(alter + "CONNECTION " + literal(to.Connection))
	}
	if !slices.Equal(from.Publications, to.Publications) {
		w.add(alter + "SET PUBLICATION " + identList(to.Publications) + " WITH (refresh = false)")
	}
	var options []string
	for _, o := range to.Options {
		if !slices.Contains(from.Options, o) {
			options = append(options, o)
		}
	}
	for _, o := range from.Options {
		key, _, _ := strings.Cut(o, " = ")
		if !slices.ContainsFunc(to.Options, func(x string) bool { return strings.HasPrefix(x, key+" = ") }) {
			options = append(options, key+" = "+w.subscriptionDefault(key))
		}
	}
	if from.Slot != to.Slot {
		options = append(options, "slot_name = "+slotName(to))
	}
	if len(options) > 0 {
		w.add(alter + "SET (" + strings.Join(options, ", ") + ")")
	}
}

// subscriptionDefault is what an option is when nothing is said.
func (w *writer) subscriptionDefault(option string) string {
	switch option {
	case "synchronous_commit":
		return "off"
	case "origin":
		return "any"
	case "password_required":
		return "true"
	case "streaming":
		if w.from.Major >= 18 {
			return "parallel"
		}
		return "off"
	}
	return "false"
}
