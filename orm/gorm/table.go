package gormddl

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/logger"
	"gorm.io/gorm/schema"
)

// A table is one that a model asks for. Its Statement is GORM's, with the
// model parsed. The name is Schema.Table: that of the Statement lacks its
// schema.
type table struct {
	*gorm.Statement
	model any
	join  bool // that GORM makes up for many2many
}

// open opens GORM on the recorder. The configuration is copied: Open fills it
// with what belongs to one database.
func open(r *recorder, config *gorm.Config) (*gorm.DB, error) {
	if config == nil {
		config = &gorm.Config{}
	}
	own := &gorm.Config{
		NamingStrategy:                           config.NamingStrategy,
		DisableForeignKeyConstraintWhenMigrating: config.DisableForeignKeyConstraintWhenMigrating,
		IgnoreRelationshipsWhenMigrating:         config.IgnoreRelationshipsWhenMigrating,
		NowFunc:                                  config.NowFunc,
		Plugins:                                  config.Plugins,
		Logger:                                   logger.Discard, // errors are returned, and stdout is for DDL
	}
	return gorm.Open(postgres.New(postgres.Config{Conn: r.open(), WithoutReturning: true}), own)
}

// parse answers the tables of the models that are given, and what is wrong
// with the first one that GORM can't read.
func parse(db *gorm.DB, models []any) (map[string]*table, error) {
	tables := map[string]*table{}
	for _, model := range models {
		t, err := parseOne(db, model)
		if err != nil {
			return nil, err
		}
		if other := tables[t.Schema.Table]; other != nil && other.Schema.ModelType != t.Schema.ModelType {
			return nil, modelError(t.Schema.ModelType, fmt.Errorf("its table %s is that of %s, too", t.Schema.Table, other.Schema.ModelType))
		}
		tables[t.Schema.Table] = t
	}
	return tables, nil
}

func parseOne(db *gorm.DB, model any) (t *table, err error) {
	typ := reflect.TypeOf(model)
	for typ != nil && (typ.Kind() == reflect.Pointer || typ.Kind() == reflect.Slice) {
		typ = typ.Elem()
	}
	if typ == nil || typ.Kind() != reflect.Struct {
		return nil, fmt.Errorf("%T is no model: pass pointers to structs, such as &User{}", model)
	}
	// A TableName method or a type's GormDataType may panic on a zero value.
	defer func() {
		if r := recover(); r != nil {
			err = modelError(typ, fmt.Errorf("panic: %v", r))
		}
	}()
	t = &table{Statement: &gorm.Statement{DB: db}, model: reflect.New(typ).Interface()}
	if err := t.Parse(t.model); err != nil {
		return nil, parseError(typ, err)
	}
	t.Schema.ParseIndexes()
	if err := t.Parse(t.model); err != nil { // where ParseIndexes leaves its error
		return nil, modelError(typ, err)
	}
	return t, nil
}

// withRelated adds the tables that GORM adds by itself, and sorts all: GORM
// walks over maps. A model that was given for a table is preferred to the one
// that GORM makes up for a many2many join.
func withRelated(db *gorm.DB, given map[string]*table, models []any) ([]*table, error) {
	all := given
	for _, model := range migrator(db).ReorderModels(models, true) {
		t, err := parseOne(db, model)
		if err != nil {
			return nil, err
		}
		if all[t.Schema.Table] == nil {
			t.join = t.Schema.ModelType.Name() == ""
			all[t.Schema.Table] = t
		}
	}
	var tables []*table
	for _, t := range all {
		tables = append(tables, t)
	}
	slices.SortFunc(tables, func(a, b *table) int { return cmp.Compare(a.Schema.Table, b.Schema.Table) })
	return tables, nil
}

func migrator(db *gorm.DB) postgres.Migrator { return db.Migrator().(postgres.Migrator) }

// checkIndexes finds two indexes of one name. GORM would have the second one
// left out without a word, by IF NOT EXISTS.
func checkIndexes(tables []*table) error {
	indexes := map[string]*table{}
	for _, t := range tables {
		for _, index := range t.Schema.ParseIndexes() {
			name := t.namespace() + "." + index.Name
			if other := indexes[name]; other != nil {
				return modelError(t.Schema.ModelType, fmt.Errorf("index %s is also one of %s: names of indexes are unique in a schema, and AutoMigrate leaves out the second one", index.Name, other.Schema.ModelType))
			}
			indexes[name] = t
		}
	}
	return nil
}

// namespace is the schema in the table's name; empty where there is none.
func (t *table) namespace() string {
	schema, _, qualified := strings.Cut(t.Schema.Table, ".")
	if !qualified {
		return ""
	}
	return strings.Trim(schema, `"`)
}

// create has GORM's migrator make the table, its indexes and comments. Checks
// and unique constraints are added after that, sorted, since the migrator
// takes them in the order of a map.
func (t *table) create(db *gorm.DB) error {
	constraints := t.takeConstraints()
	if t.join {
		t.withoutIdentity()
	}
	tx := db.Session(&gorm.Session{})
	tx.DisableForeignKeyConstraintWhenMigrating = true
	if err := tx.Migrator().CreateTable(t.model); err != nil {
		return err
	}
	return t.add(tx, constraints)
}

// A constraint is GORM's schema.CheckConstraint, UniqueConstraint or
// Constraint.
type constraint interface {
	GetName() string
	Build() (sql string, vars []any)
}

// takeConstraints takes the constraints out of the schema. It is this GORM's
// alone, so nobody else misses them.
func (t *table) takeConstraints() []constraint {
	var list []constraint
	for _, c := range t.Schema.ParseUniqueConstraints() {
		list = append(list, &c)
	}
	for _, c := range t.Schema.ParseCheckConstraints() {
		list = append(list, &c)
	}
	for _, field := range t.Schema.Fields {
		field.Unique = false
		delete(field.TagSettings, "CHECK")
	}
	return list
}

// withoutIdentity is for joins. Their columns have the tags of those that they
// refer to, and would number themselves.
func (t *table) withoutIdentity() {
	for _, field := range t.Schema.Fields {
		delete(field.TagSettings, "GENERATED")
	}
}

func (t *table) add(db *gorm.DB, constraints []constraint) error {
	slices.SortStableFunc(constraints, func(a, b constraint) int { return cmp.Compare(a.GetName(), b.GetName()) })
	for _, c := range constraints {
		sql, vars := c.Build()
		vars = append([]any{clause.Table{Name: t.Schema.Table}}, vars...)
		if err := db.Exec("ALTER TABLE ? ADD "+sql, vars...).Error; err != nil {
			return err
		}
	}
	return nil
}

// addForeignKeys adds those that GORM's migrator would write into CREATE TABLE.
func (t *table) addForeignKeys(db *gorm.DB) error {
	if db.DisableForeignKeyConstraintWhenMigrating || db.IgnoreRelationshipsWhenMigrating {
		return nil
	}
	byName := map[string]constraint{}
	for _, rel := range t.Schema.Relationships.Relations {
		if c := foreignKey(rel); c != nil && c.Schema == t.Schema {
			byName[c.Name] = c
		}
	}
	var list []constraint
	for _, c := range byName {
		list = append(list, c)
	}
	return t.add(db, list)
}

func foreignKey(rel *schema.Relationship) *schema.Constraint {
	if rel.Field.IgnoreMigration {
		return nil
	}
	return rel.ParseConstraint()
}
