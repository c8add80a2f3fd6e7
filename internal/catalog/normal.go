package catalog

import (
	"regexp"
	"strings"
)

// PostgreSQL doesn't always write the same text again for what it has read
// back: varchar IN ('a', 'b') is at first shown as one cast of the whole array,
// and once that text was loaded as a cast of each element. The second form is
// the one that stays, and so the one that is compared.
var castArray = regexp.MustCompile(`\(ARRAY\[((?:'(?:[^']|'')*'::[a-z ]+(?:\([0-9, ]+\))?(?:, )?)+)\]\)::([a-z ]+)\[\]`)

// normalExpression brings an expression into the form that PostgreSQL would
// write after reading it once more.
func normalExpression(text string) string {
	if !strings.Contains(text, "(ARRAY[") {
		return text
	}
	return castArray.ReplaceAllStringFunc(text, func(found string) string {
		m := castArray.FindStringSubmatch(found)
		elements := splitElements(m[1])
		for i := range elements {
			elements[i] = "(" + elements[i] + ")::" + m[2]
		}
		return "ARRAY[" + strings.Join(elements, ", ") + "]"
	})
}

// splitElements cuts 'a'::text, 'b, c'::text at the commas outside of quotes
// and parentheses.
func splitElements(text string) []string {
	var elements []string
	quoted, depth, start := false, 0, 0
	for i := range len(text) {
		switch c := text[i]; {
		case c == '\'':
			quoted = !quoted
		case quoted:
		case c == '(':
			depth++
		case c == ')':
			depth--
		case c == ',' && depth == 0:
			elements = append(elements, strings.TrimSpace(text[start:i]))
			start = i + 1
		}
	}
	return append(elements, strings.TrimSpace(text[start:]))
}

func trimNotValid(definition string) string { return strings.TrimSuffix(definition, " NOT VALID") }

// withoutOptions takes WITH (…) out of an index's definition: storage
// parameters are facts of their own.
func withoutOptions(definition string, options []string) string {
	if len(options) == 0 {
		return definition
	}
	at := strings.Index(definition, " WITH (")
	if at < 0 {
		return definition
	}
	end := strings.IndexByte(definition[at:], ')')
	return definition[:at] + definition[at+end+1:]
}
