package sqltext

import "strings"

// A Bound is a placeholder of a statement that runs in batches: ":from" or
// ":to". Both words are reserved in PostgreSQL, so nothing else reads like this.
type Bound struct {
	// Start and End are where it stands in the statement, in bytes.
	Start, End int
	// Upper tells :to from :from.
	Upper bool
	// Excludes tells that it is compared in a way that leaves out the bound
	// itself: id > :from, id < :to.
	Excludes bool
}

// Bounds finds the placeholders of a statement. What stands in strings, and so
// in the bodies of functions, is none.
func Bounds(statement string) []Bound {
	c, _ := read(statement)
	var bounds []Bound
	for i := range c.tokens {
		colon := c.symbol(i-1) == ":" && c.tokens[i-1].end == c.tokens[i].start
		if cast := colon && c.symbol(i-2) == ":" && c.tokens[i-2].end == c.tokens[i-1].start; !colon || cast {
			continue
		}
		w := c.word(i)
		if w == "FROM" || w == "TO" {
			bounds = append(bounds, Bound{
				Start: c.tokens[i-1].start, End: c.tokens[i].end, Upper: w == "TO", Excludes: c.excludes(i, w == "TO"),
			})
		}
	}
	return bounds
}

// excludes tells that the placeholder whose word is token i stands beside < or
// >, which leave it out. Parentheses around it make no difference.
func (c *classifier) excludes(i int, upper bool) bool {
	before, behind := i-2, i+1
	for c.symbol(before) == "(" && c.symbol(behind) == ")" {
		before--
		behind++
	}
	less, greater := ">", "<"
	if upper {
		less, greater = greater, less
	}
	return c.symbol(before) == less || c.symbol(behind) == greater
}

// Bind puts values in the place of a statement's placeholders. origin tells of
// a byte offset in the outcome where in the statement it comes from.
func Bind(statement string, bounds []Bound, from, to string) (sql string, origin func(offset int) int) {
	var b strings.Builder
	type piece struct{ bound, start, end int } // start and end in the outcome
	var pieces []piece
	at := 0
	for i, bound := range bounds {
		b.WriteString(statement[at:bound.Start])
		value := from
		if bound.Upper {
			value = to
		}
		pieces = append(pieces, piece{i, b.Len(), b.Len() + len(value)})
		b.WriteString(value)
		at = bound.End
	}
	b.WriteString(statement[at:])
	return b.String(), func(offset int) int {
		shift := 0
		for _, p := range pieces {
			switch {
			case offset < p.start:
				return offset - shift
			case offset < p.end:
				return bounds[p.bound].Start
			}
			shift = p.end - bounds[p.bound].End
		}
		return offset - shift
	}
}
