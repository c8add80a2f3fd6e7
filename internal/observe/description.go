package observe

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"strings"

	"github.com/jackc/pgx/v5"
)

// A Description is what queries see of a database, in a form in which it can be
// brought up to date.
type Description struct {
	// About has the entries on each table, view and sequence by its OID, and those on
	// all else at 0.
	About map[uint32][]string
}

// Look describes a database by queries, whole.
func Look(ctx context.Context, conn *pgx.Conn) (*Description, error) {
	d := &Description{About: map[uint32][]string{}}
	return d, d.read(ctx, conn, describeSQL)
}

// Again is the description as it is after something has happened to some relations,
// and to nothing else. Only these are looked at.
func (d *Description) Again(ctx context.Context, conn *pgx.Conn, touched []Relation) (*Description, error) {
	again := &Description{About: maps.Clone(d.About)}
	for _, r := range touched {
		delete(again.About, r.OID)
	}
	picked := fmt.Sprintf("= ANY ('%s'::oid[])", oidArray(touched))
	return again, again.read(ctx, conn, strings.NewReplacer("true /* picked */", "c.oid "+picked, "true /* about picked */", "about "+picked).Replace(describeSQL))
}

// parameterList are parameters of storage and of views, which [Lines] leaves out.
var parameterList = regexp.MustCompile(` options=\{([^}]+)\}`)

func (d *Description) read(ctx context.Context, conn *pgx.Conn, sql string) error {
	sql = strings.Replace(sql, "ORDER BY text COLLATE \"C\"", "", 1) // only Describe is read in order
	return describe(ctx, conn, sql, func(about uint32, line []byte) {
		text := string(line)
		// What has several lines of its own stays together.
		entry := strings.Join(Lines(text), "\n")
		if strings.Contains(entry, " owner=") {
			entry = owned.ReplaceAllString(entry, "")
		}
		if list := parameterList.FindStringSubmatch(text); list != nil {
			entry += " " + sortedParameters("WITH ("+strings.ReplaceAll(list[1], ",", ", ")+")")
		}
		if entry != "" {
			d.About[about] = append(d.About[about], entry)
		}
	})
}

// In are the entries that are in a scope, for [Compare].
func (d *Description) In(s Scope) []string {
	scope := newScopeFilter(s)
	var lines []string
	for _, entries := range d.About {
		for _, entry := range entries {
			if scope.has(entry) {
				lines = append(lines, entry)
			}
		}
	}
	return lines
}
