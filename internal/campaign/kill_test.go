package campaign_test

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/aludel-db/aludel/internal/pgtest"
)

// TestKill kills aludel -9: at random moments, and at each message that it sends or
// gets, before, within and behind it. Then the same command has to succeed. Now and
// then that one is killed as well.
func TestKill(t *testing.T) {
	t.Parallel()
	c := newCampaign(t)
	dir := writeHistory(t)
	states := cleanRuns(t, dir)
	db := newDatabase(t)
	k := &killer{campaign: c, dir: dir, db: db, took: 300 * time.Millisecond, chunks: [2]int64{100, 100}}
	at := "base"
	for round := 0; c.figures["killed"] < *kills && !c.over(); round++ {
		target := head
		if at == head {
			target = []string{"base", "r1"}[c.random.IntN(2)]
		}
		for k.kill(t, direction(at, target), target); c.random.IntN(3) == 0 && !c.over(); {
			k.kill(t, direction(at, target), target)
		}
		begun := time.Now()
		doing := fmt.Sprintf("round %d, %s %s after a kill %s", round, direction(at, target), target, k.last)
		if got := plainly(t, placeOf(db), dir, direction(at, target), target); got.status != 0 {
			t.Errorf("%s: %s", doing, summary(got))
		}
		k.took = (3*k.took + time.Since(begun)) / 4
		states.check(t, db, target, doing)
		c.count("runs afterwards, all as an undisturbed run")
		at = target
	}
	if c.figures["killed"] < *kills && !t.Failed() {
		t.Logf("the time was up after %d kills of %d", c.figures["killed"], *kills)
	}
}

type killer struct {
	*campaign
	dir    string
	db     *pgtest.DB
	took   time.Duration // a run, about
	chunks [2]int64      // of a run, about
	last   string        // where the last kill was
	next   int64         // fault point
}

// kill runs a command and kills it, half the time at a moment, and half the time at
// the next fault point.
func (k *killer) kill(t *testing.T, args ...string) {
	t.Helper()
	killing := func(p *os.Process) { _ = p.Kill() }
	var got outcome
	if k.random.IntN(2) == 0 {
		moment := time.Duration(k.random.Int64N(int64(k.took) + 1))
		k.last = fmt.Sprintf("after %s", moment)
		got = launch(t, placeOf(k.db), k.dir, func(p *os.Process) { time.AfterFunc(moment, func() { killing(p) }) }, args...)
	} else {
		got = k.atFaultPoint(t, args...)
	}
	switch got.status {
	case -1:
		k.count("killed")
		k.count("killed " + args[0])
	case 0:
		k.count("ended before the kill")
	default:
		t.Errorf("%v failed by itself: %s", args, summary(got))
	}
}

func (k *killer) atFaultPoint(t *testing.T, args ...string) outcome {
	t.Helper()
	process := make(chan *os.Process, 1)
	b := &blow{way: way(k.next % 2), part: []float64{0, 1, 0.5}[k.next/2%3]}
	b.chunk = 1 + k.next/6%k.chunks[b.way]
	k.next++
	k.last = fmt.Sprintf("at chunk %d, way %d, part %.1f", b.chunk, b.way, b.part)
	b.strike = func(*link, []byte) { _ = (<-process).Kill() } // the rest never gets through
	w := newWire(t, placeOf(k.db), b)
	got := launch(t, w.place, k.dir, func(p *os.Process) { process <- p }, args...)
	w.close()
	if w.struck.Load() {
		k.count("kills at fault points")
	} else {
		for d := range k.chunks {
			k.chunks[d] = max(w.chunks[d].Load(), 1)
		}
	}
	return got
}
