// Package badgorm has models that GORM or PostgreSQL can't take.
package badgorm

import "database/sql/driver"

// Map has a field without a type in the database.
type Map struct {
	ID       uint
	Settings map[string]string
}

// Channel has one that never has.
type Channel struct {
	ID uint
	C  chan int
}

// NoKey has a relation without a foreign key.
type NoKey struct {
	ID    uint
	Parts []Part
}

// Part lacks NoKeyID.
type Part struct{ ID uint }

// Valuer has a field whose value tells nothing of its type.
type Valuer struct {
	ID    uint
	Where Point
}

// Point is not known to the database.
type Point []int

// Value is there, as GORM wants.
func (Point) Value() (driver.Value, error) { return nil, nil }

// Scan is there, too.
func (*Point) Scan(any) error { return nil }

// Composite has an empty name.
type Composite struct {
	ID uint
	A  string `gorm:"index:,composite"`
}

// Default can't be parsed.
type Default struct {
	ID uint
	A  int `gorm:"default:eight"`
}

// First has an index of the same name as Second.
type First struct {
	ID   uint
	Name string `gorm:"index:idx_name"`
}

// Second has it, too.
type Second struct {
	ID   uint
	Name string `gorm:"index:idx_name"`
}

// FirstAgain is another struct of First's table.
type FirstAgain struct{ ID uint }

// TableName is First's.
func (FirstAgain) TableName() string { return "firsts" }

// Panics can't say its name.
type Panics struct{ ID uint }

// TableName doesn't return.
func (Panics) TableName() string { panic("not now") }

// Outer is well by itself.
type Outer struct {
	ID    uint
	MapID uint
	Map   Map
}
