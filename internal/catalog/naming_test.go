package catalog_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/aludel-db/aludel/internal/catalog"
)

// A name that doesn't fit is the one that SQLAlchemy 1.4 writes for the same
// convention, and so the one that a project which comes from Alembic has.
func TestLongNames(t *testing.T) {
	t.Parallel()
	table := "a_table_with_quite_a_long_name_indeed"
	umlauts := "täbellen_mit_sehr_langen_nämen_ääääääääääääää" // 55 bytes end within a character
	for name, test := range map[string]struct {
		table, index string
		columns      []string
		want         string
	}{
		"ASCII": {
			table, "a_table_with_quite_a_long_nam_first_column_of_it_second_col_key",
			[]string{"first_column_of_it", "second_column_of_it"},
			"uq_a_table_with_quite_a_long_name_indeed_first_column_o_9da0",
		},
		"within a character": {umlauts, catalog.GeneratedName(umlauts, []string{"ö"}, "key"), []string{"ö"}, "uq_täbellen_mit_sehr_langen_nämen_äääääääää_2e9e"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			patterns := catalog.Naming{Unique: "uq_{table}_{columns}"}
			o := catalog.Nameable{
				ID: catalog.NewID(catalog.KindConstraint, "public", test.table, test.index), Type: catalog.Unique,
				Table: catalog.NewID(catalog.KindTable, "public", test.table, ""), Columns: test.columns,
			}
			want := []catalog.NewName{{From: o.ID, To: o.ID.With(catalog.KindConstraint, test.want)}}
			if d := cmp.Diff(want, patterns.Names([]catalog.Nameable{o}, nil), cmp.Comparer(func(a, b catalog.ID) bool { return a == b })); d != "" {
				t.Errorf("-want +got:\n%s", d)
			}
		})
	}
}

// A pattern that begins or ends with a placeholder of which there is nothing
// leaves no underscore; a name that somebody gave stays.
func TestNames(t *testing.T) {
	t.Parallel()
	table := catalog.NewID(catalog.KindTable, "public", "t", "")
	check := func(name, definition string, columns ...string) catalog.Nameable {
		return catalog.Nameable{ID: table.With(catalog.KindConstraint, name), Type: catalog.Check, Table: table, Columns: columns, Definition: definition}
	}
	for name, test := range map[string]struct {
		pattern string
		list    []catalog.Nameable
		want    map[string]string
	}{
		"no column":         {"ck_{table}_{columns}", []catalog.Nameable{check("t_check", "CHECK (1 > 0)")}, map[string]string{"t_check": "ck_t"}},
		"no column, first":  {"{columns}_{table}_ck", []catalog.Nameable{check("t_check", "CHECK (1 > 0)")}, map[string]string{"t_check": "t_ck"}},
		"given":             {"ck_{table}_{columns}", []catalog.Nameable{check("sane", "CHECK (a > 0)", "a")}, map[string]string{}},
		"the column's name": {"ck_{table}_{columns}", []catalog.Nameable{check("t_a_check", "CHECK (a > b)", "a", "b")}, map[string]string{}},
		"numbered by the definition": {
			"ck_{table}",
			[]catalog.Nameable{check("t_a_check1", "CHECK (a > 0)", "a"), check("t_a_check", "CHECK (a > 1)", "a")},
			map[string]string{"t_a_check1": "ck_t", "t_a_check": "ck_t1"},
		},
		"taken by a given name": {
			"ck_{table}",
			[]catalog.Nameable{check("t_a_check", "CHECK (a > 0)", "a"), check("ck_t", "CHECK (a > 1)", "a")},
			map[string]string{"t_a_check": "ck_t1"},
		},
		"names change places": {
			"{table}_check{columns}",
			[]catalog.Nameable{check("t_check1", "CHECK (1 > 0)"), check("t_check", "CHECK (2 > 0)")},
			map[string]string{"t_check1": "aludel_naming_0", "t_check": "aludel_naming_1", "aludel_naming_0": "t_check", "aludel_naming_1": "t_check1"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			patterns := catalog.Naming{Check: test.pattern}
			got := map[string]string{}
			for _, r := range patterns.Names(test.list, nil) {
				got[r.From.Sub()] = r.To.Sub()
			}
			if d := cmp.Diff(test.want, got); d != "" {
				t.Errorf("-want +got:\n%s", d)
			}
		})
	}
}
