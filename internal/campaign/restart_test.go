package campaign_test

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/aludel-db/aludel/internal/pgtest"
)

// TestRestart shuts the server down at once in the middle of a run. When it is there
// again, what the program said has to be true, and the same command has to succeed.
func TestRestart(t *testing.T) {
	t.Parallel()
	c := newCampaign(t)
	dir := writeHistory(t)
	states := cleanRuns(t, dir)
	own := pgtest.NewOwn(t)
	db := own.New(t)
	db.Exec(t, ledgerDDL)
	at, took := "base", 300*time.Millisecond
	for n := 0; n < *restarts && !c.over(); n++ {
		target := head
		if at == head {
			target = []string{"base", "r1"}[c.random.IntN(2)]
		}
		back := n%10 != 7 // before the run gives up
		moment := time.Duration(c.random.Int64N(int64(took)))
		doing := fmt.Sprintf("%s %s, the server shut down after %s", direction(at, target), target, moment)
		got := launch(t, placeOf(db), dir, func(*os.Process) {
			after(moment)
			own.Shutdown(t)
			if back {
				own.Restart(t)
			}
		}, direction(at, target), target)
		if !back {
			own.Restart(t)
		}
		c.count("shutdowns")
		checkWords(t, c, db, at, target, got, doing)
		begun := time.Now()
		if got := plainly(t, placeOf(db), dir, direction(at, target), target); got.status != 0 {
			t.Errorf("%s: afterwards: %s", doing, summary(got))
		}
		took = (3*took + time.Since(begun)) / 4
		states.check(t, db, target, doing)
		c.count("runs afterwards, all as an undisturbed run")
		at = target
	}
}
