package desired

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/aludel-db/aludel/internal/sqltext"
)

var (
	createsTable  = regexp.MustCompile(`^create (?:global |local )?(?:temp |temporary |unlogged )?table (if not exists )?([^ ]+)`)
	dropsTable    = regexp.MustCompile(`^drop table (?:if exists )?(.+)$`)
	leftOutInDrop = regexp.MustCompile(` (cascade|restrict)$`)
)

// Overlooked tells of tables that two statements define, in different ways, where
// the second one says IF NOT EXISTS: PostgreSQL passes over it without a word.
func (state *State) Overlooked() []string {
	var list []string
	made := map[string]*statement{}
	for _, s := range state.statements {
		beginning := strings.ReplaceAll(s.beginning(), `"`, "")
		if drop := dropsTable.FindStringSubmatch(beginning); drop != nil { // a folder of migrations
			for name := range strings.SplitSeq(leftOutInDrop.ReplaceAllString(drop[1], ""), ",") {
				delete(made, strings.TrimSpace(name))
			}
			continue
		}
		create := createsTable.FindStringSubmatch(beginning)
		if create == nil {
			continue
		}
		before := made[create[2]]
		if before == nil {
			made[create[2]] = s
		} else if create[1] != "" && !slices.Equal(before.definition(), s.definition()) {
			list = append(list, fmt.Sprintf("%s makes table %s only if it isn't there, and %s makes it already, in another way: what it says is passed over", s.place(), create[2], before.place()))
		}
	}
	return list
}

// definition are the words of a statement, but for IF NOT EXISTS.
func (s *statement) definition() []string {
	text := strings.Join(strings.Fields(strings.ToLower(s.Text)), " ")
	return strings.Fields(strings.Replace(text, " if not exists ", " ", 1))
}

// place is where a statement begins.
func (s *statement) place() string {
	at := sqltext.PositionAt(s.text.sql, s.Offset)
	return fmt.Sprintf("%s:%d:%d", s.text.name, at.Line, at.Column)
}
