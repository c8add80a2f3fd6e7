package campaign_test

import (
	"fmt"
	"net"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aludel-db/aludel/internal/pgtest"
)

// strikes are what a network does to a connection.
var strikes = map[string]func(*link, []byte){
	"cut": func(l *link, _ []byte) { l.cut() },
	// The client hears of the end at once; what it has sent comes to the server
	// later, as if a router had held it.
	"held up and cut": func(l *link, rest []byte) {
		_ = l.client.Close()
		after(150 * time.Millisecond)
		_, _ = l.server.Write(rest)
	},
	"delayed":                    func(*link, []byte) { after(150 * time.Millisecond) },
	"half-closed to the server":  func(l *link, _ []byte) { halfClose(l.server) },
	"half-closed to the program": func(l *link, _ []byte) { halfClose(l.client) },
	// Only the server hears of it. The program waits, and then goes on.
	"cut at the server": func(l *link, _ []byte) { _ = l.server.Close() },
}

func halfClose(c *net.UnixConn) { _ = c.CloseWrite() }

var strikeNames = []string{
	"cut", "held up and cut", "delayed", "half-closed to the server", "half-closed to the program", "cut at the server",
}

// TestProxy disturbs the connections of a run. Whatever it says then has to be true, at once
// and later; and the same command, undisturbed, has to bring things in order.
func TestProxy(t *testing.T) {
	t.Parallel()
	c := newCampaign(t)
	dir := writeHistory(t)
	states := cleanRuns(t, dir)
	db := newDatabase(t)
	at, chunks := "base", [2]int64{100, 100}
	for n := 0; n < *cuts && !c.over(); n++ {
		target := head
		if at == head {
			target = []string{"base", "r1"}[c.random.IntN(2)]
		}
		name := strikeNames[c.random.IntN(len(strikeNames))]
		b := &blow{way: way(c.random.IntN(2)), part: []float64{0, c.random.Float64(), 1}[c.random.IntN(3)]}
		if name == "held up and cut" {
			b.way, b.part = toServer, 0
		}
		b.chunk = 1 + c.random.Int64N(chunks[b.way]+1)
		whole := b.part == 1
		b.strike = func(l *link, rest []byte) {
			strikes[name](l, rest)
			if name == "delayed" && !whole {
				_ = pass(b.way, l, rest)
			}
		}
		doing := fmt.Sprintf("%s %s, %s at chunk %d, way %d, part %.2f", direction(at, target), target, name, b.chunk, b.way, b.part)
		w := newWire(t, placeOf(db), b)
		got := launch(t, w.place, dir, func(*os.Process) {}, direction(at, target), target)
		checkWords(t, c, db, at, target, got, doing)
		for d := range chunks {
			chunks[d] = max(chunks[d], w.chunks[d].Load())
		}
		w.close()
		awaitRest(t, db)
		checkWords(t, nil, db, at, target, got, doing+", later")
		if w.struck.Load() {
			c.count(name)
		}
		if got := plainly(t, placeOf(db), dir, direction(at, target), target); got.status != 0 {
			t.Errorf("%s: afterwards: %s", doing, summary(got))
		}
		states.check(t, db, target, doing)
		c.count("runs afterwards, all as an undisturbed run")
		at = target
	}
}

// pass passes on the rest of a chunk.
func pass(d way, l *link, rest []byte) error {
	to := l.server
	if d == toClient {
		to = l.client
	}
	_, err := to.Write(rest)
	return err
}

// awaitRest waits until no other session is in the database.
func awaitRest(t *testing.T, db *pgtest.DB) {
	t.Helper()
	for begun := time.Now(); ; {
		rows := db.Query(t, "SELECT pid, state, left(query, 200) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'")
		if len(rows) == 0 {
			return
		}
		if time.Since(begun) > time.Minute {
			t.Fatalf("sessions don't end: %v", rows)
		}
	}
}

var (
	doneLine      = regexp.MustCompile(`(?m)^Running (upgrade|downgrade) .*revision ([rg]\d+) \.\.\. done`)
	failedLine    = regexp.MustCompile(`(?m)^Running (upgrade|downgrade) .*revision ([rg]\d+) \.\.\. FAILED`)
	nothingText   = regexp.MustCompile(`nothing of (?:this )?revision ([rg]\d+) was applied`)
	committedText = regexp.MustCompile(`lost after revision ([rg]\d+) was committed`)
	partialText   = regexp.MustCompile(`revision ([rg]\d+) is partially applied \((?:up|down): (\d) of \d statements`)
	unknownText   = regexp.MustCompile(`it is not known whether revision`)
	doubtText     = regexp.MustCompile(`lost in the first statement of revision ([rg]\d+), which may have been done`)
	startedText   = regexp.MustCompile(`(?m)^Running`)
)

// checkWords holds what a run has said against what the database says.
func checkWords(t *testing.T, c *campaign, db *pgtest.DB, from, target string, said outcome, doing string) {
	t.Helper()
	now := version(t, db)
	fail := func(format string, args ...any) {
		t.Helper()
		t.Errorf("%s: the database is at %s, but %s\n%s", doing, now, fmt.Sprintf(format, args...), said.output)
	}
	// applied tells whether the step of this revision is behind us.
	applied := func(id string) bool {
		if direction(from, target) == "upgrade" {
			return position(now) >= position(id)
		}
		return position(now) < position(id)
	}
	for _, m := range doneLine.FindAllStringSubmatch(said.output, -1) {
		if !applied(m[2]) {
			fail("it said that %s was done", m[2])
		}
	}
	unknown := unknownText.MatchString(said.output)
	for _, m := range failedLine.FindAllStringSubmatch(said.output, -1) {
		if !unknown && !committedText.MatchString(said.output) && applied(m[2]) {
			fail("it said that %s had failed", m[2])
		}
	}
	kind := "said: another failure"
	switch partial := partialText.FindStringSubmatch(said.output); {
	case said.status == 0:
		kind = "said: done"
		if now != target {
			fail("it ended with status 0")
		}
	case unknown:
		kind = "said: not known"
	case partial != nil:
		kind = "said: partial"
		if applied(partial[1]) {
			fail("it said that %s was partial", partial[1])
		}
		rows := db.Query(t, "SELECT statements_done FROM aludel_history WHERE revision = '"+partial[1]+"' ORDER BY id DESC LIMIT 1")
		if rows[0][0] != partial[2] {
			fail("it said that %s statements had run, and the history says %s", partial[2], rows[0][0])
		}
		if said.status != 6 {
			fail("it ended with status %d", said.status)
		}
	case doubtText.MatchString(said.output):
		kind = "said: in the first statement"
		if id := doubtText.FindStringSubmatch(said.output)[1]; applied(id) {
			fail("it said that %s was not through", id)
		}
	case committedText.MatchString(said.output):
		kind = "said: committed"
		if id := committedText.FindStringSubmatch(said.output)[1]; !applied(id) {
			fail("it said that %s was committed", id)
		}
	case nothingText.MatchString(said.output):
		kind = "said: nothing applied"
		if id := nothingText.FindStringSubmatch(said.output)[1]; applied(id) {
			fail("it said that nothing of %s was applied", id)
		}
	case !startedText.MatchString(said.output):
		kind = "said: failed before anything ran"
		if now != from {
			fail("nothing had been said to run")
		}
	default:
		if c != nil {
			t.Logf("%s: %s", doing, said.output)
		}
	}
	if said.status < 0 || strings.Contains(said.output, "panic") {
		fail("it died: %d", said.status)
	}
	if c != nil {
		c.count(kind)
		c.count("exit status " + strconv.Itoa(said.status))
	}
}
