package bench_test

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aludel-db/aludel/internal/revision"
)

// BenchmarkGraph loads and plans histories from disk, beside a bare parallel
// reader of the same files. "exponent" is that of the growth from one size to
// the next: 1 is linear.
func BenchmarkGraph(b *testing.B) {
	for _, shape := range []struct {
		name string
		make func(*testing.B, int) string
	}{{"linear", chain}, {"branchy", branchy}} {
		b.Run(shape.name, func(b *testing.B) {
			before := time.Duration(0)
			for _, n := range []int{1000, 10000, 100000} {
				b.Run(fmt.Sprint(n), func(b *testing.B) {
					dir := shape.make(b, n)
					var took time.Duration
					pairs(b, 3, func() cost { return load(b, dir, n) }, func() cost { return readAll(b, dir) })
					took = load(b, dir, n).wall
					if before > 0 {
						b.ReportMetric(math.Log10(float64(took)/float64(before)), "exponent")
					}
					before = took
					// The whole program: a plan of all of it, as data.
					plan := aludel(b, nil, "--dir", dir, "plan", "upgrade", "heads", "--from", "base", "-o", "json")
					b.ReportMetric(process(b, plan).cpu.Seconds(), "s-cpu/plan")
					b.ReportMetric(peak(b, aludel(b, nil, "--dir", dir, "plan", "upgrade", "heads", "--from", "base", "-o", "json")), "MiB/plan")
				})
			}
		})
	}
}

func load(b *testing.B, dir string, n int) cost {
	b.Helper()
	runtime.GC()
	start := time.Now()
	revisions, err := revision.Load(revision.Folder{FS: os.DirFS(dir), Path: dir})
	if err != nil {
		b.Fatal(err)
	}
	g, err := revision.New(revisions)
	if err != nil {
		b.Fatal(err)
	}
	plan, err := g.Upgrade(nil, "heads")
	if err != nil || len(plan.Steps) != n {
		b.Fatal(len(plan.Steps), err)
	}
	return cost{wall: time.Since(start)}
}

func readAll(b *testing.B, dir string) cost {
	b.Helper()
	start := time.Now()
	entries, err := os.ReadDir(dir)
	if err != nil {
		b.Fatal(err)
	}
	var next atomic.Int64
	var wg sync.WaitGroup
	for range 2 * runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for i := next.Add(1) - 1; int(i) < len(entries); i = next.Add(1) - 1 {
				if _, err := os.ReadFile(filepath.Join(dir, entries[i].Name())); err != nil {
					b.Error(err)
				}
			}
		})
	}
	wg.Wait()
	return cost{wall: time.Since(start)}
}
