package aludel

import (
	"context"
	"errors"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/aludel-db/aludel/internal/revision"
)

// DowngradeOptions are those of [Migrator.Downgrade].
type DowngradeOptions struct {
	// Target is a specifier: what is applied above it is undone. There is no
	// default.
	Target string
}

// Downgrade undoes what stands above the target. Where no file has a version row
// any more, as with an older program behind a newer one, what the history has kept
// of it does, and an event [FileMissing] says so.
func (m *Migrator) Downgrade(ctx context.Context, db Database, options DowngradeOptions) (*Result, error) {
	return using(ctx, db, func(conn *pgx.Conn) (*Result, error) {
		return m.observed(ctx, conn, "downgrade", func(m *Migrator) (*Result, error) { return m.downgrade(ctx, conn, options) })
	})
}

func (m *Migrator) downgrade(ctx context.Context, conn *pgx.Conn, options DowngradeOptions) (*Result, error) {
	result, err := m.run(ctx, conn, func(rows []string) (*revision.Plan, error) { return m.graph.Downgrade(rows, options.Target) })
	if !isUnknownRow(err) {
		return result, err
	}
	whole, added, keptErr := m.withKept(ctx, conn)
	if keptErr != nil || whole == nil {
		return nil, errors.Join(err, keptErr)
	}
	return whole.run(ctx, conn, func(rows []string) (*revision.Plan, error) {
		plan, err := whole.graph.Downgrade(rows, options.Target)
		m.tellMissing(plan, added)
		return plan, err
	})
}

// isUnknownRow tells that no file has a version row.
func isUnknownRow(err error) bool {
	var unknown *UnknownRevisionError
	var ahead *AheadError
	return errors.As(err, &ahead) || errors.As(err, &unknown) && unknown.InDatabase
}

// tellMissing tells which of a plan's revisions no file has, and has them be no
// longer among those added: a second plan says it no second time. plan may be nil.
func (m *Migrator) tellMissing(plan *revision.Plan, added map[string]bool) {
	for i := 0; plan != nil && i < len(plan.Steps); i++ {
		if id := plan.Steps[i].Revision.ID; added[id] {
			m.tell(Event{Kind: FileMissing, Object: id})
			delete(added, id)
		}
	}
}

// withKept adds the revisions that the version rows lead to and no file has, as
// the history has kept them; nil where it has not kept all of them.
func (m *Migrator) withKept(ctx context.Context, conn *pgx.Conn) (whole *Migrator, added map[string]bool, err error) {
	rows, _, err := m.table.Heads(ctx, conn)
	if err != nil {
		return nil, nil, publicError(err)
	}
	all, added := slices.Clone(m.graph.Revisions()), map[string]bool{}
	_, missing := m.graph.Applied(rows)
	for len(missing) > 0 {
		texts, err := m.table.Kept(ctx, conn, missing)
		if err != nil {
			return nil, nil, err
		}
		var below []string
		for _, id := range missing {
			r, err := revision.Kept("history of "+id, texts[id])
			if err != nil || r.ID != id {
				return nil, nil, nil //nolint:nilerr // not kept: the row is as unknown as it was
			}
			all, added[id], below = append(all, r), true, append(below, r.DownRevisions...)
		}
		missing = slices.DeleteFunc(below, func(id string) bool { return added[id] || m.graph.Get(id) != nil })
		slices.Sort(missing)
		missing = slices.Compact(missing)
	}
	other := *m
	if other.graph, err = revision.New(all); err != nil {
		return nil, nil, publicError(err)
	}
	return &other, added, nil
}
