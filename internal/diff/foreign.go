package diff

import "github.com/aludel-db/aludel/internal/catalog"

func foreignServer(from, to *catalog.ForeignServer) way {
	if from.Wrapper != to.Wrapper || from.Type != to.Type {
		return replaceable
	}
	return alterable
}
