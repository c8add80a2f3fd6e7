package executor

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/aludel-db/aludel/internal/revision"
	"github.com/aludel-db/aludel/internal/sqltext"
)

// A Hook is SQL, or code, that runs with each section.
type Hook struct {
	Name       string // for messages
	SQL        string // without a semicolon at its end
	Statements int
	// Code runs behind the SQL; may be nil.
	Code func(context.Context, pgx.Tx, *revision.Step) error
}

// A hookError is a hook's code that failed.
type hookError struct {
	name, revision string
	err            error
}

func (e *hookError) Error() string {
	return fmt.Sprintf("%s, with revision %s: %v", e.name, e.revision, e.err)
}
func (e *hookError) Unwrap() error { return e.err }

// line is a hook in a script.
func (h *Hook) line() string {
	if h.Statements == 0 {
		return ""
	}
	return h.SQL + "\n;\n"
}

// ParseHook checks the SQL of a hook, which has to be able to run in a
// transaction. No statements are no hook.
func ParseHook(name, sql string) (Hook, error) {
	statements, err := sqltext.Split(sql)
	var fault *sqltext.Error
	if errors.As(err, &fault) {
		at := sqltext.PositionAt(sql, fault.Offset)
		return Hook{}, fmt.Errorf("%s: line %d, column %d: %s", name, at.Line, at.Column, fault.Message)
	}
	if err != nil {
		return Hook{}, fmt.Errorf("%s: %w", name, err)
	}
	for _, s := range statements {
		if s.Class != sqltext.Transactional {
			return Hook{}, fmt.Errorf("%s: %s can't run inside a transaction, where this does", name, s.Kind)
		}
	}
	return Hook{Name: name, SQL: strings.TrimRight(sql, "; \t\r\n"), Statements: len(statements)}, nil
}

// hook runs one beside a section outside a transaction: SQL as that, code in a
// transaction of its own.
func (o *outside) hook(ctx context.Context, h Hook) error {
	if h.Statements > 0 {
		if _, err := o.send(ctx, h.SQL); err != nil {
			return fmt.Errorf("%s, with revision %s: %w", h.Name, o.step.Revision.ID, err)
		}
	}
	if h.Code == nil {
		return nil
	}
	m := &message{}
	m.add(1, "BEGIN;\n")
	m.code = []codeAt{o.hookCode(h, o.i, m.sql.Len())}
	m.add(1, "COMMIT;\n")
	_, err := o.pieces(ctx, m, nil)
	if err != nil {
		o.rollback()
	}
	return err
}

// hookCode is the code of a hook at a place of a message.
func (r *runner) hookCode(h Hook, i, offset int) codeAt {
	step := &r.job.plan.Steps[i]
	return codeAt{
		offset: offset, step: i,
		run: func(ctx context.Context, tx pgx.Tx) error {
			return r.work(ctx, func(ctx context.Context) error { return h.Code(ctx, tx, step) })
		},
		failed: func(err error) error { return &hookError{h.Name, step.Revision.ID, err} },
	}
}
