package revision

import (
	"strconv"
	"strings"

	"github.com/aludel-db/aludel/internal/sqltext"
	"github.com/aludel-db/aludel/internal/suggest"
)

// batchMarker stands above a statement that runs over a table bit by bit:
//
//	-- migrate:batch table=orders size=1000
const batchMarker = "batch"

// DefaultBatchSize is the number of rows that a walk through a table begins with.
const DefaultBatchSize = 1000

// A Batch says how a statement runs over a table: once for each stretch of the
// primary key, which its placeholders :from and :to stand for. Both belong to
// the stretch.
type Batch struct {
	// Table is the table as the file names it, with a schema or without.
	Table string
	// Size is the number of rows to begin with.
	Size int
	// Bounds are the placeholders in the statement.
	Bounds []sqltext.Bound
	// Offset is where the comment stands in the section.
	Offset int
}

// batch reads a marker that stands within a section, and doesn't end it.
func (p *scriptParser) batch(text string, offset, column int) {
	if p.open == nil {
		p.fail(p.line, column, "\"-- migrate:batch\" stands above the first section", "put it above a statement under \"-- migrate:up transaction:false\"")
		return
	}
	b := &Batch{Size: DefaultBatchSize, Offset: p.offset - p.start}
	p.items(text, offset, "=", b.setOption)
	if b.Table == "" {
		p.fail(p.line, column, "\"-- migrate:batch\" names no table", "write \"-- migrate:batch table=NAME size=1000\"")
	}
	p.open.marked = append(p.open.marked, b)
}

var batchOptions = []string{"table", "size"}

// setOption applies one option and answers what is wrong with it.
func (b *Batch) setOption(name, value string) (message, hint string) {
	switch name {
	case "table":
		if !sqltext.IsName(value) {
			return "\"" + value + "\" is not the name of a table", "write it as in SQL: orders, app.orders, \"Odd Name\""
		}
		b.Table = value
	case "size":
		n, err := strconv.Atoi(value)
		if err != nil || n < 1 {
			return "size is \"" + value + "\"", "write a number of rows, such as size=1000"
		}
		b.Size = n
	default:
		hint = "the options are " + strings.Join(batchOptions, ", ")
		if near := suggest.Closest(name, batchOptions); near != "" {
			hint = "did you mean \"" + near + "\"?"
		}
		return "unknown option \"" + name + "\"", hint
	}
	return "", ""
}

// checkBatches finds the statement of each batch, and refuses what can't run as
// one.
func (s *Section) checkBatches() error {
	for _, b := range s.marked {
		i, err := s.batched(b)
		if err != nil {
			return err
		}
		statement := &s.Statements[i]
		switch {
		case s.Batches[i] != nil:
			return s.errorAt(b.Offset, "the statement below has two \"-- migrate:batch\"", "leave one")
		case !s.NoTransaction:
			return s.errorAt(b.Offset, "\"-- migrate:batch\" in a transactional section",
				"write \"-- migrate:"+s.name+" transaction:false\", best in a revision of its own: each batch is a transaction")
		case statement.Class == sqltext.NonTransactional:
			return s.errorAt(statement.Offset, statement.Kind+" can't run in batches: it can't run inside a transaction",
				"take out the \"-- migrate:batch\" above it")
		}
		b.Bounds = sqltext.Bounds(statement.Text)
		if err := s.checkBounds(statement, b.Bounds); err != nil {
			return err
		}
		if s.Batches == nil {
			s.Batches = map[int]*Batch{}
		}
		s.Batches[i] = b
	}
	return nil
}

// batched is the statement that a batch's comment stands above.
func (s *Section) batched(b *Batch) (int, error) {
	for i, statement := range s.Statements {
		if statement.Offset > b.Offset {
			return i, nil
		}
		if b.Offset < statement.Offset+len(statement.Text) {
			return 0, s.errorAt(b.Offset, "\"-- migrate:batch\" stands inside a statement", "put it above the statement")
		}
	}
	return 0, s.errorAt(b.Offset, "no statement stands below \"-- migrate:batch\"", "put it above the statement that is to run in batches")
}

// checkBounds wants both placeholders, and that they leave out nothing: a batch
// goes from its first row to its last one.
func (s *Section) checkBounds(statement *sqltext.Statement, bounds []sqltext.Bound) error {
	lower, upper := false, false
	for _, b := range bounds {
		lower, upper = lower || !b.Upper, upper || b.Upper
		if b.Excludes {
			return s.errorAt(statement.Offset+b.Start, "this comparison leaves out a row of each batch: both "+
				"the row at :from and the row at :to belong to it", "compare with >= :from and <= :to, or with BETWEEN :from AND :to")
		}
	}
	missing := ":from"
	if lower {
		missing = ":to"
	}
	if !lower || !upper {
		return s.errorAt(statement.Offset, "the statement of a batch holds no "+missing,
			"restrict it to the batch: WHERE id BETWEEN :from AND :to; strings and bodies of functions are not looked into")
	}
	return nil
}
