package catalog

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// A Relation is a table, a view or a sequence: its OID, and what it was called; that
// is empty of one that is new.
type Relation struct {
	OID          uint32
	Schema, Name string
}

// Reread is the catalog, which was read with the same options, as it is after
// something has happened to some relations and to nothing else. Only these are
// read, with what is theirs; what they need is not, so that the outcome is one to
// compare for equality. None of them may be attached to another.
func Reread(ctx context.Context, conn *pgx.Conn, before *Catalog, options Options, touched []Relation) (*Catalog, error) {
	only, gone := make([]uint32, len(touched)), make(map[[2]string]bool, len(touched))
	for i, r := range touched {
		only[i] = r.OID
		if r.Name != "" {
			gone[[2]string{r.Schema, r.Name}] = true
		}
	}
	now, err := read(ctx, conn, options, only)
	if err != nil {
		return nil, fmt.Errorf("reading a part of the catalog: %w", err)
	}
	after := *now
	after.Unsupported = before.Unsupported
	after.objects, after.places = make([]Object, 0, len(before.objects)), make(map[ID]int32, len(before.objects))
	for _, o := range before.objects {
		if !gone[relationOf(o)] {
			after.put(o)
		}
	}
	for _, o := range now.objects {
		if _, isSchema := o.(*Schema); !isSchema {
			after.put(o)
		}
	}
	return &after, nil
}

// relationOf names the table, view or sequence that an object is, or belongs to.
func relationOf(o Object) [2]string {
	id := o.Base().ID
	switch o := o.(type) {
	case *Table, *View, *Sequence, *Column, *Default, *Trigger, *Rule, *Policy:
	case *Index:
		id = o.Table
	case *Constraint:
		if o.Domain {
			return [2]string{}
		}
	default:
		return [2]string{}
	}
	return [2]string{id.Schema(), id.Name()}
}
