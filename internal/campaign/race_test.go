package campaign_test

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/aludel-db/aludel/internal/pgtest"
)

// TestRace starts many processes at once that all bring the database to the same
// revision: each revision runs once, all of them succeed, and no deadlock has to be broken.
func TestRace(t *testing.T) {
	t.Parallel()
	c := newCampaign(t)
	dir := writeHistory(t)
	states := cleanRuns(t, dir)
	db := newDatabase(t)
	target := head
	for round := 0; round < *rounds && !c.over(); round++ {
		doing := fmt.Sprintf("round %d of %d processes, %s %s", round, *racers, direction(version(t, db), target), target)
		for _, o := range together(t, c, placeOf(db), dir, direction(version(t, db), target), target) {
			if o.status != 0 {
				t.Errorf("%s: %s", doing, summary(o))
			}
		}
		states.check(t, db, target, doing)
		noDeadlock(t, db, doing)
		c.count("rounds")
		if target = head; version(t, db) == head {
			target = "base"
		}
	}
}

// together runs as many processes as are asked for, which start together.
func together(t *testing.T, c *campaign, at place, dir string, args ...string) []outcome {
	t.Helper()
	outcomes := make([]outcome, *racers)
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range outcomes {
		wg.Go(func() {
			<-start
			outcomes[i] = launch(t, at, dir, func(*os.Process) {}, args...)
		})
	}
	close(start)
	wg.Wait()
	for _, o := range outcomes {
		c.count(fmt.Sprintf("exit status %d", o.status))
		c.add("steps told as done", strings.Count(o.output, "... done"))
		if strings.Contains(o.output, "Nothing to do") {
			c.count("found nothing to do")
		}
	}
	return outcomes
}

// noDeadlock looks whether the server had to break one in this database.
func noDeadlock(t *testing.T, db *pgtest.DB, doing string) {
	t.Helper()
	if got := db.Query(t, "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"); got[0][0] != "0" {
		t.Errorf("%s: %s deadlocks", doing, got[0][0])
	}
}
