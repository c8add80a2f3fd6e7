package aludel

import (
	"context"
	"errors"
	"sync"

	"github.com/jackc/pgx/v5"

	"github.com/aludel-db/aludel/internal/shadow"
)

// A Shadow is where databases are made to try things on; they go when it is
// closed. It is not safe for concurrent use.
type Shadow struct {
	scratch *shadow.Scratch

	mu     sync.Mutex       // for what it does at the same time itself
	states map[string]*made // by their keys
}

// ShadowOptions say where the databases are made.
type ShadowOptions struct {
	// Server is how to connect to a server on which databases may be made: never
	// one in production without its keeper's word. Nil is a PostgreSQL that
	// Aludel runs itself, which takes a server's programs on this machine.
	Server *pgx.ConnConfig
	// Major is the major version that the server has to have: that of the
	// database which is compared. 0 takes any.
	Major int
	// BinDir is the folder of the programs; empty has them looked for in Path (a
	// PATH), in the usual places of the system, and in the node_modules of Extra.
	BinDir, Path string
	Extra        []string
	// CacheDir and TempDir are the user's; empty is the system's folder for
	// temporary files. What a server of our own has made of revisions and models is
	// kept in CacheDir, and not made again as long as they are the same.
	CacheDir, TempDir string
}

// OpenShadow finds the server, or connects to it. One that Aludel runs itself is
// started when it is needed.
func OpenShadow(ctx context.Context, o ShadowOptions) (*Shadow, error) {
	scratch, err := shadow.OpenScratch(ctx, shadow.ScratchOptions{
		Server: o.Server, Major: o.Major, Search: shadow.Search{BinDir: o.BinDir, Path: o.Path, Extra: o.Extra},
		CacheDir: o.CacheDir, TempDir: o.TempDir,
	})
	var version *shadow.VersionError
	if errors.As(err, &version) {
		return nil, &ShadowVersionError{Major: version.Major, Wanted: version.Wanted, err: err}
	}
	if err != nil {
		return nil, err
	}
	return &Shadow{scratch: scratch, states: map[string]*made{}}, nil
}

// Close drops the databases and lets go of the server.
func (s *Shadow) Close(ctx context.Context) error { return s.scratch.Close(ctx) }

// Major is the server's major version.
func (s *Shadow) Major() int { return s.scratch.Major() }

// A ShadowVersionError is a shadow server of another major version than the
// database: it would write definitions in another way.
type ShadowVersionError struct {
	Major, Wanted int
	err           error
}

func (e *ShadowVersionError) Error() string { return e.err.Error() }
