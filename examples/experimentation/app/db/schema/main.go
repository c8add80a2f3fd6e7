// Schema prints the tables of the models as DDL, without a database. Aludel runs
// it for "check" and "revision --autogenerate": see [models] in ../aludel.toml.
package main

import (
	"example.com/experimentation/app/models"
	"gorm.io/gorm"

	gormddl "github.com/aludel-db/aludel/orm/gorm"
)

func main() {
	gormddl.Options{Config: &gorm.Config{NamingStrategy: models.Naming{}}}.Print(models.All()...)
}
