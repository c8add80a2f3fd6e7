// Package models is a small shop.
package models

import "time"

// A Customer has orders.
type Customer struct {
	ID        int64     `gorm:"primaryKey;generated:identity always"`
	Email     string    `gorm:"not null;uniqueIndex:customers_lower_email_idx,expression:lower(email)"`
	CreatedAt time.Time `gorm:"not null;default:now()"`
	Orders    []Order   `gorm:"constraint:OnDelete:RESTRICT"`
}

// An Order is what a customer wants.
type Order struct {
	ID         int64     `gorm:"primaryKey;generated:identity always"`
	CustomerID int64     `gorm:"not null;index"`
	Status     string    `gorm:"type:order_status;not null;default:open"`
	Total      string    `gorm:"type:numeric(12,2);not null;check:total >= 0"`
	PlacedAt   time.Time `gorm:"not null;default:now();comment:When the customer paid"`
	Products   []Product `gorm:"many2many:order_products"`
}

// A Product is for sale.
type Product struct {
	ID   int64    `gorm:"primaryKey;generated:identity always"`
	Name string   `gorm:"not null;unique"`
	Tags []string `gorm:"type:text[];not null;default:'{}';index:,type:gin"`
}
