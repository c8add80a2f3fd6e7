package revision

import (
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/aludel-db/aludel/internal/suggest"
)

// headerKeys are the keys of a header, in the order that the writer uses.
var headerKeys = []string{"revision", "down_revision", "depends_on", "branch_labels", "replaces", "created"}

// markerPrefix starts a section, and so ends the header.
const markerPrefix = "migrate:"

// A header is the comment block at the top of a file.
type header struct {
	revision Revision
	values   headerValues
	complete bool // the block's end was seen
}

// headerValues are the lines of the known keys, in the order of headerKeys. No
// map: it would be the largest part of what reading a file allocates.
type headerValues [6]headerValue

func (v *headerValues) get(key string) (value headerValue, ok bool) {
	value = v[slices.Index(headerKeys, key)]
	return value, value.line > 0
}

// A headerValue is one `key: value` line.
type headerValue struct {
	text         string
	line, column int // of the value
}

// parseHeader reads the comment block at the top of src. Unless src is the
// whole file, an answer that is not complete says that more of it is needed.
func parseHeader(path, src string, whole bool) (header, error) {
	p := headerParser{path: path}
	src = strings.TrimPrefix(src, "\ufeff")
	complete := false
	for line := range strings.Lines(src) {
		p.line++
		if !whole && !strings.HasSuffix(line, "\n") {
			break // may be cut in the middle
		}
		if !p.feed(strings.TrimRight(line, "\r\n")) {
			complete = true
			break
		}
	}
	if p.err != nil {
		return header{complete: true}, p.err
	}
	if !complete && !whole {
		return header{}, nil
	}
	rev, err := p.finish()
	return header{revision: rev, values: p.values, complete: true}, err
}

type headerParser struct {
	path      string
	line      int
	message   []string
	values    headerValues
	inKeys    bool // the first known key has been seen
	inBlock   bool // the comment block has begun
	paragraph int  // first line of message's last paragraph, an index
	lines     []int
	err       error
}

// feed takes one line and says whether the block may go on after it.
func (p *headerParser) feed(line string) bool {
	text, isComment := strings.CutPrefix(strings.TrimLeft(line, " \t"), "--")
	switch {
	case !isComment && !p.inBlock && strings.TrimSpace(line) == "":
		return true // blank lines before the block
	case !isComment, strings.HasPrefix(strings.TrimLeft(text, " \t"), markerPrefix):
		return false
	}
	p.inBlock = true
	trimmed := strings.TrimSpace(text)
	if trimmed == "" {
		if !p.inKeys {
			p.message = append(p.message, "")
			p.lines = append(p.lines, p.line)
			p.paragraph = len(p.message)
		}
		return true
	}
	key, value, shaped := cutKey(trimmed)
	known := shaped && slices.Contains(headerKeys, key)
	switch {
	case known:
		if !p.inKeys {
			p.inKeys = true
			p.checkBeforeKeys()
		}
		p.store(key, value, line)
	case p.inKeys && shaped:
		p.fail(p.line, columnOf(line, key), "unknown key \""+key+"\" in the header", keyHint(key))
	case p.inKeys:
		p.fail(p.line, columnOf(line, trimmed), "expected \"key: value\" in the header, found \""+trimmed+"\"",
			"put free text above the first key, or leave an empty line (without --) before it")
	default:
		p.message = append(p.message, strings.TrimPrefix(strings.TrimRight(text, " \t"), " "))
		p.lines = append(p.lines, p.line)
	}
	return p.err == nil
}

// checkBeforeKeys refuses what looks like a key in the paragraph that runs
// into the keys: a mistyped depends_on must not become part of the message.
// The first line is free, so that "fix: a message" may start a file.
func (p *headerParser) checkBeforeKeys() {
	for i := max(p.paragraph, 1); i < len(p.message); i++ {
		if key, _, shaped := cutKey(strings.TrimSpace(p.message[i])); shaped {
			p.fail(p.lines[i], columnOf("-- "+p.message[i], key), "unknown key \""+key+"\" in the header", keyHint(key))
		}
	}
}

func (p *headerParser) store(key, value, line string) {
	if first, twice := p.values.get(key); twice {
		p.fail(p.line, columnOf(line, key), "\""+key+"\" stands twice in the header, first on line "+strconv.Itoa(first.line),
			"write several values in one line, separated by commas")
		return
	}
	column := columnOf(line, key) + len(key) + 1
	if value != "" {
		column = utf8.RuneCountInString(line[:strings.LastIndex(line, value)]) + 1
	}
	p.values[slices.Index(headerKeys, key)] = headerValue{text: value, line: p.line, column: column}
}

func (p *headerParser) fail(line, column int, message, hint string) {
	if p.err == nil {
		p.err = &FileError{Path: p.path, Line: line, Column: column, Message: message, Hint: hint}
	}
}

// finish turns the collected lines into a revision.
func (p *headerParser) finish() (Revision, error) {
	rev := Revision{Path: p.path, Message: strings.Clone(strings.TrimSpace(strings.Join(p.message, "\n")))}
	id, ok := p.values.get("revision")
	if !ok || id.text == "" {
		return rev, p.missingRevision()
	}
	rev.ID = strings.Clone(id.text) // a substring would keep the whole chunk in memory
	rev.DownRevisions = p.list("down_revision")
	rev.DependsOn = p.list("depends_on")
	rev.BranchLabels = p.list("branch_labels")
	rev.Replaces = p.list("replaces")
	if created, _ := p.values.get("created"); created.text != "" {
		var err error
		if rev.Created, err = parseTime(created.text); err != nil {
			p.fail(created.line, created.column, "\""+created.text+"\" is not a time",
				"write it as 2026-11-23T14:06:26Z")
		}
	}
	return rev, p.err
}

// missingRevision points at a mistyped "revision" where there is one.
func (p *headerParser) missingRevision() error {
	hint := "add a line \"-- revision: ID\" to the comment block at the top of the file"
	if v, ok := p.values.get("revision"); ok {
		p.fail(v.line, v.column, "the revision id is empty", hint)
		return p.err
	}
	for i, text := range p.message {
		if key, _, shaped := cutKey(strings.TrimSpace(text)); shaped && suggest.Closest(key, headerKeys) == "revision" {
			p.fail(p.lines[i], 4, "unknown key \""+key+"\" in the header", keyHint(key))
			return p.err
		}
	}
	p.fail(1, 1, "the header has no \"revision\"", hint)
	return p.err
}

// list splits a comma-separated value, and refuses empty and repeated items.
func (p *headerParser) list(key string) []string {
	value, _ := p.values.get(key)
	if value.text == "" {
		return nil
	}
	var items []string
	column := value.column
	for part := range strings.SplitSeq(value.text, ",") {
		item := strings.TrimSpace(part)
		at := column + utf8.RuneCountInString(part[:len(part)-len(strings.TrimLeft(part, " \t"))])
		switch {
		case item == "":
			p.fail(value.line, at, "an item of "+key+" is empty", "separate the items by single commas")
		case slices.Contains(items, item) && key != "branch_labels": // which the graph refuses, in Alembic's words
			p.fail(value.line, at, "\""+item+"\" stands twice in "+key, "name it once")
		}
		items = append(items, strings.Clone(item))
		column += utf8.RuneCountInString(part) + 1
	}
	return items
}

// cutKey splits "key: value" where key is one lower-case word.
func cutKey(s string) (key, value string, ok bool) {
	key, value, ok = strings.Cut(s, ":")
	if !ok || key == "" || strings.Trim(key, "abcdefghijklmnopqrstuvwxyz_") != "" {
		return "", "", false
	}
	return key, strings.TrimSpace(value), true
}

func keyHint(key string) string {
	if near := suggest.Closest(key, headerKeys); near != "" {
		return "did you mean \"" + near + "\"?"
	}
	return "the keys are " + strings.Join(headerKeys, ", ")
}

// columnOf is the 1-based character at which part first stands in line.
func columnOf(line, part string) int {
	return utf8.RuneCountInString(line[:max(strings.Index(line, part), 0)]) + 1
}

// parseTime reads RFC 3339, and the same with a blank for the T or without
// a zone (then UTC), as people write it.
func parseTime(s string) (time.Time, error) {
	var first error
	for _, layout := range []string{time.RFC3339, "2006-01-02 15:04:05Z07:00", "2006-01-02T15:04:05", time.DateTime, time.DateOnly} {
		t, err := time.Parse(layout, s)
		if err == nil {
			return t, nil
		}
		if first == nil {
			first = err
		}
	}
	return time.Time{}, first
}
