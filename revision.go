package aludel

import (
	"context"
	"errors"
	"fmt"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/aludel-db/aludel/internal/revision"
)

// NewRevisionOptions are those of [Migrator.NewRevision].
type NewRevisionOptions struct {
	// Message is the file's free text.
	Message string
	// Heads are the specifiers of the parents; default "head". "base" starts
	// a new base.
	Heads []string
	// Splice allows parents that have children already.
	Splice bool
	// BranchLabels are labels for the new revision.
	BranchLabels []string
	// DependsOn are specifiers of dependencies.
	DependsOn []string
	// ID is the revision id; default 12 random hex digits.
	ID string
	// Path is the folder to write to, one of the Migrator's; default the only
	// one, else that of the first parent.
	Path string
	// Up and Down are the SQL of the sections.
	Up, Down string
	// Go writes a file of Go with a function that answers a [GoRevision], for the
	// program to add to its own. Up, Down and X have no place there.
	Go bool
	// Now is the time in the file; default the present.
	Now time.Time
	// X are values for the template, as {{.X.name}}; a name that isn't here is
	// an error there, unless it is asked for as {{index .X "name"}}.
	X map[string]string
}

// NewRevision writes the file of a new revision and answers it. A taken id or
// label, an unwritable folder or a template that loses something is an error,
// and then there is no file. The Migrator itself doesn't learn of the file.
func (m *Migrator) NewRevision(options NewRevisionOptions) (*Revision, error) {
	draft, parents, err := m.draft(&options)
	if err != nil {
		return nil, m.explain(context.Background(), nil, err)
	}
	if options.Go {
		return m.writeGo(draft, options.Path, parents)
	}
	return m.writeDraft(draft, options.Path, parents)
}

// writeGo writes a file of Go. Its package is that of the files beside it, or is
// called as the folder.
func (m *Migrator) writeGo(draft *revision.Draft, path string, parents []*revision.Revision) (*Revision, error) {
	folder, err := m.folderFor(path, parents)
	if err != nil {
		return nil, err
	}
	naming := revision.Naming{FileTemplate: m.options.FileTemplate, SlugLength: m.options.SlugLength}
	name, err := naming.GoFileName(draft)
	if err != nil {
		return nil, err
	}
	path = filepath.Join(folder, filepath.FromSlash(name))
	pkg := goPackage(filepath.Dir(path))
	text, function := draft.RenderGo(pkg)
	if err := writeNew(path, text); err != nil {
		return nil, fmt.Errorf("writing %s: %w", path, err)
	}
	r := written(draft, path)
	r.GoFunction = pkg + "." + function
	return r, nil
}

var packageClause = regexp.MustCompile(`(?m)^package (\w+)`)

// goPackage is the package of the Go files in a folder, or the one that a first
// file there would be of.
func goPackage(dir string) string {
	paths, _ := filepath.Glob(filepath.Join(dir, "*.go")) // the pattern is a right one
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if clause := packageClause.FindSubmatch(text); err == nil && clause != nil && !strings.HasSuffix(path, "_test.go") {
			return string(clause[1])
		}
	}
	if abs, err := filepath.Abs(dir); err == nil {
		if name := strings.ToLower(filepath.Base(abs)); token.IsIdentifier(name) {
			return name
		}
	}
	return "migrations"
}

// written is the revision of a new file.
func written(draft *revision.Draft, path string) *Revision {
	return &Revision{
		ID: draft.ID, Message: draft.Message, Description: draft.Message, DownRevisions: draft.DownRevisions,
		DependsOn: draft.DependsOn, BranchLabels: draft.BranchLabels, Labels: draft.BranchLabels,
		Created: draft.Created, Path: path, Head: true, MergePoint: len(draft.DownRevisions) > 1,
	}
}

// writeDraft writes a file into the folder at path, default that of the parents.
func (m *Migrator) writeDraft(draft *revision.Draft, path string, parents []*revision.Revision) (*Revision, error) {
	folder, err := m.folderFor(path, parents)
	if err != nil {
		return nil, err
	}
	naming := revision.Naming{FileTemplate: m.options.FileTemplate, SlugLength: m.options.SlugLength}
	name, err := naming.FileName(draft)
	if err != nil {
		return nil, err
	}
	path = filepath.Join(folder, filepath.FromSlash(name))
	text, err := draft.Render(path, m.options.Template)
	if err != nil {
		return nil, err
	}
	if err := writeNew(path, text); err != nil {
		return nil, fmt.Errorf("writing %s: %w", path, err)
	}
	return written(draft, path), nil
}

// MergeOptions are those of [Migrator.Merge].
type MergeOptions struct {
	// Revisions are the specifiers of the parents; default "heads".
	Revisions    []string
	Message      string
	BranchLabels []string
	ID           string
	Splice       bool
	Path         string
	X            map[string]string
}

// Merge writes a revision that joins others and holds no statements.
func (m *Migrator) Merge(options MergeOptions) (*Revision, error) {
	if len(options.Revisions) == 0 {
		options.Revisions = []string{"heads"}
	}
	return m.NewRevision(NewRevisionOptions{
		Message: options.Message, Heads: options.Revisions, BranchLabels: options.BranchLabels,
		ID: options.ID, Splice: options.Splice, Path: options.Path, X: options.X,
	})
}

func (m *Migrator) draft(options *NewRevisionOptions) (*revision.Draft, []*revision.Revision, error) {
	id := options.ID
	if id == "" {
		id = revision.NewID()
	}
	if err := revision.CheckID(id); err != nil {
		return nil, nil, err
	}
	heads := options.Heads
	if len(heads) == 0 {
		heads = []string{"head"}
	}
	parents, err := m.graph.Parents(heads, options.Splice)
	if err != nil {
		return nil, nil, err
	}
	dependsOn, err := m.graph.Dependencies(options.DependsOn)
	if err != nil {
		return nil, nil, err
	}
	if err := m.graph.CheckNew(id, options.BranchLabels); err != nil {
		return nil, nil, err
	}
	now := options.Now
	if now.IsZero() {
		now = time.Now()
	}
	d := &revision.Draft{
		ID: id, Message: options.Message, DependsOn: dependsOn, BranchLabels: options.BranchLabels,
		Created: revision.After(now.In(m.options.Location), parents), Up: wholeLines(options.Up), Down: wholeLines(options.Down), X: options.X,
	}
	for _, p := range parents {
		d.DownRevisions = append(d.DownRevisions, p.ID)
	}
	return d, parents, nil
}

// wholeLines has a section end with its line: the marker of the next one follows.
func wholeLines(sql string) string {
	if sql == "" || strings.HasSuffix(sql, "\n") {
		return sql
	}
	return sql + "\n"
}

// folderFor is where a new file goes.
func (m *Migrator) folderFor(path string, parents []*revision.Revision) (string, error) {
	if path != "" {
		for _, f := range m.folders {
			if filepath.Clean(f.Path) == filepath.Clean(path) {
				return f.Path, nil
			}
		}
		return "", &RequestError{Message: "Path " + path + " is not represented in current version locations"}
	}
	switch {
	case len(m.folders) == 1:
		path = m.folders[0].Path
	case len(parents) > 0:
		path = m.folderOf(parents[0])
	default:
		return "", &RequestError{Message: "Multiple version locations present, please specify --version-path"}
	}
	if path == "" {
		return "", errors.New("the revisions are not in a folder on disk: there is nowhere to write to")
	}
	return path, nil
}

// folderOf is the configured folder that holds a revision's file, perhaps in a
// folder of its own below it.
func (m *Migrator) folderOf(r *revision.Revision) string {
	for dir := r.Path; dir != filepath.Dir(dir); {
		dir = filepath.Dir(dir)
		for _, f := range m.folders {
			if f.Path != "" && filepath.Clean(f.Path) == dir {
				return f.Path
			}
		}
	}
	return ""
}

// writeNew writes a file that must not exist yet, and leaves none behind when
// it can't be written whole.
func writeNew(path, text string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return reason(err)
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return reason(err)
	}
	_, err = file.WriteString(text)
	if err = errors.Join(err, file.Close()); err != nil {
		err = errors.Join(err, os.Remove(path))
	}
	return reason(err)
}

// reason leaves out the path, which the message around it has.
func reason(err error) error {
	var pathError *fs.PathError
	if errors.As(err, &pathError) {
		return pathError.Err
	}
	return err
}
