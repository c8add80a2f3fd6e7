package shadow

import (
	"errors"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
)

// Options describe the server that [Start] starts or joins.
type Options struct {
	// Installation is the server to run, from [Find].
	Installation Installation

	// Dir is the home of a persistent server, such as
	// PROJECT/.aludel/postgres/15; it need not exist, and each major version
	// needs its own. Empty asks for a throw-away server, which is deleted with
	// all that is in it when its last user leaves. See [State] for where the
	// home is if root's account cannot reach Dir.
	Dir string

	// Name keeps throw-away servers apart: those that are asked for with the
	// same name, installation, settings and TCP are one.
	Name string

	// Image is a file that [Server.CloseSaving] wrote: a throw-away server begins with
	// what is in it. Start answers an [*ImageError] where it is damaged.
	Image string

	// CacheDir is the user's cache folder. The data folder that is copied for
	// each new server is kept there, unless there is room for it in MemDir.
	// Empty = TempDir.
	CacheDir string

	// TempDir has the sockets, and throw-away servers if there is no room for
	// them in MemDir. Empty = /tmp.
	TempDir string

	// MemDir is a folder in memory, taken if 1 GiB is free there. Empty =
	// /dev/shm, where there is one; a folder that doesn't exist = none.
	MemDir string

	// Settings are server parameters beside this package's own, which they
	// override, except for those that say where the server listens. A server
	// that runs already keeps the settings that it was started with.
	Settings map[string]string

	// TCP also listens on a free port of 127.0.0.1, where connections need the
	// password (scram-sha-256); see [Server.TCPConfig].
	TCP bool

	// Password is that of the superuser, set by each Start that has one.
	Password string
}

// superuser owns all servers of this package.
const superuser = "aludel"

// socketPort names the socket of a server without TCP. Each socket has a
// folder of its own, so there is no need for different ones.
const socketPort = 5432

func (o Options) check() error {
	if err := supported(); err != nil {
		return err
	}
	if o.Installation.BinDir == "" {
		return errors.New("no PostgreSQL installation was given to start a server with")
	}
	if o.TCP && o.Password == "" {
		return errors.New("a server on TCP needs a password")
	}
	return nil
}

func (o Options) tempDir() string {
	if o.TempDir == "" {
		return "/tmp"
	}
	return o.TempDir
}

// memDir is empty where there is no such folder or no room in it.
func (o Options) memDir() string {
	dir := o.MemDir
	if dir == "" {
		dir = "/dev/shm"
	}
	if info, err := os.Stat(dir); err != nil || !info.IsDir() || room(dir) < roomNeeded {
		return ""
	}
	return dir
}

// settings are the parameters of the server in h, as command line arguments.
// A server loses nothing that matters by synchronous_commit=off: after a crash
// of the machine the last moments are missing, but the data is consistent.
func (o Options) settings(h home, port int) []string {
	all := map[string]string{
		"shared_buffers":     "32MB",
		"synchronous_commit": "off",
		"timezone":           "UTC",
		"log_timezone":       "UTC",
	}
	if h.throwaway {
		maps.Copy(all, map[string]string{
			"fsync":            "off",
			"full_page_writes": "off",
			// Catalog queries have high estimated costs, short run times.
			"jit": "off",
			// The default is another folder of /dev/shm, where a killed
			// server's segments would stay.
			"dynamic_shared_memory_type": "mmap",
			// A revision that makes thousands of tables holds as many locks.
			"max_locks_per_transaction": "1024",
			// Segments that are kept for reuse would fill the memory, and images.
			"min_wal_size":  "32MB",
			"max_wal_size":  "128MB",
			"wal_recycle":   "off",
			"wal_init_zero": "off",
		})
	}
	maps.Copy(all, o.Settings)
	maps.Copy(all, listening(h.run, port, o.TCP))
	args := []string{"-D", h.data()}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		args = append(args, "-c", name+"="+all[name])
	}
	return args
}

// listening are the parameters that say where a server listens.
func listening(run string, port int, tcp bool) map[string]string {
	addresses := ""
	if tcp {
		addresses = "127.0.0.1"
	}
	return map[string]string{
		"listen_addresses": addresses,
		"port":             strconv.Itoa(port),
		// This parameter is a list; quotes let a comma be part of a path.
		"unix_socket_directories": `"` + strings.ReplaceAll(run, `"`, `""`) + `"`,
	}
}
