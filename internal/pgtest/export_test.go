package pgtest

// The two ways to dump, whichever of them [DB.Dump] takes here.
var (
	Describe = (*DB).describe
	DumpWith = (*DB).dumpWith
)
