package catalog

import (
	"regexp"
	"slices"
	"strings"
)

// PostgreSQL doesn't always write the same text again for what it has read
// back: varchar IN ('a', 'b') is at first shown as one cast of the whole array,
// and once that text was loaded as a cast of each element. The second form is
// the one that stays, and so the one that is compared.
const castArray = "(ARRAY["

// arrayType is what such an array is cast to.
var arrayType = regexp.MustCompile(`^\)::((?:(?:"[^"]+"|[a-z_][a-z0-9_$]*)\.)?(?:"[^"]+"|[a-z_][a-z0-9_$]*)[a-z ]*(?:\([0-9, ]+\)[a-z ]*)?)\[\]`)

// normalExpression brings an expression into the form that PostgreSQL would
// write after reading it once more.
func normalExpression(text string) string { return castElements(flattened(text)) }

// castElements has casts of arrays be those of their elements.
func castElements(text string) string {
	if !strings.Contains(text, castArray) {
		return text
	}
	var b strings.Builder
	done := 0
	eachBare(text, func(i, _ int) bool {
		if i < done || !strings.HasPrefix(text[i:], castArray) {
			return true
		}
		list := text[i+len(castArray):]
		end := closing(list)
		if m := arrayType.FindStringSubmatch(list[min(end+1, len(list)):]); m != nil {
			b.WriteString(text[done:i] + castTo(m[1], list[:end]))
			done = i + len(castArray) + end + 1 + len(m[0])
		}
		return true
	})
	return b.String() + text[done:]
}

// castTo is an array of what stands in the brackets, each cast to a type; those
// of an array of arrays are in turn.
func castTo(typ, list string) string {
	elements := splitElements(list)
	for i, e := range elements {
		if inner, ok := strings.CutPrefix(e, "ARRAY["); ok {
			elements[i] = castTo(typ, strings.TrimSuffix(inner, "]"))
		} else {
			elements[i] = "(" + castElements(e) + ")::" + typ
		}
	}
	return "ARRAY[" + strings.Join(elements, ", ") + "]"
}

// namedByType is a constant in a select list that is named as its type. A
// constant of a UNION that had no name is shown without one, and when that text
// is read the cast in it gives it the type's.
var namedByType = regexp.MustCompile(`((?:'(?:[^']|'')*'|NULL)::([a-z_][a-z0-9_]*(?: [a-z ]+?)?)(?:\([0-9, ]+\))?) AS ("?[a-z_0-9]+"?)`)

// typeNames are how the parser calls the types that format_type writes in more
// words.
var typeNames = map[string]string{
	"integer": "int4", "bigint": "int8", "smallint": "int2", "boolean": "bool", "real": "float4", "double precision": "float8",
	"character varying": "varchar", "character": "bpchar", "timestamp without time zone": "timestamp", "timestamp with time zone": "timestamptz",
	"time without time zone": "time", "time with time zone": "timetz", "bit varying": "varbit",
}

// normalQuery is normalExpression for a whole query.
func normalQuery(text string) string {
	text = normalExpression(text)
	if !strings.Contains(text, "UNION") && !strings.Contains(text, "EXCEPT") && !strings.Contains(text, "INTERSECT") {
		return text
	}
	return withoutTypeNames(text)
}

func withoutTypeNames(text string) string {
	return namedByType.ReplaceAllStringFunc(text, func(found string) string {
		m := namedByType.FindStringSubmatch(found)
		name, known := typeNames[m[2]]
		if !known {
			name = m[2]
		}
		if strings.Trim(m[3], `"`) != name {
			return found
		}
		return m[1]
	})
}

// splitElements cuts 'a'::text, f(b, c) at the commas outside of quotes,
// parentheses and brackets.
func splitElements(text string) []string {
	var elements []string
	start := 0
	eachBare(text, func(i, depth int) bool {
		if text[i] == ',' && depth == 0 {
			elements = append(elements, strings.TrimSpace(text[start:i]))
			start = i + 1
		}
		return true
	})
	return append(elements, strings.TrimSpace(text[start:]))
}

// closing is where the bracket closes that was opened before the text, or the
// text's end.
func closing(text string) int {
	end := len(text)
	eachBare(text, func(i, depth int) bool {
		if depth < 0 {
			end = i
		}
		return depth >= 0
	})
	return end
}

// eachBare calls yield with every place outside of quotes and how deep in
// parentheses and brackets that is, until it answers false.
func eachBare(text string, yield func(i, depth int) bool) {
	depth := 0
	for i := 0; i < len(text); i++ {
		switch c := text[i]; c {
		case '\'', '"':
			if end := strings.IndexByte(text[i+1:], c); end >= 0 { // a doubled one begins the next
				i += end + 1
			}
			continue
		case '(', '[':
			depth++
		case ')', ']':
			depth--
		}
		if !yield(i, depth) {
			return
		}
	}
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

// A paren is an open parenthesis while flattened reads.
type paren struct {
	at         int
	connective string // AND or OR, of what stands in it directly
	between    bool   // of a window's frame, whose AND is another
	// first is the group that it begins with, if that is one of the same
	// connective: its parentheses.
	first           [2]int
	firstConnective string
}

// flattened takes the parentheses of the first group out of
// ((a AND b) AND c), which is how the parser builds a BETWEEN that is followed
// by AND. Read once more it is one list of three.
func flattened(text string) string {
	if !strings.Contains(text, "((") || !strings.Contains(text, ") AND ") && !strings.Contains(text, ") OR ") {
		return text
	}
	var open []paren
	var out []int // positions of parentheses to leave out
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\'' || c == '"':
			if end := strings.IndexByte(text[i+1:], c); end >= 0 { // a doubled one begins the next
				i += end + 1
			}
		case c == '(':
			open = append(open, paren{at: i})
		case c == ')' && len(open) > 0:
			p := open[len(open)-1]
			open = open[:len(open)-1]
			if p.firstConnective != "" && p.firstConnective == p.connective {
				out = append(out, p.first[0], p.first[1])
			}
			if len(open) > 0 && open[len(open)-1].at == p.at-1 {
				above := &open[len(open)-1]
				above.first, above.firstConnective = [2]int{p.at, i}, p.connective
			}
		case c == ' ' && len(open) > 0:
			p := &open[len(open)-1]
			switch rest := text[i:]; {
			case strings.HasPrefix(rest, " BETWEEN "):
				p.between = true
			case strings.HasPrefix(rest, " AND ") && p.between:
				p.between = false
			case strings.HasPrefix(rest, " AND "):
				p.connective = "AND"
			case strings.HasPrefix(rest, " OR "):
				p.connective = "OR"
			}
		}
	}
	if len(out) == 0 {
		return text
	}
	slices.Sort(out)
	var b strings.Builder
	last := 0
	for _, at := range out {
		b.WriteString(text[last:at])
		last = at + 1
	}
	return b.String() + text[last:]
}
