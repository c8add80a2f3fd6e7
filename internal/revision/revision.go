package revision

import (
	"io/fs"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// MaxIDLength is the longest revision id, in characters, that the version
// table can be widened to hold.
const MaxIDLength = 255

// A Revision is one migration: what its file's header says, and where the file
// is. The sections are read by [Revision.Script] when they are needed.
type Revision struct {
	// ID is the revision id.
	ID string
	// Message is the header's free text; its first paragraph is the summary.
	Message string
	// DownRevisions are the parents in the order of the file. None makes the
	// revision a base, two or more make it a merge point.
	DownRevisions []string
	// DependsOn are the dependencies as written: ids or branch labels.
	DependsOn []string
	// BranchLabels are the labels that this file declares.
	BranchLabels []string
	// Replaces are the ids of those that this one was squashed from, its own left
	// out.
	Replaces []string
	// Created is the zero time where the header doesn't say.
	Created time.Time
	// Path names the file in messages. It is empty for a revision that has
	// no file.
	Path string

	folder fs.FS  // where the file is read from; nil without a file
	name   string // its name in folder
	text   string // in place of a file, see [Kept]
	code   *Script
}

// Summary is the first paragraph of the message on one line, or "empty
// message" as Alembic has it.
func (r *Revision) Summary() string {
	first, _, _ := strings.Cut(r.Message, "\n\n")
	if first = strings.Join(strings.Fields(first), " "); first == "" {
		return "empty message"
	}
	return first
}

// forbiddenInID are the characters that mean something in a specifier.
const forbiddenInID = "@-+:"

// reservedIDs are the words that a specifier gives a meaning of its own.
var reservedIDs = []string{"head", "heads", "base", "current"}

// CheckID says why id can't be the id of a revision, with Alembic's wording
// where the reason is Alembic's, or nil.
func CheckID(id string) error {
	var bad []string
	for _, c := range forbiddenInID {
		if strings.ContainsRune(id, c) {
			bad = append(bad, "'"+string(c)+"'")
		}
	}
	slices.Sort(bad)
	switch {
	case len(bad) > 0:
		return requestErrorf("Character(s) %s not allowed in revision identifier '%s'", strings.Join(bad, ", "), id).
			hint("use letters, digits and underscores")
	case strings.TrimSpace(id) == "":
		return requestErrorf("the revision identifier is empty")
	case strings.ContainsAny(id, ", \t\r\n"):
		return requestErrorf("revision identifier '%s' holds a comma or a blank", id).
			hint("use letters, digits and underscores")
	case slices.Contains(reservedIDs, id):
		return requestErrorf("'%s' can't be a revision identifier: it is a word of the command line", id)
	case utf8.RuneCountInString(id) > MaxIDLength:
		return requestErrorf("revision identifier '%s' is %d characters long; the version table holds %d at most",
			id, utf8.RuneCountInString(id), MaxIDLength)
	}
	return nil
}
