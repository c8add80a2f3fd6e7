package sqltext

import (
	"strings"
	"unicode/utf8"
)

// A Position is a place in a text. Both numbers start at 1; Column counts
// characters, as PostgreSQL does.
type Position struct{ Line, Column int }

// PositionAt is the place of a byte offset. A line ends with LF or CRLF.
func PositionAt(src string, offset int) Position {
	before := src[:min(max(offset, 0), len(src))]
	start := strings.LastIndexByte(before, '\n') + 1
	return Position{
		Line:   strings.Count(before, "\n") + 1,
		Column: utf8.RuneCountInString(before[start:]) + 1,
	}
}

// OffsetOfCharacter is the byte offset of the n-th character, counted from 1
// as in the position of a server's error; the end of src where it has fewer.
func OffsetOfCharacter(src string, n int) int {
	for offset := range src {
		if n--; n <= 0 {
			return offset
		}
	}
	return len(src)
}

// An Error is text that can't be split, or should not be sent.
type Error struct {
	Offset  int // in bytes
	Message string
	Hint    string // the mend
}

func (e *Error) Error() string { return e.Message }
