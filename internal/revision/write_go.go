package revision

import (
	"go/token"
	"strconv"
	"strings"
	"unicode"
)

// RenderGo writes d as a function of the Go package pkg, whose name it answers too,
// in gofmt's form. The sections are the author's to write.
func (d *Draft) RenderGo(pkg string) (text, function string) {
	function = goName(d)
	var b strings.Builder
	b.WriteString("package " + pkg + "\n\nimport (\n\t\"context\"\n\t\"time\"\n\n\t\"github.com/jackc/pgx/v5\"\n\n\t\"github.com/aludel-db/aludel\"\n)\n\n")
	b.WriteString("// " + function + " is revision " + d.ID + ".\n//\n")
	for line := range strings.SplitSeq(commentText(d.Message), "\n") {
		b.WriteString(strings.TrimRight("// "+line, " \t") + "\n")
	}
	b.WriteString("func " + function + "() aludel.GoRevision {\n\treturn aludel.GoRevision{\n")
	fields := [][2]string{{"ID", strconv.Quote(d.ID)}, {"Message", strconv.Quote(d.Message)}}
	for _, list := range []struct {
		name  string
		items []string
	}{{"DownRevisions", d.DownRevisions}, {"DependsOn", d.DependsOn}, {"BranchLabels", d.BranchLabels}} {
		if len(list.items) > 0 {
			fields = append(fields, [2]string{list.name, goStrings(list.items)})
		}
	}
	fields = append(fields, [2]string{"Created", "time.Date(" + d.Created.UTC().Format("2006, 1, 2, 15, 4, 5") + ", 0, time.UTC)"})
	longest := 0
	for _, f := range fields {
		longest = max(longest, len(f[0]))
	}
	for _, f := range fields {
		b.WriteString("\t\t" + f[0] + ":" + strings.Repeat(" ", longest-len(f[0])+1) + f[1] + ",\n")
	}
	for _, section := range []string{"Up", "Down"} {
		b.WriteString("\t\t" + section + ": func(ctx context.Context, tx pgx.Tx) error {\n\t\t\treturn nil\n\t\t},\n")
	}
	b.WriteString("\t}\n}\n")
	return b.String(), function
}

func goStrings(items []string) string {
	quoted := make([]string, len(items))
	for i, item := range items {
		quoted[i] = strconv.Quote(item)
	}
	return "[]string{" + strings.Join(quoted, ", ") + "}"
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
