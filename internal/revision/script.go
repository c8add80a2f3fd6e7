package revision

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/aludel-db/aludel/internal/sqltext"
	"github.com/aludel-db/aludel/internal/suggest"
)

// A Script is the whole of a revision file, read and checked.
type Script struct {
	Up   Section
	Down Section

	// Kept is the file with empty lines for the up section's: what is needed to
	// undo the revision when the file is gone. Empty without a way back.
	Kept string
}

// A Section is what stands under one marker of a file.
type Section struct {
	// Present tells an absent section from an empty one: an absent down
	// section can't be undone, an empty one is a deliberate no-op.
	Present bool
	// InGo tells that it is written in Go: it has no SQL.
	InGo bool
	// SQL is the text under the marker, line ends as in the file.
	SQL string
	// Statements are SQL's; their offsets count from the start of SQL.
	Statements []sqltext.Statement
	// NoTransaction is the option transaction:false.
	NoTransaction bool
	// LockTimeout, StatementTimeout and TransactionTimeout are options; nil where
	// not given, and 0 switches the timeout off.
	LockTimeout, StatementTimeout, TransactionTimeout *time.Duration
	// Role is the one that it runs as; empty where not given.
	Role string
	// Irreversible says why there is no way back; down only.
	Irreversible string
	// With is the id of an earlier revision together with which this one is undone:
	// a change that took several, and goes back in one; down only.
	With string
	// Batches are the statements that run over a table bit by bit, by their
	// place in Statements; nil where there are none.
	Batches map[int]*Batch

	marked []*Batch // in the order of the file

	name string // up or down
	path string
	line int // of SQL's first line in the file
}

// Position is the place in the file of a byte offset within SQL.
func (s *Section) Position(offset int) (path string, line, column int) {
	at := sqltext.PositionAt(s.SQL, offset)
	return s.path, s.line + at.Line - 1, at.Column
}

// Fills tells that all statements run in batches: they fill what is new, and that
// goes when it goes.
func (s *Section) Fills() bool {
	return len(s.Statements) > 0 && len(s.Batches) == len(s.Statements)
}

// Checksum is the SHA-256 of SQL in hex, whatever the line ends are: a
// checkout on another system must not look like an edit. What is written in Go has
// none.
func (s *Section) Checksum() string {
	if s.InGo {
		return ""
	}
	sum := sha256.Sum256([]byte(strings.ReplaceAll(s.SQL, "\r\n", "\n")))
	return hex.EncodeToString(sum[:])
}

// Script reads the revision's file again, whole, and checks what will run:
// every statement is split and classified before the first one is sent.
func (r *Revision) Script() (*Script, error) {
	if r.code != nil {
		return r.code, nil
	}
	if r.text != "" {
		return ParseScript(r.Path, r.text)
	}
	if r.folder == nil {
		return &Script{Up: Section{Present: true}, Down: Section{Present: true}}, nil
	}
	data, err := fs.ReadFile(r.folder, r.name)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", r.Path, underlying(err))
	}
	if !utf8.Valid(data) {
		return nil, invalidUTF8(r.Path, data)
	}
	return ParseScript(r.Path, string(data))
}

// ParseScript reads the sections of a file. path names it in errors.
func ParseScript(path, src string) (*Script, error) {
	p := scriptParser{path: path, src: src}
	for line := range strings.Lines(src) {
		p.line++
		p.feed(line)
		p.offset += len(line)
		if p.err != nil {
			return nil, p.err
		}
	}
	p.close()
	if p.err == nil && !p.script.Up.Present {
		p.fail(1, 1, "the file has no \"-- migrate:up\" line", "put one above the statements that upgrade")
	}
	for _, s := range []*Section{&p.script.Up, &p.script.Down} {
		if p.err == nil {
			p.err = s.check()
		}
	}
	if p.err == nil && p.script.Down.Present && p.script.Down.Irreversible == "" {
		up := p.script.Up.SQL
		p.script.Kept = src[:p.up] + strings.Repeat("\n", strings.Count(up, "\n")) + src[p.up+len(up):]
	}
	return &p.script, p.err
}

// Kept is a revision whose file is gone, from a [Script.Kept] of it. path names it
// in messages.
func Kept(path, text string) (*Revision, error) {
	r := &Revision{Path: path}
	if _, err := r.fromHeader([]byte(text), true); err != nil {
		return nil, err
	}
	r.text = text
	return r, nil
}

type scriptParser struct {
	up     int // offset of the up section's statements
	path   string
	src    string
	script Script
	open   *Section // the section that lines belong to
	start  int      // offset of open's SQL
	line   int
	offset int // of the current line
	err    error
}

func (p *scriptParser) feed(line string) {
	text := strings.TrimRight(line, " \t\r\n")
	comment, isComment := strings.CutPrefix(text, "--")
	name, isMarker := strings.CutPrefix(strings.TrimLeft(comment, " \t"), markerPrefix)
	if !isComment || !isMarker {
		if p.open == nil && !isComment && strings.Trim(text, "\ufeff \t") != "" {
			p.fail(p.line, 1, "a statement stands above the first marker", "put \"-- migrate:up\" above it")
		}
		return
	}
	name, options, _ := strings.Cut(name, " ")
	options = strings.TrimLeft(options, " \t")
	base := len(text) - len(options)
	column := utf8.RuneCountInString(text[:strings.Index(text, markerPrefix)]) + 1
	if name == batchMarker {
		p.batch(text, base, column)
		return
	}
	p.close()
	section := p.section(name, column)
	if section == nil {
		return
	}
	*section = Section{Present: true, name: name, path: p.path, line: p.line + 1}
	p.open, p.start = section, p.offset+len(line)
	p.options(section, name, text, base)
}

// section finds where the lines under a marker go.
func (p *scriptParser) section(name string, column int) *Section {
	var s *Section
	switch name {
	case "up":
		s = &p.script.Up
	case "down":
		s = &p.script.Down
	default:
		hint := "the markers are \"-- migrate:up\" and \"-- migrate:down\", and above a statement \"-- migrate:batch\""
		if near := suggest.Closest(name, []string{"up", "down", batchMarker}); near != "" {
			hint = "did you mean \"-- migrate:" + near + "\"?"
		}
		p.fail(p.line, column, "unknown marker \"migrate:"+name+"\"", hint)
		return nil
	}
	if s.Present {
		p.fail(p.line, column, "\"-- migrate:"+name+"\" stands twice, first on line "+strconv.Itoa(s.line-1),
			"put all its statements under one marker")
		return nil
	}
	if name == "up" && p.script.Down.Present {
		p.fail(p.line, column, "\"-- migrate:up\" stands below \"-- migrate:down\"", "put it above")
		return nil
	}
	return s
}

// options reads `name:value` items of a marker line from byte offset on.
func (p *scriptParser) options(s *Section, marker, text string, offset int) {
	p.items(text, offset, ":", func(name, value string) (message, hint string) {
		return s.setOption(marker, name, unquote(value))
	})
}

// items reads the items of a marker line, name and value with a separator
// between them. set answers what is wrong with one.
func (p *scriptParser) items(text string, offset int, separator string, set func(name, value string) (message, hint string)) {
	for offset < len(text) && p.err == nil {
		if text[offset] == ' ' || text[offset] == '\t' {
			offset++
			continue
		}
		end := optionEnd(text, offset)
		item := text[offset:end]
		name, value, ok := strings.Cut(item, separator)
		message, hint := "", ""
		if !ok {
			message, hint = "\""+item+"\" is not an option", "write options as name"+separator+"value"
		} else {
			message, hint = set(name, value)
		}
		if message != "" {
			p.fail(p.line, utf8.RuneCountInString(text[:offset])+1, message, hint)
		}
		offset = end
	}
}

// optionEnd finds the end of an option, which blanks don't end inside quotes.
func optionEnd(text string, from int) int {
	quoted := false
	for i := from; i < len(text); i++ {
		switch {
		case text[i] == '"':
			quoted = !quoted
		case !quoted && (text[i] == ' ' || text[i] == '\t'):
			return i
		}
	}
	return len(text)
}

func unquote(s string) string {
	if len(s) >= 2 && s[0] == '"' && s[len(s)-1] == '"' {
		return s[1 : len(s)-1]
	}
	return s
}

var optionNames = []string{"transaction", "lock_timeout", "statement_timeout", "transaction_timeout", "role", "irreversible", "with"}

// setOption applies one option and answers what is wrong with it.
func (s *Section) setOption(marker, name, value string) (message, hint string) {
	switch name {
	case "transaction":
		if value != "true" && value != "false" {
			return "transaction is \"" + value + "\"", "write transaction:false or transaction:true"
		}
		s.NoTransaction = value == "false"
	case "role":
		if s.Role = value; value == "" {
			return "role names none", "write role:NAME"
		}
	case "lock_timeout", "statement_timeout", "transaction_timeout":
		d, err := time.ParseDuration(value)
		if err != nil || d < 0 {
			return name + " is \"" + value + "\", which is not a duration", "write it as 500ms, 5s or 10m; 0 switches it off"
		}
		*map[string]**time.Duration{
			"lock_timeout": &s.LockTimeout, "statement_timeout": &s.StatementTimeout, "transaction_timeout": &s.TransactionTimeout,
		}[name] = &d
	case "with":
		if marker != "down" {
			return "with stands on migrate:" + marker, "move it to the \"-- migrate:down\" line"
		}
		if s.With = value; value == "" {
			return "with names no revision", "write with:ID of the first revision of the change"
		}
	case "irreversible":
		if marker != "down" {
			return "irreversible stands on migrate:" + marker, "move it to the \"-- migrate:down\" line"
		}
		if s.Irreversible = value; value == "" {
			return "irreversible gives no reason", "write irreversible:\"why there is no way back\""
		}
	default:
		hint = "the options are " + strings.Join(optionNames, ", ")
		if near := suggest.Closest(name, optionNames); near != "" {
			hint = "did you mean \"" + near + "\"?"
		}
		return "unknown option \"" + name + "\"", hint
	}
	return "", ""
}

// close ends the open section at the current line.
func (p *scriptParser) close() {
	if p.open != nil {
		p.open.SQL = p.src[p.start:p.offset]
		if p.open == &p.script.Up {
			p.up = p.start
		}
		p.open = nil
	}
}

func (p *scriptParser) fail(line, column int, message, hint string) {
	if p.err == nil {
		p.err = &FileError{Path: p.path, Line: line, Column: column, Message: message, Hint: hint}
	}
}

// check splits the section and refuses what can't run the way it is asked to.
func (s *Section) check() error {
	var err error
	if s.Statements, err = sqltext.Split(s.SQL); err != nil {
		if bad, ok := err.(*sqltext.Error); ok { //nolint:errorlint // Split's own type, documented
			return s.errorAt(bad.Offset, bad.Message, bad.Hint)
		}
		return err
	}
	if s.Irreversible != "" && len(s.Statements) > 0 {
		return s.errorAt(s.Statements[0].Offset, "an irreversible section holds statements",
			"take out the statements, or the option irreversible")
	}
	for _, statement := range s.Statements {
		switch {
		case statement.Class == sqltext.TransactionControl && s.NoTransaction:
			return s.errorAt(statement.Offset, statement.Kind+" in a section with transaction:false",
				"take it out: each statement runs and is recorded on its own")
		case statement.Class == sqltext.TransactionControl:
			return s.errorAt(statement.Offset, statement.Kind+" inside a transactional section",
				"take it out: the section runs in one transaction, together with its version rows")
		case statement.Class == sqltext.NonTransactional && !s.NoTransaction:
			return s.errorAt(statement.Offset, statement.Kind+" can't run inside a transaction",
				"write \"-- migrate:"+s.name+" transaction:false\", best in a revision of its own")
		}
	}
	return s.checkBatches()
}

func (s *Section) errorAt(offset int, message, hint string) error {
	path, line, column := s.Position(offset)
	return &FileError{Path: path, Line: line, Column: column, Message: message, Hint: hint}
}

// invalidUTF8 points at the first byte that is not UTF-8.
func invalidUTF8(path string, data []byte) error {
	offset := 0
	for offset < len(data) {
		r, size := utf8.DecodeRune(data[offset:])
		if r == utf8.RuneError && size == 1 {
			break
		}
		offset += size
	}
	at := sqltext.PositionAt(string(data[:offset]), offset)
	return &FileError{
		Path: path, Line: at.Line, Column: at.Column,
		Message: "the file is not UTF-8", Hint: "save it as UTF-8",
	}
}
