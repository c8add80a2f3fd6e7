package bench_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/aludel-db/aludel/internal/pgtest"
)

// bareEnv makes the test binary be another program: "hello", or the limit that a
// whole process is compared with, one pgx connection that asks what the command
// asks.
const bareEnv = "ALUDEL_BENCH_BARE"

// readEnv makes it read the catalog of the database that it names.
const readEnv = "ALUDEL_BENCH_READ"

func TestMain(m *testing.M) {
	if url := os.Getenv(readEnv); url != "" {
		readOnce(url)
		return
	}
	switch os.Getenv(bareEnv) {
	case "":
		os.Exit(pgtest.Run(m))
	case "hello":
		fmt.Println("hello")
	default:
		ctx := context.Background()
		conn, err := pgx.Connect(ctx, os.Getenv(bareEnv))
		if err == nil {
			_, err = conn.PgConn().Exec(ctx, "SELECT version_num FROM alembic_version").ReadAll()
		}
		if err != nil {
			panic(err)
		}
		_ = conn.Close(ctx)
	}
}

// program builds the command once.
var program = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "aludel-bench")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "aludel")
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", path, "../../cmd/aludel")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := cmd.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%w: %s", err, out)
	}
	return path, err
})

// A cost is what a run took.
type cost struct {
	wall, cpu time.Duration
}

// process runs a command and answers its cost.
func process(b *testing.B, cmd *exec.Cmd) cost {
	b.Helper()
	var errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = io.Discard, &errs
	start := time.Now()
	if err := cmd.Run(); err != nil {
		b.Fatalf("%v: %v\n%s", cmd.Args, err, errs.String())
	}
	return cost{wall: time.Since(start), cpu: cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()}
}

// peak runs a command and answers its largest resident memory in MiB, read
// from /proc while it runs: what the kernel tells afterwards counts the parent
// that it was forked from as well.
func peak(b *testing.B, cmd *exec.Cmd) float64 {
	b.Helper()
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	kib := 0
	for {
		if status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", cmd.Process.Pid)); err == nil {
			if _, rest, ok := strings.Cut(string(status), "VmHWM:"); ok {
				if n, err := strconv.Atoi(strings.Fields(rest)[0]); err == nil {
					kib = max(kib, n)
				}
			}
		}
		select {
		case err := <-done:
			if err != nil {
				b.Fatal(err)
			}
			return float64(kib) / 1024
		default:
		}
	}
}

// report sets ours beside the limit: medians, and the median of the ratios
// pair by pair, which holds when the machine's speed drifts.
func report(b *testing.B, ours, limit []cost) {
	b.Helper()
	var walls, cpus []float64
	for i := range ours {
		walls = append(walls, float64(ours[i].wall)/float64(limit[i].wall))
		cpus = append(cpus, float64(ours[i].cpu)/float64(limit[i].cpu))
	}
	b.ReportMetric(median(walls), "wall-ratio")
	if ours[0].cpu > 0 && limit[0].cpu > 0 {
		b.ReportMetric(median(cpus), "cpu-ratio")
	}
	b.ReportMetric(milliseconds(ours), "ms/ours")
	b.ReportMetric(milliseconds(limit), "ms/limit")
	b.ReportMetric(0, "ns/op") // says nothing here
}

func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}

func milliseconds(costs []cost) float64 {
	var values []float64
	for _, c := range costs {
		values = append(values, float64(c.wall)/1e6)
	}
	return median(values)
}

// pairs runs ours and the limit in turn, and once of each before it counts.
func pairs(b *testing.B, n int, ours, limit func() cost) {
	b.Helper()
	path, err := program()
	if err != nil || path == "" {
		b.Fatal(err)
	}
	ours()
	limit()
	for b.Loop() {
		var a, l []cost
		for range n {
			a, l = append(a, ours()), append(l, limit())
		}
		report(b, a, l)
	}
}

func aludel(b *testing.B, db *pgtest.DB, args ...string) *exec.Cmd {
	b.Helper()
	path, err := program()
	if err != nil {
		b.Fatal(err)
	}
	cmd := exec.Command(path, args...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + b.TempDir()}
	if db != nil {
		cmd.Env = append(cmd.Env, "POSTGRES_SERVER="+db.Host, fmt.Sprintf("POSTGRES_PORT=%d", db.Port), "POSTGRES_USER="+db.User, "POSTGRES_DB="+db.Name)
	}
	return cmd
}

func self(b *testing.B, bare string) *exec.Cmd {
	b.Helper()
	exe, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), bareEnv+"="+bare)
	return cmd
}

// BenchmarkVersion: --version beside a program that prints a line.
func BenchmarkVersion(b *testing.B) {
	pairs(b, 20, func() cost { return process(b, aludel(b, nil, "--version")) }, func() cost { return process(b, self(b, "hello")) })
}

// BenchmarkUpToDate: commands on an up-to-date database with 1,000 revisions,
// beside one bare pgx connection that asks the same.
func BenchmarkUpToDate(b *testing.B) {
	db, dir := pgtest.New(b), chain(b, 1000)
	process(b, aludel(b, db, "--dir", dir, "stamp", "head"))
	for _, args := range [][]string{{"current"}, {"upgrade", "head"}, {"history"}, {"status"}} {
		b.Run(args[0], func(b *testing.B) {
			pairs(b, 20, func() cost { return process(b, aludel(b, db, append([]string{"--dir", dir}, args...)...)) },
				func() cost { return process(b, self(b, db.URL())) })
		})
	}
}

// BenchmarkMemory: the peak of commands, in MiB, beside that of a program that
// prints a line.
func BenchmarkMemory(b *testing.B) {
	for b.Loop() {
		dir := chain(b, 1000)
		large := chain(b, 10000)
		b.ReportMetric(peak(b, self(b, "hello")), "MiB/hello")
		b.ReportMetric(peak(b, aludel(b, nil, "--version")), "MiB/version")
		b.ReportMetric(peak(b, aludel(b, pgtest.New(b), "--dir", dir, "upgrade", "head")), "MiB/upgrade-1k")
		b.ReportMetric(peak(b, aludel(b, nil, "--dir", large, "history")), "MiB/history-10k")
		b.ReportMetric(peak(b, aludel(b, nil, "--dir", large, "plan", "upgrade", "head", "--from", "base")), "MiB/plan-10k")
		b.ReportMetric(0, "ns/op")
	}
}
