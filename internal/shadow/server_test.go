//go:build linux || darwin

package shadow_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/aludel-db/aludel/internal/shadow"
)

func TestPersistentServer(t *testing.T) {
	t.Parallel()
	o := persistent(t)
	if got := status(t, o.Dir); got.Running || got.DataDir != "" {
		t.Errorf("before the first start: %+v", got)
	}
	first := start(t, o)
	run(t, first, "CREATE TABLE kept AS SELECT 'survives' AS word")
	running := state(t, first)
	if !strings.HasPrefix(running.DataDir, o.Dir) || running.Version != o.Installation.Version || running.Kept {
		t.Errorf("state: %+v", running)
	}
	if age := time.Since(running.Since); age < -time.Minute || age > time.Hour {
		t.Errorf("started at %v", running.Since)
	}

	second := start(t, o)
	if got := state(t, second).PID; got != running.PID {
		t.Errorf("the second start has process %d, want that of the first, %d", got, running.PID)
	}
	closeServer(t, first)
	closeServer(t, first)
	if got := value(t, second, "SELECT word FROM kept"); got != "survives" {
		t.Errorf("after the first user left: %q", got)
	}
	closeServer(t, second)
	if got := status(t, o.Dir); got.Running || got.DataDir != running.DataDir {
		t.Errorf("after the last user left: %+v", got)
	}

	again := start(t, o)
	if got := value(t, again, "SELECT word FROM kept"); got != "survives" {
		t.Errorf("after a restart: %q", got)
	}
}

func TestKeptServer(t *testing.T) {
	t.Parallel()
	o := persistent(t)
	server := start(t, o)
	t.Cleanup(func() { _ = shadow.Stop(context.WithoutCancel(t.Context()), o.Dir) })
	if err := server.Keep(); err != nil {
		t.Fatal(err)
	}
	closeServer(t, server)
	kept := status(t, o.Dir)
	if !kept.Running || !kept.Kept {
		t.Fatalf("after the last user left: %+v", kept)
	}
	joined := start(t, o)
	if got := state(t, joined).PID; got != kept.PID {
		t.Errorf("process %d was joined, want %d", got, kept.PID)
	}
	closeServer(t, joined)
	if !status(t, o.Dir).Running {
		t.Error("a later user stopped it")
	}
	for range 2 {
		if err := shadow.Stop(t.Context(), o.Dir); err != nil {
			t.Fatal(err)
		}
		if got := status(t, o.Dir); got.Running || got.Kept {
			t.Errorf("after stop: %+v", got)
		}
	}
}

func TestStopWhereNothingIs(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(folder(t), "none")
	if err := shadow.Stop(t.Context(), dir); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("stop made the folder")
	}
}

func TestStopCutsUsersOff(t *testing.T) {
	t.Parallel()
	o := persistent(t)
	server := start(t, o)
	if err := shadow.Stop(t.Context(), o.Dir); err != nil {
		t.Fatal(err)
	}
	if _, err := pgx.ConnectConfig(t.Context(), server.Config("postgres")); err == nil {
		t.Error("it still serves")
	}
	state(t, start(t, o))
}

func TestThrowawayServer(t *testing.T) {
	t.Parallel()
	o := throwaway(t)
	first, second := start(t, o), start(t, o)
	home := state(t, first).Home
	if got := state(t, second).Home; got != home {
		t.Errorf("two homes for one name: %s and %s", home, got)
	}
	o.Name += " of another name"
	if other := state(t, start(t, o)); other.Home == home {
		t.Errorf("one home for two names: %s", home)
	}
	if err := first.Keep(); err == nil {
		t.Error("it can be kept")
	}
	closeServer(t, first)
	state(t, second)
	closeServer(t, second)
	if _, err := os.Stat(home); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s is left: %v", home, err)
	}
	expectNoProcess(t, home)
}

func TestThrowawayServerOnDisk(t *testing.T) {
	t.Parallel()
	o := throwaway(t)
	o.MemDir = filepath.Join(o.TempDir, "none")
	o.CacheDir = filepath.Join(o.TempDir, "cache", "aludel")
	server := start(t, o)
	if home := state(t, server).Home; !strings.HasPrefix(home, o.TempDir) {
		t.Errorf("the home is %s, want it below %s", home, o.TempDir)
	}
	templates, _ := filepath.Glob(filepath.Join(o.CacheDir, "*", "template-*", "PG_VERSION"))
	if len(templates) != 1 {
		t.Errorf("templates in the cache: %q", templates)
	}
}

func TestConcurrentStarts(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]shadow.Options{"persistent": persistent(t), "throwaway": throwaway(t)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			helpers := []*helper{startHelper(t, o), startHelper(t, o), startHelper(t, o)}
			servers := make([]*shadow.Server, 5)
			var group sync.WaitGroup
			for i := range servers {
				group.Go(func() { servers[i], _ = shadow.Start(t.Context(), o) })
			}
			group.Wait()
			pids := map[int]int{}
			for _, server := range servers {
				if server == nil {
					t.Fatal("a start failed")
				}
				pids[state(t, server).PID]++
			}
			for _, helper := range helpers {
				pids[helper.state(t).PID]++
			}
			if len(pids) != 1 {
				t.Errorf("users by process: %v, want all with one", pids)
			}
			home := state(t, servers[0]).Home
			for _, helper := range helpers {
				group.Go(func() { helper.leave(t) })
			}
			for _, server := range servers {
				group.Go(func() { closeServer(t, server) })
			}
			group.Wait()
			expectNoProcess(t, home)
		})
	}
}

func TestSettings(t *testing.T) {
	t.Parallel()
	o := throwaway(t)
	o.Settings = map[string]string{"max_connections": "7", "port": "1"}
	server := start(t, o)
	for setting, want := range map[string]string{
		"max_connections": "7", "fsync": "off", "full_page_writes": "off", "synchronous_commit": "off",
		"autovacuum": "on", "TimeZone": "UTC", "server_encoding": "UTF8", "listen_addresses": "", "port": "5432",
	} {
		if got := value(t, server, "SHOW "+setting); got != want {
			t.Errorf("%s is %q, want %q", setting, got, want)
		}
	}
	o = persistent(t)
	if got := value(t, start(t, o), "SHOW fsync"); got != "on" {
		t.Errorf("fsync of a persistent server is %q", got)
	}
}

func TestPassword(t *testing.T) {
	t.Parallel()
	o := throwaway(t)
	o.TCP, o.Password = true, `it's "secret"`
	server := start(t, o)
	good := server.TCPConfig("postgres")
	connect(t, good)
	for _, password := range []string{"", "wrong"} {
		bad := good.Copy()
		bad.Password = password
		_, err := pgx.ConnectConfig(t.Context(), bad)
		if pgErr := (*pgconn.PgError)(nil); !errors.As(err, &pgErr) || pgErr.Code != "28P01" {
			t.Errorf("password %q: %v, want it refused", password, err)
		}
	}
	if config := start(t, throwaway(t)).TCPConfig("postgres"); config != nil {
		t.Errorf("a server without TCP is said to be on port %d", config.Port)
	}
	o.Password = ""
	if _, err := shadow.Start(t.Context(), o); err == nil {
		t.Error("TCP without a password is allowed")
	}
}

func TestJoinWithoutTCP(t *testing.T) {
	t.Parallel()
	o := persistent(t)
	start(t, o)
	o.TCP, o.Password = true, "secret"
	if _, err := shadow.Start(t.Context(), o); err == nil || !strings.Contains(err.Error(), "without TCP") {
		t.Errorf("joining with TCP a server without: %v", err)
	}
}

func TestDatabases(t *testing.T) {
	t.Parallel()
	server := start(t, throwaway(t))
	const name = `Odd "name"/?`
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			if err := server.EnsureDatabase(t.Context(), name); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	conn := connect(t, server.Config(name))
	if _, err := conn.Exec(t.Context(), "CREATE TABLE copied ()"); err != nil {
		t.Fatal(err)
	}
	if err := conn.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := server.CreateDatabase(t.Context(), "copy", name); err != nil {
		t.Fatal(err)
	}
	if _, err := connect(t, server.Config("copy")).Exec(t.Context(), "TABLE copied"); err != nil {
		t.Error(err)
	}
	for range 2 {
		if err := server.DropDatabase(t.Context(), "copy"); err != nil {
			t.Error(err) // although there is a connection
		}
	}
	if got := value(t, server, "SELECT count(*)::text FROM pg_database WHERE datname = 'copy'"); got != "0" {
		t.Error("the database is still there")
	}
}

func TestURL(t *testing.T) {
	t.Parallel()
	server := start(t, throwaway(t))
	config, err := pgx.ParseConfig(server.URL("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	connect(t, config)
	psql, err := exec.LookPath("psql")
	if err != nil {
		t.Skip("needs psql as the other reader of URLs")
	}
	out, err := exec.Command(psql, "-XAtc", "SELECT current_user", server.URL("postgres")).CombinedOutput()
	if err != nil || string(out) != "aludel\n" {
		t.Errorf("psql: %s, %v", out, err)
	}
}

// libpq's variables are for the user's own database.
func TestEnvironmentIsIgnored(t *testing.T) {
	t.Parallel()
	h := startHelper(t, throwaway(t), "PGHOST=nowhere.invalid", "PGPORT=1", "PGUSER=nobody", "PGDATABASE=none",
		"PGSSLMODE=verify-full", "PGOPTIONS=-c search_path=nowhere", "PGDATA=/nowhere", "PGTARGETSESSIONATTRS=standby",
		"PGCHANNELBINDING=require", "PGREQUIREAUTH=scram-sha-256", "PGSSLCERTMODE=require", "LC_ALL=none", "TZ=none")
	h.state(t)
	h.leave(t)
}

func TestLongFolder(t *testing.T) {
	t.Parallel()
	o := persistent(t)
	o.Dir = filepath.Join(filepath.Dir(o.Dir), strings.Repeat("long/", 30)+strings.Repeat("n", 200), "postgres")
	o.TempDir = filepath.Join(o.TempDir, strings.Repeat("temporary/", 12))
	got := state(t, start(t, o))
	if got.Home != o.Dir || !strings.Contains(got.URL, "%2Ftmp%2Faludel-") {
		t.Errorf("state: %+v", got)
	}
}

func TestOtherMajorVersion(t *testing.T) {
	t.Parallel()
	o := persistent(t)
	data := state(t, start(t, o)).DataDir
	if err := shadow.Stop(t.Context(), o.Dir); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(data, "PG_VERSION"), []byte("9\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := shadow.Start(t.Context(), o)
	if err == nil || !strings.Contains(err.Error(), "was made by PostgreSQL 9") {
		t.Errorf("error: %v", err)
	}
}

func TestFailingStartSaysWhy(t *testing.T) {
	t.Parallel()
	o := throwaway(t)
	o.Settings = map[string]string{"max_connections": "many"}
	_, err := shadow.Start(t.Context(), o)
	if err == nil || !strings.Contains(err.Error(), `invalid value for parameter "max_connections"`) {
		t.Errorf("error: %v", err)
	}
}

func TestCancelledStart(t *testing.T) {
	t.Parallel()
	o := persistent(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := shadow.Start(ctx, o); !errors.Is(err, context.Canceled) {
		t.Errorf("error: %v", err)
	}
	if got := status(t, o.Dir); got.Running {
		t.Errorf("state: %+v", got)
	}
	state(t, start(t, o))
}
