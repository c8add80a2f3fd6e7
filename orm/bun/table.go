package bunddl

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/schema"
)

// A table is one of a model.
type table struct {
	*schema.Table
	model any
}

// register makes the models known to bun and answers their tables, in the
// order in which they were given. Bun wants to know a join before a model that
// uses it in m2m.
func register(db *bun.DB, models []any) ([]*table, error) {
	types := make([]reflect.Type, len(models))
	for i, model := range models {
		typ := reflect.TypeOf(model)
		for typ != nil && (typ.Kind() == reflect.Pointer || typ.Kind() == reflect.Slice) {
			typ = typ.Elem()
		}
		if typ == nil || typ.Kind() != reflect.Struct {
			return nil, fmt.Errorf("%T is no model: pass pointers to structs, such as (*User)(nil)", model)
		}
		types[i] = typ
	}
	joinsFirst := slices.Clone(types)
	slices.SortStableFunc(joinsFirst, func(a, b reflect.Type) int { return cmp.Compare(m2mFields(a), m2mFields(b)) })
	for _, typ := range joinsFirst {
		if err := registerOne(db, typ); err != nil {
			return nil, modelError(typ, err)
		}
	}
	return distinct(db, types)
}

// registerOne turns bun's panics, which is how it complains, into errors.
func registerOne(db *bun.DB, typ reflect.Type) (err error) {
	defer recoverTo(&err)
	db.RegisterModel(reflect.New(typ).Interface())
	return nil
}

func recoverTo(err *error) {
	if r := recover(); r != nil {
		if e, ok := r.(error); ok {
			*err = e
			return
		}
		*err = fmt.Errorf("panic: %v", r)
	}
}

func m2mFields(typ reflect.Type) int {
	n := 0
	for _, field := range reflect.VisibleFields(typ) { // those of embedded structs, too
		if strings.Contains(field.Tag.Get("bun"), "m2m:") {
			n++
		}
	}
	return n
}

// distinct takes a model that was given twice once, and refuses two models of
// one table.
func distinct(db *bun.DB, types []reflect.Type) ([]*table, error) {
	var tables []*table
	byName := map[string]reflect.Type{}
	for _, typ := range types {
		t := &table{Table: db.Table(typ), model: reflect.New(typ).Interface()}
		switch other := byName[string(t.SQLName)]; other {
		case nil:
			byName[string(t.SQLName)] = typ
			tables = append(tables, t)
		case typ:
		default:
			return nil, modelError(typ, fmt.Errorf("its table %s is that of %s, too", t.Name, other))
		}
	}
	return tables, nil
}

// check finds what bun writes without complaint and PostgreSQL doesn't take.
func check(tables []*table, options Options) error {
	made := map[string]bool{}
	for _, t := range tables {
		made[string(t.SQLName)] = true
	}
	for _, t := range tables {
		for _, field := range t.Fields {
			if field.CreateTableSQLType == "" {
				return modelError(t.Type, fmt.Errorf("field %s: no type of a column is known for %s; name it with `bun:\",type:…\"`", field.GoName, field.StructField.Type))
			}
		}
		for _, rel := range sorted(t.Relations) {
			to := rel.JoinTable
			if rel.References() && !options.WithoutForeignKeys && !made[string(to.SQLName)] && !strings.Contains(options.PreSQL, to.Name) {
				return modelError(t.Type, fmt.Errorf("field %s: its foreign key leads to %s, which is not among the models given", rel.Field.GoName, to.Type))
			}
		}
	}
	return nil
}

func sorted(relations map[string]*schema.Relation) []*schema.Relation {
	var list []*schema.Relation
	for _, rel := range relations {
		list = append(list, rel)
	}
	slices.SortFunc(list, func(a, b *schema.Relation) int { return cmp.Compare(a.Field.GoName, b.Field.GoName) })
	return list
}

// namespace is the schema in the table's name; empty where there is none.
func (t *table) namespace() string {
	schema, _, qualified := strings.Cut(t.Name, ".")
	if !qualified {
		return ""
	}
	return schema
}
