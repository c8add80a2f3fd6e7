package catalog

import (
	"fmt"
	"hash/maphash"
	"strconv"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
)

// A row is one of a query's result, in the text format. Catalogs have hundreds
// of thousands of them: the usual types are read here, others by pgx.
type row struct {
	fields []pgconn.FieldDescription
	values [][]byte
	types  *pgtype.Map
	// seen are strings that came before: the names of types and tables come in
	// thousands of rows, and are kept once.
	seen [1 << 10]string
	seed maphash.Seed
}

// text is v as a string.
func (r *row) text(v []byte) string {
	if len(v) == 0 {
		return ""
	}
	if len(v) > 64 {
		return string(v)
	}
	last := &r.seen[maphash.Bytes(r.seed, v)%uint64(len(r.seen))]
	if *last != string(v) {
		*last = string(v)
	}
	return *last
}

// scan reads the row's values.
func (r *row) scan(dest ...any) error {
	if len(dest) != len(r.values) {
		return fmt.Errorf("%d values for %d variables", len(r.values), len(dest))
	}
	for i := range dest {
		if err := r.one(i, dest[i]); err != nil {
			return fmt.Errorf("%s: %w", r.fields[i].Name, err)
		}
	}
	return nil
}

func (r *row) one(i int, dest any) error {
	v := r.values[i]
	switch d := dest.(type) {
	case *string:
		if v != nil {
			*d = r.text(v)
			return nil
		}
	case *bool:
		if v != nil {
			*d = v[0] == 't'
			return nil
		}
	case *uint32:
		if v != nil {
			n, err := strconv.ParseUint(string(v), 10, 32)
			*d = uint32(n)
			return err
		}
	case *[]string:
		if v == nil || len(v) == 2 { // {}
			*d = nil
			return nil
		}
	}
	return r.types.Scan(r.fields[i].DataTypeOID, pgtype.TextFormatCode, v, dest)
}

// named is where a query's row puts the name of an object.
type named struct{ schema, name, sub string }

func (n named) id(kind Kind) ID { return NewID(kind, n.schema, n.name, n.sub) }
