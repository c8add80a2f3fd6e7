package diff

import (
	"slices"

	"github.com/aludel-db/aludel/internal/catalog"
)

func table(from, to *catalog.Table, fields []string) way {
	if slices.Contains(fields, "PartitionKey") || from.Server != to.Server {
		return replaceable
	}
	return alterable
}
