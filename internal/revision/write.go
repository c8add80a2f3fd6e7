package revision

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"text/template"
	"time"
	"unicode"
	"unicode/utf8"
)

// Defaults of [Naming] and of the template of new files.
const (
	DefaultFileTemplate = `{{.Created.Format "20060102150405"}}_{{.ID}}{{with .Slug}}_{{.}}{{end}}`
	DefaultSlugLength   = 40
	DefaultTemplate     = `-- {{comment .Message}}
--
-- revision: {{.ID}}
-- down_revision:{{with .DownRevisions}} {{list .}}{{end}}
{{- with .DependsOn}}
-- depends_on: {{list .}}
{{- end}}
{{- with .BranchLabels}}
-- branch_labels: {{list .}}
{{- end}}
{{- with .Replaces}}
-- replaces: {{list .}}
{{- end}}
-- created: {{.Created.Format "2006-01-02T15:04:05Z07:00"}}

-- migrate:up{{with .UpOptions}} {{.}}{{end}}
{{.Up}}
-- migrate:down{{with .DownOptions}} {{.}}{{end}}
{{.Down}}`
)

// A Draft is a revision that has no file yet.
type Draft struct {
	ID            string
	Message       string
	DownRevisions []string
	DependsOn     []string
	BranchLabels  []string
	Replaces      []string
	Created       time.Time
	Up, Down      string // the sections' SQL
	// UpOptions and DownOptions stand behind the markers: transaction:false.
	UpOptions, DownOptions string
	// X are values for the template from whoever asked for the file.
	X map[string]string
}

// Naming says how the files of new revisions are called.
type Naming struct {
	// FileTemplate is a text/template over a [Draft] and its .Slug, without
	// the ending; empty means [DefaultFileTemplate]. It may hold slashes.
	FileTemplate string
	// SlugLength is the most characters of the message that a name holds; 0
	// means [DefaultSlugLength].
	SlugLength int
}

// FileName is the name of d's file, slashes and ending included.
func (n Naming) FileName(d *Draft) (string, error) {
	text := n.FileTemplate
	if text == "" {
		text = DefaultFileTemplate
	}
	limit := n.SlugLength
	if limit == 0 {
		limit = DefaultSlugLength
	}
	name, err := execute("file_template", text, struct {
		*Draft
		Slug string
	}{d, Slug(d.Message, limit)})
	if err != nil {
		return "", err
	}
	if strings.TrimSpace(name) == "" || strings.ContainsAny(name, "\x00\n\r") {
		return "", fmt.Errorf("file_template gives %q, which is no file name", name)
	}
	return name + ".sql", nil
}

// Render writes d with the template text; empty means [DefaultTemplate]. What
// it answers has been read back and says the same as d.
func (d *Draft) Render(path, text string) (string, error) {
	if text == "" {
		text = DefaultTemplate
	}
	src, err := execute("script.sql.tmpl", text, d)
	if err != nil {
		return "", err
	}
	return src, d.checkReadsBack(path, src)
}

// checkReadsBack makes sure that nothing is lost between what was asked for
// and what the file will say: a template that leaves a key out, a message
// with a line that reads like a key.
func (d *Draft) checkReadsBack(path, src string) error {
	head, err := parseHeader(path, src, true)
	if err != nil {
		return fmt.Errorf("the new file would not read back: %w", err)
	}
	got := head.revision
	for _, c := range []struct {
		key       string
		want, got []string
	}{
		{"revision", []string{d.ID}, []string{got.ID}},
		{"down_revision", d.DownRevisions, got.DownRevisions},
		{"depends_on", d.DependsOn, got.DependsOn},
		{"branch_labels", d.BranchLabels, got.BranchLabels},
		{"replaces", d.Replaces, got.Replaces},
	} {
		if !slices.Equal(c.want, c.got) {
			return fmt.Errorf("the new file would say %q for %s instead of %q; look at the message and at the template",
				strings.Join(c.got, ", "), c.key, strings.Join(c.want, ", "))
		}
	}
	script, err := ParseScript(path, src)
	if err != nil {
		return fmt.Errorf("the new file would not read back: %w", err)
	}
	if script.Up.lacks(d.UpOptions) || script.Down.lacks(d.DownOptions) {
		return fmt.Errorf("the template has to write {{.UpOptions}} behind \"-- migrate:up\" and {{.DownOptions}} behind \"-- migrate:down\": %s %s",
			d.UpOptions, d.DownOptions)
	}
	return nil
}

func execute(name, text string, data any) (string, error) {
	t, err := template.New(name).Option("missingkey=error").Funcs(template.FuncMap{
		"comment": commentLines,
		"list":    func(items []string) string { return strings.Join(items, ", ") },
	}).Parse(text)
	if err != nil {
		return "", fmt.Errorf("parsing the template: %w", err)
	}
	var b strings.Builder
	if err := t.Execute(&b, data); err != nil {
		return "", fmt.Errorf("filling in the template: %w", err)
	}
	return b.String(), nil
}

// commentLines continues a comment over the lines of a text.
func commentLines(text string) string {
	if text = strings.TrimSpace(text); text == "" {
		return "empty message"
	}
	lines := strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight("-- "+lines[i], " \t")
	}
	return strings.TrimPrefix(strings.Join(lines, "\n"), "-- ")
}

// NewID is 12 random hex digits.
func NewID() string {
	var b [6]byte
	_, _ = rand.Read(b[:]) // never fails, by its contract
	return hex.EncodeToString(b[:])
}

// Slug is the message in lower case, letters, digits and underscores only, cut
// to limit characters and then back to a whole word.
func Slug(message string, limit int) string {
	words := strings.FieldsFunc(message, func(r rune) bool {
		return r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r)
	})
	slug := strings.ToLower(strings.Join(words, "_"))
	if utf8.RuneCountInString(slug) <= limit {
		return slug
	}
	slug = string([]rune(slug)[:limit])
	if at := strings.LastIndex(slug, "_"); at > 0 {
		slug = slug[:at]
	}
	return slug + "_"
}

// After is the time for a new revision's file name and header: now, in whole
// seconds, or the second after the newest of its parents, so that files sort
// in an order in which they can be run.
func After(now time.Time, parents []*Revision) time.Time {
	at := now.Truncate(time.Second)
	for _, p := range parents {
		if !p.Created.Before(at) {
			at = p.Created.Add(time.Second).In(now.Location())
		}
	}
	return at
}

// CheckNew refuses an id or labels that the graph, or a specifier's grammar,
// has taken.
func (g *Graph) CheckNew(id string, labels []string) error {
	if err := CheckID(id); err != nil {
		return err
	}
	if place, taken := g.lookup(id); taken {
		return g.taken("revision id", id, place)
	}
	for i, label := range labels {
		if slices.Contains(reservedIDs, label) || strings.ContainsAny(label, "@:, \t\r\n") || label == "" {
			return requestErrorf("'%s' can't be a branch label", label).hint("use letters, digits, underscores, dashes and dots")
		}
		if place, taken := g.lookup(label); taken {
			return g.taken("branch label", label, place)
		}
		if label == id || slices.Contains(labels[:i], label) {
			return requestErrorf("branch label '%s' is given twice", label)
		}
	}
	return nil
}

func (g *Graph) taken(what, name string, place int32) error {
	r := g.revisions[place]
	where := r.Path
	if where == "" {
		where = "revision " + r.ID
	}
	return requestErrorf("The %s '%s' is taken by %s", what, name, where).hint("nothing was written; choose another")
}

// Parents resolves what a new revision is to stand on. Without splice each
// must be a head.
func (g *Graph) Parents(specifiers []string, splice bool) ([]*Revision, error) {
	var parents []int32
	for _, text := range specifiers {
		places, err := g.resolve(parseAbsolute(text))
		if err != nil {
			if heads, ok := err.(*MultipleHeadsError); ok { //nolint:errorlint // made just now by resolve
				heads.message = "Multiple heads are present; please specify the head revision on which the new " +
					"revision should be based, or perform a merge."
			}
			return nil, err
		}
		for _, p := range places {
			if slices.Contains(parents, p) {
				return nil, requestErrorf("Duplicate head revisions specified")
			}
			parents = append(parents, p)
		}
	}
	for _, p := range parents {
		if len(g.nodes[p].next) > 0 && !splice {
			return nil, requestErrorf("Revision %s is not a head revision; please specify --splice to create a new "+
				"branch from this revision", g.revisions[p].ID)
		}
	}
	return g.at(parents), nil
}

// Dependencies resolves what --depends-on names: ids in full, and labels as
// they are where the file carries them.
func (g *Graph) Dependencies(specifiers []string) ([]string, error) {
	var names []string
	for _, text := range specifiers {
		places, err := g.resolve(parseAbsolute(text))
		if err != nil {
			return nil, err
		}
		if len(places) == 0 {
			return nil, requestErrorf("a revision can't depend on '%s'", text).hint("name a revision or a branch label")
		}
		for _, p := range places {
			name := g.revisions[p].ID
			if slices.Contains(g.revisions[p].BranchLabels, text) {
				name = text
			}
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names, nil
}

// lacks tells that a section was read without options that were to be there.
func (s *Section) lacks(options string) bool {
	_, with, _ := strings.Cut(options, "with:")
	return strings.Contains(options, "transaction:false") && !s.NoTransaction || s.With != with
}
