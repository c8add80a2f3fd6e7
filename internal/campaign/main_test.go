package campaign_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aludel-db/aludel/internal/pgtest"
)

// How much each campaign does. The defaults are the short forms.
var (
	kills    = flag.Int("kills", 24, "processes to kill")
	cuts     = flag.Int("cuts", 24, "connections to disturb")
	rounds   = flag.Int("rounds", 2, "rounds of processes that start together")
	racers   = flag.Int("racers", 12, "processes that start together in a round")
	restarts = flag.Int("restarts", 3, "shutdowns of the server")
	bound    = flag.Duration("bound", time.Minute, "when a campaign ends at the latest, though not all is done")
	seed     = flag.Uint64("seed", 0, "of the random moments; 0: another one each time")
)

// program is the path of the aludel that all campaigns run, and the error of its
// build. It is a variable of the package because testing gives TestMain no way to
// hand a value to the tests.
var program struct {
	path string
	err  error
}

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "campaign")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	program.path = filepath.Join(dir, "migrate")
	out, err := exec.Command("go", "build", "-o", program.path, "./migrate").CombinedOutput()
	if err != nil {
		program.err = fmt.Errorf("building aludel: %w: %s", err, out)
	}
	return pgtest.Run(m)
}

// A campaign counts and draws. It says at its end what it did.
type campaign struct {
	t       *testing.T
	random  *rand.Rand
	ends    time.Time
	mu      sync.Mutex
	figures map[string]int
	order   []string
	began   time.Time
}

func newCampaign(t *testing.T) *campaign {
	t.Helper()
	if program.err != nil {
		t.Fatal(program.err)
	}
	s := *seed
	if s == 0 {
		s = rand.Uint64()
	}
	c := &campaign{
		t: t, random: rand.New(rand.NewPCG(s, 0)), began: time.Now(), //nolint:gosec // moments, not secrets
		ends: time.Now().Add(*bound), figures: map[string]int{},
	}
	t.Cleanup(func() {
		var b strings.Builder
		for _, name := range c.order {
			fmt.Fprintf(&b, "  %-46s %d\n", name, c.figures[name])
		}
		t.Logf("seed %d, %s\n%s", s, time.Since(c.began).Round(time.Second), b.String())
	})
	return c
}

// count adds to a figure.
func (c *campaign) count(name string) { c.add(name, 1) }

func (c *campaign) add(name string, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, known := c.figures[name]; !known {
		c.order = append(c.order, name)
	}
	c.figures[name] += n
}

// over tells that the campaign's time is up, or that it has failed.
func (c *campaign) over() bool { return c.t.Failed() || time.Now().After(c.ends) }

// A place is where a process of aludel connects to.
type place struct {
	host     string
	port     uint16
	user, db string
}

func placeOf(db *pgtest.DB) place {
	return place{host: db.Host, port: db.Port, user: db.User, db: db.Name}
}

// An outcome is how a process ended.
type outcome struct {
	status int // -1: a signal ended it
	output string
}

// aludel prepares a process. Nobody knows yet where what it says is to go.
func aludel(ctx context.Context, at place, dir string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, program.path, append([]string{"--dir", dir}, args...)...)
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "POSTGRES_SERVER=" + at.host,
		"POSTGRES_PORT=" + strconv.Itoa(int(at.port)), "POSTGRES_USER=" + at.user, "POSTGRES_DB=" + at.db,
	}
	cmd.Dir = filepath.Dir(dir)
	return cmd
}

// launch starts a process, lets disturb have it, and waits for its end.
func launch(t *testing.T, at place, dir string, disturb func(*os.Process), args ...string) outcome {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), 2*time.Minute)
	defer stop()
	cmd := aludel(ctx, at, dir, args...)
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Error(err)
		return outcome{status: -2}
	}
	disturb(cmd.Process)
	err := cmd.Wait()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		t.Errorf("aludel %v did not end", args)
	case err != nil && !errors.As(err, &exit):
		t.Error(err)
	}
	return outcome{status: cmd.ProcessState.ExitCode(), output: out.String()}
}

// plainly runs aludel undisturbed.
func plainly(t *testing.T, at place, dir string, args ...string) outcome {
	t.Helper()
	return launch(t, at, dir, func(*os.Process) {}, args...)
}
