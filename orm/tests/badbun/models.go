// Package badbun has models that bun or PostgreSQL can't take.
package badbun

import (
	"context"
	"errors"

	"github.com/uptrace/bun"
)

// Complex has a field without a type in the database.
type Complex struct {
	ID int64 `bun:",pk"`
	C  complex128
}

// NoColumn has a relation without its column.
type NoColumn struct {
	Key    int64   `bun:",pk"`
	Target *Target `bun:"rel:belongs-to"`
}

// Target is fine.
type Target struct {
	ID int64 `bun:",pk"`
}

// NoKey has a relation to a table without a key.
type NoKey struct {
	ID      int64    `bun:",pk"`
	PlainID int64    //
	Plain   *Keyless `bun:"rel:belongs-to"`
}

// Keyless has no key.
type Keyless struct{ Name string }

// Unlisted has a foreign key to Target.
type Unlisted struct {
	ID       int64   `bun:",pk"`
	TargetID int64   //
	Target   *Target `bun:"rel:belongs-to,join:target_id=id"`
}

// NoJoin has a join that nobody has.
type NoJoin struct {
	ID      int64    `bun:",pk"`
	Targets []Target `bun:"m2m:no_join_targets,join:NoJoin=Target"`
}

// Relation is of no kind.
type Relation struct {
	ID     int64   `bun:",pk"`
	Target *Target `bun:"rel:loves"`
}

// Hook fails.
type Hook struct {
	ID int64 `bun:",pk"`
}

// AfterCreateTable fails.
func (*Hook) AfterCreateTable(context.Context, *bun.CreateTableQuery) error {
	return errors.New("not now")
}

// HookPanics does.
type HookPanics struct {
	ID int64 `bun:",pk"`
}

// BeforeCreateTable panics.
func (*HookPanics) BeforeCreateTable(context.Context, *bun.CreateTableQuery) error {
	panic("not now")
}

// TargetAgain is another struct of Target's table.
type TargetAgain struct {
	bun.BaseModel `bun:"table:targets"`

	ID int64 `bun:",pk"`
}
