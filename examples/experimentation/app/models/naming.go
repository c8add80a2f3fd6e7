package models

import (
	"strings"

	"gorm.io/gorm/schema"
)

// Naming names constraints and indexes as PostgreSQL does: the schema was there
// before GORM was. The application opens its database with it as well.
type Naming struct{ schema.NamingStrategy }

// UniqueName is that of a unique constraint.
func (Naming) UniqueName(table, column string) string { return table + "_" + column + "_key" }

// CheckerName is that of a check.
func (Naming) CheckerName(table, column string) string { return table + "_" + column + "_check" }

// IndexName is that of an index.
func (n Naming) IndexName(table, column string) string {
	return table + "_" + n.ColumnName(table, column) + "_idx"
}

// RelationshipFKName is that of a foreign key.
func (Naming) RelationshipFKName(rel schema.Relationship) string {
	var table string
	var columns []string
	for _, ref := range rel.References {
		table = ref.ForeignKey.Schema.Table
		columns = append(columns, ref.ForeignKey.DBName)
	}
	return table + "_" + strings.Join(columns, "_") + "_fkey"
}
