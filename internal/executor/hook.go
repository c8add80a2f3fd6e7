package executor

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aludel-db/aludel/internal/sqltext"
)

// A Hook is SQL that runs with each section.
type Hook struct {
	Name       string // for messages
	SQL        string // without a semicolon at its end
	Statements int
}

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
	return Hook{name, strings.TrimRight(sql, "; \t\r\n"), len(statements)}, nil
}

// hook runs one, outside a transaction as the section.
func (o *outside) hook(ctx context.Context, h Hook) error {
	if h.Statements == 0 {
		return nil
	}
	if _, err := o.send(ctx, h.SQL); err != nil {
		return fmt.Errorf("%s, with revision %s: %w", h.Name, o.step.Revision.ID, err)
	}
	return nil
}
