package sqltext

import (
	"strings"
	"unicode/utf8"
)

// A Statement is one statement of a script.
type Statement struct {
	// Text is the statement without the blanks and comments around it and
	// without its semicolon: a part of the script.
	Text string
	// Offset is where Text begins in the script, in bytes.
	Offset int
	// Kind names the statement by its key words, in upper case: "ALTER TABLE",
	// "CREATE INDEX CONCURRENTLY".
	Kind string
	// Class says how it stands to transactions.
	Class Class
	// ChangesSession tells that it may leave something in the session after a
	// COMMIT: a setting, a prepared statement, a temporary table, a lock.
	ChangesSession bool
}

// Split cuts a script into its statements; empty ones are left out. The error
// is always an [*Error].
//
// A semicolon ends a statement unless it stands in a string, a comment, a
// quoted name, parentheses (CREATE RULE … DO (a; b)), or in the body BEGIN
// ATOMIC … END of a function or procedure. What the server could not be sent
// in a message is refused: psql's commands, COPY from and to the client.
func Split(src string) ([]Statement, error) {
	if !utf8.ValidString(src) {
		return nil, invalid(src)
	}
	s := splitter{lexer: lexer{src: src}}
	for {
		t := s.next()
		if s.err != nil {
			return nil, s.err
		}
		if t.kind == end {
			break
		}
		if t.kind == symbol && src[t.start] == ';' && s.depth <= 0 && !s.atomic {
			s.close()
		} else {
			s.add(t)
		}
	}
	if s.atomic {
		s.fail(s.atomicAt, "a body BEGIN ATOMIC is not closed", "close it with END, behind the semicolon of its last statement")
	}
	if s.close(); s.err != nil {
		return nil, s.err
	}
	return s.list, nil
}

// A splitter collects the tokens of the statement at hand.
type splitter struct {
	lexer
	list     []Statement
	tokens   []token // of the statement at hand
	depth    int     // of parentheses
	routine  bool    // it creates a function or a procedure
	atomic   bool    // in a body BEGIN ATOMIC
	atomicAt int
}

func (s *splitter) add(t token) {
	switch t.kind {
	case symbol:
		switch s.src[t.start] {
		case '(':
			s.depth++
		case ')':
			s.depth--
		}
	case word:
		s.addWord(t)
	}
	s.tokens = append(s.tokens, t)
}

// addWord follows the bodies of SQL-standard functions. Only there BEGIN opens
// something, and is not the statement that starts a transaction. In PostgreSQL's
// grammar each statement of a body ends with a semicolon, so the END that
// closes it stands behind one, or directly behind ATOMIC; any other is that of
// a CASE, or a column's label.
func (s *splitter) addWord(t token) {
	switch {
	case s.atomic && s.is(t, "END"):
		last := s.tokens[len(s.tokens)-1]
		s.atomic = s.src[last.start] != ';' && !s.lastIs("ATOMIC")
	case s.routine && !s.atomic && s.is(t, "ATOMIC") && s.lastIs("BEGIN"):
		s.atomic, s.atomicAt = true, s.tokens[len(s.tokens)-1].start
	case len(s.tokens) > 0 && len(s.tokens) < 4 && (s.is(t, "FUNCTION") || s.is(t, "PROCEDURE")):
		s.routine = s.is(s.tokens[0], "CREATE")
	}
}

func (s *splitter) lastIs(w string) bool {
	return len(s.tokens) > 0 && s.is(s.tokens[len(s.tokens)-1], w)
}

// is tells that t is the word w, which is in upper case.
func (s *splitter) is(t token, w string) bool {
	return t.kind == word && len(w) == t.end-t.start && strings.EqualFold(s.src[t.start:t.end], w)
}

// close ends the statement at hand.
func (s *splitter) close() {
	if len(s.tokens) > 0 && s.err == nil {
		start, stop := s.tokens[0].start, s.tokens[len(s.tokens)-1].end
		c := classifier{src: s.src, tokens: s.tokens}
		if at, refused := c.clientCopy(); refused {
			s.fail(at, "COPY from or to the client", "write the rows as INSERT, or COPY from a file on the server")
			return
		}
		statement := Statement{Text: s.src[start:stop], Offset: start, ChangesSession: c.changesSession()}
		statement.Kind, statement.Class = c.classify()
		s.list = append(s.list, statement)
	}
	s.tokens, s.depth, s.routine = s.tokens[:0], 0, false
}

// invalid points at the first byte that is not UTF-8.
func invalid(src string) error {
	for i, r := range src {
		if r == utf8.RuneError {
			if _, size := utf8.DecodeRuneInString(src[i:]); size == 1 {
				return &Error{Offset: i, Message: "the text is not UTF-8", Hint: "save the file as UTF-8"}
			}
		}
	}
	return nil
}
