package revision

import (
	"fmt"
	"go/format"
	"go/token"
	"strconv"
	"strings"
	"text/template"
	"unicode"
)

// goTemplate is a new revision that is written in Go.
const goTemplate = `package {{.Package}}

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/aludel-db/aludel"
)

{{comment .}}
func {{.Function}}() aludel.GoRevision {
	return aludel.GoRevision{
		ID: {{quote .ID}},
		Message: {{quote .Message}},
{{- with .DownRevisions}}
		DownRevisions: []string{ {{- list . -}} },
{{- end}}
{{- with .DependsOn}}
		DependsOn: []string{ {{- list . -}} },
{{- end}}
{{- with .BranchLabels}}
		BranchLabels: []string{ {{- list . -}} },
{{- end}}
		Created: time.Date({{.Created.UTC.Format "2006, 1, 2, 15, 4, 5"}}, 0, time.UTC),
		Up: func(ctx context.Context, tx pgx.Tx) error {
			return nil
		},
		Down: func(ctx context.Context, tx pgx.Tx) error {
			return nil
		},
	}
}
`

// RenderGo writes d as a function of the Go package pkg, whose name it answers too.
// The sections are the author's to write.
func (d *Draft) RenderGo(pkg string) (text, function string, err error) {
	function = goName(d)
	t, err := template.New("go").Funcs(template.FuncMap{
		"quote": strconv.Quote,
		"list": func(items []string) string {
			quoted := make([]string, len(items))
			for i, item := range items {
				quoted[i] = strconv.Quote(item)
			}
			return strings.Join(quoted, ", ")
		},
		"comment": func(any) string {
			return "// " + function + " is revision " + d.ID + ".\n//\n// " + strings.Join(strings.Split(commentText(d.Message), "\n"), "\n// ")
		},
	}).Parse(goTemplate)
	if err != nil {
		return "", "", fmt.Errorf("parsing the template: %w", err)
	}
	var b strings.Builder
	err = t.Execute(&b, struct {
		*Draft
		Package, Function string
	}{d, pkg, function})
	if err != nil {
		return "", "", fmt.Errorf("filling in the template: %w", err)
	}
	src, err := format.Source([]byte(b.String()))
	if err != nil {
		return "", "", fmt.Errorf("the new file would not be Go: %w", err)
	}
	return string(src), function, nil
}

func commentText(message string) string {
	if message = strings.TrimSpace(strings.ReplaceAll(message, "\r\n", "\n")); message == "" {
		return "empty message"
	}
	return message
}

// goName is an exported name from the message: AddUsers; RevisionID where it holds
// no word.
func goName(d *Draft) string {
	var b strings.Builder
	for _, word := range strings.FieldsFunc(Slug(d.Message, DefaultSlugLength), func(r rune) bool { return r == '_' }) {
		runes := []rune(word)
		b.WriteString(string(unicode.ToUpper(runes[0])) + string(runes[1:]))
	}
	name := b.String()
	if !token.IsIdentifier(name) || !token.IsExported(name) {
		name = "Revision" + strings.Map(func(r rune) rune {
			if r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) {
				return r
			}
			return '_'
		}, d.ID)
	}
	return name
}

// GoFileName is the name of d's file of Go, slashes and ending included.
func (n Naming) GoFileName(d *Draft) (string, error) {
	name, err := n.FileName(d)
	return strings.TrimSuffix(name, ".sql") + ".go", err
}
