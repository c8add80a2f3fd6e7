package aludel

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/aludel-db/aludel/internal/revision"
	"github.com/aludel-db/aludel/internal/sqltext"
)

// SquashOptions are those of [Migrator.Squash].
type SquashOptions struct {
	// From and To are specifiers: what an upgrade from one to the other would run
	// is replaced. From "base" begins at the first.
	From, To string
	// Message is the new file's; default says what was squashed.
	Message string
	// Concatenate has the sections follow each other as they are. The default
	// writes the difference that they make, which refuses those that change rows.
	Concatenate bool
}

// A DataStatementError is a revision that changes rows, which a difference of
// definitions would lose. Nothing was written.
type DataStatementError struct {
	Revision, Path string
	Line           int
	Kind           string // INSERT, UPDATE, DO, …
}

func (e *DataStatementError) Error() string {
	return fmt.Sprintf("%s:%d: revision %s has a statement %s, which may change rows", e.Path, e.Line, e.Revision, e.Kind)
}

// Squash puts one revision in place of several. It keeps the id of the last one,
// so that databases that are there, or further, or before the first, need
// nothing done. That it makes the same is proven on the shadow, both ways, before
// a file is touched.
func (m *Migrator) Squash(ctx context.Context, s *Shadow, options SquashOptions) (*Revision, error) {
	steps, err := m.squashed(options.From, options.To)
	if err != nil {
		return nil, m.explain(ctx, nil, err)
	}
	q := &squash{m: m, steps: steps, shadow: s, snapshot: m.snapshotOptions(nil)}
	q.snapshot.Schemas = nil // all that is there, the revisions have made
	if err := q.states(ctx); err != nil {
		return nil, err
	}
	draft := q.draft(options.Message)
	if options.Concatenate {
		err = q.concatenate(draft)
	} else {
		err = q.difference(draft)
	}
	if err != nil {
		return nil, err
	}
	if err := q.prove(ctx, draft); err != nil {
		return nil, err
	}
	return q.write(draft)
}

// squashed are the steps to replace, and refuses what others stand on.
func (m *Migrator) squashed(from, to string) ([]revision.Step, error) {
	var rows []string
	if from != "" && from != "base" {
		start, err := m.graph.Resolve(from)
		if err != nil {
			return nil, err
		}
		for _, r := range start {
			rows = append(rows, r.ID)
		}
	}
	plan, err := m.graph.Upgrade(rows, to)
	if err != nil {
		return nil, err
	}
	if len(plan.Steps) < 2 {
		return nil, &RequestError{Message: "there is nothing to squash: from " + from + " to " + to + " it is one revision or none"}
	}
	inside := map[string]bool{}
	for _, s := range plan.Steps {
		inside[s.Revision.ID] = true
	}
	last := plan.Steps[len(plan.Steps)-1].Revision
	for _, s := range plan.Steps {
		for _, child := range m.graph.Dependents(s.Revision) {
			if s.Revision != last && !inside[child.ID] {
				return nil, &RequestError{
					Message: fmt.Sprintf("%s stands on %s, in the middle of what is to be squashed", child.ID, s.Revision.ID),
					Hints:   []string{"squash up to " + s.Revision.ID + ", or further, so that it is inside"},
				}
			}
		}
	}
	return plan.Steps, nil
}

// A squash is one call of Squash.
type squash struct {
	m        *Migrator
	steps    []revision.Step
	shadow   *Shadow
	snapshot SnapshotOptions
	template string // a database at the revision before the first
	before   sight
	after    sight
}

func (q *squash) prover(m *Migrator) *prover {
	return m.prover(q.shadow, q.snapshot, func(ctx context.Context, conn *pgx.Conn) (*Snapshot, error) {
		return ReadSnapshot(ctx, conn, q.snapshot)
	}, DiffOptions{})
}

// states runs what there is, and looks before and after.
func (q *squash) states(ctx context.Context) error {
	p := q.prover(q.m)
	conn, err := q.shadow.scratch.Create(ctx, "")
	if err != nil {
		return err
	}
	if _, err := p.m.EnsureVersion(ctx, conn, EnsureVersionOptions{CreateSchema: true}); err != nil {
		return err
	}
	for _, parent := range q.parents() {
		plan, err := q.m.graph.Upgrade(nil, parent)
		if err != nil {
			return err
		}
		rows, _, err := p.m.table.Heads(ctx, conn)
		if err != nil {
			return err
		}
		if len(rows) > 0 {
			if plan, err = q.m.graph.Upgrade(rows, parent); err != nil {
				return err
			}
		}
		if err := p.run(ctx, conn, plan.Steps); err != nil {
			return err
		}
	}
	if q.before, err = p.look(ctx, conn); err != nil {
		return err
	}
	if q.template, err = q.shadow.scratch.Seal(ctx, conn); err != nil {
		return err
	}
	if conn, err = q.shadow.scratch.Create(ctx, q.template); err != nil {
		return err
	}
	if err := p.run(ctx, conn, q.steps); err != nil {
		return err
	}
	q.after, err = p.look(ctx, conn)
	return err
}

// parents are the revisions outside that those inside stand on.
func (q *squash) parents() []string {
	var ids []string
	for _, s := range q.steps {
		for _, id := range s.Revision.DownRevisions {
			if !q.replaces(id) && !slices.Contains(ids, id) {
				ids = append(ids, id)
			}
		}
	}
	return ids
}

func (q *squash) replaces(id string) bool {
	return slices.ContainsFunc(q.steps, func(s revision.Step) bool { return s.Revision.ID == id })
}

func (q *squash) last() *revision.Revision { return q.steps[len(q.steps)-1].Revision }

// draft is the new file's header: what the old ones said to those outside.
func (q *squash) draft(message string) *revision.Draft {
	last := q.last()
	d := &revision.Draft{ID: last.ID, Message: message, DownRevisions: q.parents(), Created: last.Created}
	if d.Created.IsZero() {
		d.Created = revision.After(d.Created, nil)
	}
	for _, s := range q.steps {
		r := s.Revision
		d.Replaces = append(d.Replaces, r.Replaces...)
		if r != last {
			d.Replaces = append(d.Replaces, r.ID)
		}
		for _, name := range r.DependsOn {
			if on := q.m.graph.Get(name); (on == nil || !q.replaces(on.ID)) && !slices.Contains(d.DependsOn, name) {
				d.DependsOn = append(d.DependsOn, name)
			}
		}
		d.BranchLabels = append(d.BranchLabels, r.BranchLabels...)
	}
	if d.Message == "" {
		d.Message = fmt.Sprintf("Squash %d revisions up to %s", len(q.steps), last.Summary())
	}
	return d
}

// definitions are the first words of statements that change no rows, as far as
// they are written in the revisions.
var definitions = []string{"CREATE", "ALTER", "DROP", "COMMENT", "GRANT", "REVOKE", "SET", "RESET", "SECURITY", "REINDEX", "ANALYZE", "VACUUM", "CLUSTER", "REFRESH", "REASSIGN", "IMPORT", "LOCK"}

// difference writes what the revisions make together.
func (q *squash) difference(d *revision.Draft) error {
	for _, s := range q.steps {
		script, err := s.Revision.Script()
		if err != nil {
			return publicError(err)
		}
		if script.Up.InGo {
			path, line, _ := script.Up.Position(0)
			return &DataStatementError{Revision: s.Revision.ID, Path: path, Line: line, Kind: "code in Go"}
		}
		for _, statement := range script.Up.Statements {
			word, _, _ := strings.Cut(statement.Kind, " ")
			if !slices.Contains(definitions, word) || strings.HasPrefix(statement.Kind, "CREATE TABLE AS") {
				path, line, _ := script.Up.Position(statement.Offset)
				return &DataStatementError{Revision: s.Revision.ID, Path: path, Line: line, Kind: statement.Kind}
			}
		}
	}
	for _, way := range []struct {
		from, to      *Snapshot
		text, options *string
	}{{q.before.snapshot, q.after.snapshot, &d.Up, &d.UpOptions}, {q.after.snapshot, q.before.snapshot, &d.Down, &d.DownOptions}} {
		difference, err := Diff(way.from, way.to, DiffOptions{})
		if err != nil {
			return err
		}
		*way.text, *way.options = section(difference.Statements, q.m.options.Schema)
	}
	return nil
}

// concatenate writes the sections as they are, one behind the other.
func (q *squash) concatenate(d *revision.Draft) error {
	for _, s := range q.steps {
		script, err := s.Revision.Script()
		if err != nil {
			return publicError(err)
		}
		if s.Revision.InGo() {
			return &RequestError{Message: fmt.Sprintf("revision %s can't be put together with others: it is written in Go", s.Revision.ID)}
		}
		if script.Up.NoTransaction || script.Down.NoTransaction || !script.Down.Present || script.Down.Irreversible != "" {
			return &RequestError{
				Message: fmt.Sprintf("%s can't be put together with others: it runs outside a transaction, or has no way back", s.Revision.Path),
				Hints:   []string{"without --concatenate the difference is written instead"},
			}
		}
		d.Up += "-- " + s.Revision.ID + ", " + s.Revision.Summary() + "\n" + terminated(script.Up.SQL) + "\n"
		d.Down = "-- " + s.Revision.ID + "\n" + terminated(script.Down.SQL) + "\n" + d.Down
	}
	return nil
}

// terminated ends the last statement, so that another can follow.
func terminated(sql string) string {
	sql = strings.TrimSpace(sql)
	if statements, err := sqltext.Split(sql); err != nil || len(statements) == 0 || strings.HasSuffix(sql, ";") {
		return sql + "\n"
	}
	return sql + "\n;\n" // behind a comment, perhaps
}

// prove runs the new revision in place of the others.
func (q *squash) prove(ctx context.Context, d *revision.Draft) error {
	m, remove, err := q.m.replacing(d, q.steps)
	if err != nil {
		return err
	}
	defer remove()
	p := q.prover(m)
	conn, err := q.shadow.scratch.Create(ctx, q.template)
	if err != nil {
		return err
	}
	rows, _, err := m.table.Heads(ctx, conn)
	if err != nil {
		return err
	}
	plan, err := m.graph.Upgrade(rows, d.ID)
	if err != nil {
		return err
	}
	return p.prove(ctx, conn, plan.Steps, q.after, q.before, func(direction Direction, seen string) error {
		return &ProofError{Direction: direction, Left: seen}
	})
}

// replacing is the Migrator with the draft in place of the steps' revisions.
func (m *Migrator) replacing(d *revision.Draft, steps []revision.Step) (changed *Migrator, remove func(), err error) {
	dir, remove, err := m.draftFolder(d)
	if err != nil {
		return nil, nil, err
	}
	drafts, err := revision.Load(revision.Folder{FS: os.DirFS(dir), Path: dir})
	if err == nil {
		kept := slices.DeleteFunc(slices.Clone(m.graph.Revisions()), func(r *revision.Revision) bool {
			return slices.ContainsFunc(steps, func(s revision.Step) bool { return s.Revision == r })
		})
		q := *m
		q.graph, err = revision.New(append(kept, drafts...))
		changed = &q
	}
	if err != nil {
		remove()
		return nil, nil, publicErrors(err)
	}
	return changed, remove, nil
}

// write puts the new file in its place, and then takes the old ones away: who is
// interrupted in between is told which to delete.
func (q *squash) write(d *revision.Draft) (*Revision, error) {
	folder := q.m.folderOf(q.last())
	if folder == "" {
		return nil, errors.New("the revisions are not in a folder on disk: there is nowhere to write to")
	}
	naming := revision.Naming{FileTemplate: q.m.options.FileTemplate, SlugLength: q.m.options.SlugLength}
	name, err := naming.FileName(d)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(folder, filepath.FromSlash(name))
	text, err := d.Render(path, q.m.options.Template)
	if err != nil {
		return nil, err
	}
	waiting := filepath.Join(filepath.Dir(path), "."+d.ID+".new")
	if err := writeNew(waiting, text); err != nil {
		return nil, fmt.Errorf("writing %s: %w", waiting, err)
	}
	if err := os.Rename(waiting, path); err != nil {
		return nil, errors.Join(fmt.Errorf("writing %s: %w", path, reason(err)), os.Remove(waiting))
	}
	for _, s := range q.steps {
		if filepath.Clean(s.Revision.Path) == filepath.Clean(path) {
			continue
		}
		if err := os.Remove(s.Revision.Path); err != nil {
			return nil, fmt.Errorf("deleting %s, which %s replaces: %w", s.Revision.Path, path, reason(err))
		}
	}
	return &Revision{ID: d.ID, Message: d.Message, Description: d.Message, DownRevisions: d.DownRevisions, DependsOn: d.DependsOn, BranchLabels: d.BranchLabels, Created: d.Created, Path: path}, nil
}
