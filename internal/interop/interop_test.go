package interop_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/aludel-db/aludel"
	"github.com/aludel-db/aludel/internal/pgtest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }

// python is the system's: its packages hold Alembic.
const python = "/usr/bin/python3"

// An alembic is the real one, in a process of its own.
type alembic struct {
	mu  sync.Mutex
	in  io.Writer
	out *bufio.Scanner
	cmd *exec.Cmd
}

type request struct {
	Script string   `json:"script"`
	URL    string   `json:"url"`
	Verb   string   `json:"verb"`
	Args   []string `json:"args"`
}

type answer struct {
	Rows    []string `json:"rows"`
	Error   string   `json:"error"`
	Message string   `json:"message"`
}

// meant tells an error that Alembic means to give from a crash.
func (a *answer) meant() bool { return a.Error == "CommandError" }

func startAlembic(t *testing.T) *alembic {
	t.Helper()
	if err := exec.Command(python, "-c", "import alembic, psycopg2").Run(); err != nil {
		t.Fatalf("the real Alembic is needed: apt-get install alembic python3-psycopg2 (scripts/install alembic): %v", err)
	}
	a := &alembic{cmd: exec.Command(python, "-W", "ignore", "testdata/driver.py")}
	a.cmd.Stderr = os.Stderr
	in, err := a.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := a.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := a.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(in.Close(), a.cmd.Wait()); err != nil {
			t.Error(err)
		}
	})
	a.in, a.out = in, bufio.NewScanner(out)
	return a
}

func (a *alembic) run(t *testing.T, r request) answer {
	t.Helper()
	a.mu.Lock()
	defer a.mu.Unlock()
	line, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprintln(a.in, string(line)); err != nil {
		t.Fatal(err)
	}
	if !a.out.Scan() {
		t.Fatalf("Alembic has ended: %v", a.out.Err())
	}
	var result answer
	if err := json.Unmarshal(a.out.Bytes(), &result); err != nil {
		t.Fatalf("%s: %v", a.out.Text(), err)
	}
	return result
}

// leftOut counts the cases that are not compared, by the reason.
type leftOut struct {
	mu       sync.Mutex
	reasons  map[string]int
	compared int
}

func (l *leftOut) add(reason string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if reason == "" {
		l.compared++
	} else {
		l.reasons[reason]++
	}
}

func (l *leftOut) note(what string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.reasons[what]++
}

// TestTakeTurns lets the two tools take turns over 30 graphs.
func TestTakeTurns(t *testing.T) {
	t.Parallel()
	tally := &leftOut{reasons: map[string]int{}}
	graphs := map[string][]rev{}
	for name, graph := range handmade {
		graphs[name] = graph
	}
	for seed := range uint64(26) {
		graphs[fmt.Sprintf("seed%02d", seed)] = drawGraph(rand.New(rand.NewPCG(seed, 1)))
	}
	t.Run("graphs", func(t *testing.T) {
		workers := []*alembic{startAlembic(t), startAlembic(t)}
		i := 0
		t.Run("walks", func(t *testing.T) {
			for name, graph := range graphs {
				worker := workers[i%len(workers)]
				i++
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					newWalk(t, worker, graph, tally).run(rand.New(rand.NewPCG(uint64(len(name)), uint64(name[len(name)-1]))))
				})
			}
		})
	})
	t.Logf("%d graphs, %d steps compared, left out: %v", len(graphs), tally.compared, tally.reasons)
	if tally.compared < 150 {
		t.Errorf("only %d steps were compared", tally.compared)
	}
}

// A walk is a sequence of commands over one graph on one database.
type walk struct {
	t        *testing.T
	alembic  *alembic
	graph    []rev
	db       *pgtest.DB
	conn     *pgx.Conn
	migrator *aludel.Migrator
	script   string
	url      string
	tally    *leftOut
}

func newWalk(t *testing.T, a *alembic, graph []rev, tally *leftOut) *walk {
	t.Helper()
	ours, theirs := write(t, graph)
	m, err := aludel.New(os.DirFS(ours), aludel.Options{Path: ours})
	if err != nil {
		t.Fatal(err)
	}
	db := pgtest.New(t)
	return &walk{
		t: t, alembic: a, graph: graph, db: db, conn: db.Connect(t), migrator: m, script: theirs, tally: tally,
		url: fmt.Sprintf("postgresql+psycopg2://%s@/%s?host=%s&port=%d", db.User, db.Name, db.Host, db.Port),
	}
}

const walkLength = 8

func (w *walk) run(random *rand.Rand) {
	w.step("upgrade", w.graph[random.IntN(len(w.graph))].id, random.IntN(2) == 0)
	for range walkLength {
		verb, target := w.choose(random)
		w.step(verb, target, random.IntN(2) == 0)
	}
	w.step("upgrade", "heads", random.IntN(2) == 0)
	w.step("downgrade", "base", random.IntN(2) == 0)
}

func (w *walk) choose(random *rand.Rand) (verb, target string) {
	r := w.graph[random.IntN(len(w.graph))]
	branch := r.id
	if r.label != "" {
		branch = r.label
	}
	upgrades := []string{"heads", "+1", r.id, branch + "@head", branch + "@+1", r.id[:len(r.id)-1], "head"}
	downgrades := []string{"-1", r.id, r.id, branch + "@-1", branch + "@base", "base"}
	switch random.IntN(9) {
	case 0:
		return "stamp", r.id
	case 1, 2, 3:
		return "downgrade", downgrades[random.IntN(len(downgrades))]
	}
	return "upgrade", upgrades[random.IntN(len(upgrades))]
}

// step runs a command with one tool, on a state that the other may have left,
// and compares: with what our planner says, with what the catalog says, with
// what the other tool reports.
func (w *walk) step(verb, target string, byAlembic bool) {
	w.t.Helper()
	before := w.rows()
	what := fmt.Sprintf("%s %s from %v", verb, target, before)
	plan, planErr := w.plan(before, verb, target)
	if reason := w.excluded(verb, target, before, plan, planErr); reason != "" {
		w.tally.add(reason)
		return
	}
	if verb == "downgrade" && planErr == nil && w.overMerge(plan) && byAlembic {
		// Debian's Alembic 1.8.1 leaves wrong rows there, mended in 1.13.1.
		w.tally.note("downgrades over a merge or a dependency, run by Aludel alone")
		byAlembic = false
	}
	tables := w.tables()
	if byAlembic {
		a := w.alembic.run(w.t, request{Script: w.script, URL: w.url, Verb: verb, Args: []string{target}})
		if a.Error != "" && !a.meant() {
			w.tally.add("Alembic crashed: " + a.Error)
			return
		}
		if (a.Error != "") != (planErr != nil) {
			w.t.Fatalf("%s: Alembic says %q, we say %v", what, a.Message, planErr)
		}
	} else {
		if err := w.execute(verb, target); (err != nil) != (planErr != nil) {
			w.t.Fatalf("%s: running it says %v, planning it %v", what, err, planErr)
		}
	}
	after := before
	if planErr == nil {
		after = plan.To
	}
	rows := w.rows()
	if diff := cmp.Diff(after, rows, cmp.Comparer(slices.Equal[[]string])); diff != "" {
		w.t.Fatalf("%s (by Alembic %v): rows (-planned +found):\n%s", what, byAlembic, diff)
	}
	w.compareTables(what, tables, plan)
	// The other tool must be able to read it, and see the same.
	current := w.alembic.run(w.t, request{Script: w.script, URL: w.url, Verb: "current"})
	if current.Error != "" || !slices.Equal(current.Rows, rows) {
		w.t.Fatalf("%s: Alembic sees %v (%s %s), we see %v", what, current.Rows, current.Error, current.Message, rows)
	}
	w.tally.add("")
	if verb == "stamp" { // back to rows that fit the tables, or the walk could not go on
		w.setRows(before)
	}
}

func (w *walk) setRows(rows []string) {
	w.t.Helper()
	sql := "DELETE FROM alembic_version;"
	for _, id := range rows {
		sql += "INSERT INTO alembic_version VALUES ('" + id + "');"
	}
	w.db.Exec(w.t, sql)
}

func (w *walk) plan(from []string, verb, target string) (*aludel.Plan, error) {
	if from == nil {
		from = []string{}
	}
	direction := map[string]aludel.Direction{"upgrade": aludel.Up, "downgrade": aludel.Down, "stamp": aludel.Stamped}[verb]
	return w.migrator.Plan(context.Background(), nil, aludel.PlanOptions{Direction: direction, Targets: []string{target}, From: from})
}

func (w *walk) execute(verb, target string) error {
	ctx := context.Background()
	var err error
	switch verb {
	case "upgrade":
		_, err = w.migrator.Upgrade(ctx, w.conn, aludel.UpgradeOptions{Target: target})
	case "downgrade":
		_, err = w.migrator.Downgrade(ctx, w.conn, aludel.DowngradeOptions{Target: target})
	case "stamp":
		_, err = w.migrator.Stamp(ctx, w.conn, aludel.StampOptions{Targets: []string{target}})
	}
	return err
}

// excluded names why a command is not compared; empty where it is.
func (w *walk) excluded(verb, target string, before []string, plan *aludel.Plan, planErr error) string {
	switch {
	case verb == "downgrade" && len(before) > 1 && strings.HasPrefix(target, "-"):
		return "downgrade -N from several rows: Alembic takes whichever comes first, we refuse"
	case verb == "downgrade" && len(before) == 0 && strings.Contains(target, "@-"):
		return "downgrade B@-N from nothing: Alembic crashes"
	case verb == "upgrade" && planErr == nil && w.redundant(plan):
		return "a dependency that is an ancestor already: Alembic fails with KeyError or leaves overlapping rows"
	}
	return ""
}

// overMerge tells that a step undoes a revision that stands on several others.
func (w *walk) overMerge(plan *aludel.Plan) bool {
	return slices.ContainsFunc(plan.Steps, func(s aludel.Step) bool {
		return len(s.Revision.DownRevisions)+len(s.Revision.DependsOn) > 1
	})
}

// redundant tells that a step applies a revision over a dependency from which
// one of its parents, or another dependency, descends.
func (w *walk) redundant(plan *aludel.Plan) bool {
	return slices.ContainsFunc(plan.Steps, func(s aludel.Step) bool {
		direct := slices.Concat(s.Revision.DownRevisions, s.Revision.DependsOn)
		for _, a := range direct {
			for _, b := range direct {
				if a != b && w.below(b)[a] {
					return true
				}
			}
		}
		return false
	})
}

// below are the ids that id stands on.
func (w *walk) below(id string) map[string]bool {
	found := map[string]bool{}
	todo := []string{id}
	for len(todo) > 0 {
		r := w.graph[slices.IndexFunc(w.graph, func(r rev) bool { return r.id == todo[0] })]
		todo = todo[1:]
		for _, p := range slices.Concat(r.down, r.depends) {
			if !found[p] {
				found[p] = true
				todo = append(todo, p)
			}
		}
	}
	return found
}

func (w *walk) rows() []string {
	w.t.Helper()
	state, err := w.migrator.State(context.Background(), w.conn)
	if err != nil {
		w.t.Fatal(err)
	}
	return state.Rows
}

// tables are the tables of the revisions that ran: what the catalog says of
// the applied set.
func (w *walk) tables() []string {
	w.t.Helper()
	var names []string
	for _, row := range w.db.Query(w.t, "SELECT substr(relname, 3) FROM pg_class WHERE relname LIKE 't\\_%' AND relkind = 'r' ORDER BY 1") {
		names = append(names, row[0])
	}
	return names
}

// compareTables: exactly the planned revisions came or went.
func (w *walk) compareTables(what string, before []string, plan *aludel.Plan) {
	w.t.Helper()
	want := slices.Clone(before)
	if plan != nil {
		for _, s := range plan.Steps {
			switch s.Direction {
			case aludel.Up:
				want = append(want, s.Revision.ID)
			case aludel.Down:
				want = slices.DeleteFunc(want, func(id string) bool { return id == s.Revision.ID })
			}
		}
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, w.tables(), cmp.Comparer(slices.Equal[[]string])); diff != "" {
		w.t.Fatalf("%s: tables (-planned +found):\n%s", what, diff)
	}
}
