package diff

import (
	"github.com/aludel-db/aludel/internal/catalog"
)

func policy(from, to *catalog.Policy, fields []string) way {
	if from.Restrictive != to.Restrictive || from.Command != to.Command ||
		from.Using != "" && to.Using == "" || from.WithCheck != "" && to.WithCheck == "" {
		return replaceable
	}
	return only(fields, "Roles", "Using", "WithCheck", "Comment")
}
