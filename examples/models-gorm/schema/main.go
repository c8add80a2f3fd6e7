// Schema prints the tables of the models: "aludel revision --autogenerate"
// runs it with "go run ./schema".
package main

import (
	"example.com/shop/models"

	gormddl "github.com/aludel-db/aludel/orm/gorm"
)

func main() {
	gormddl.Options{
		PreSQL: "CREATE TYPE order_status AS ENUM ('open', 'paid', 'sent')",
	}.Print(&models.Customer{}, &models.Order{}, &models.Product{})
}
