package revision_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/aludel-db/aludel/internal/revision"
)

// A trace is one recorded run of the real Alembic, see testdata/README.md.
type trace struct {
	Graph []struct {
		ID        string   `json:"id"`
		Down      []string `json:"down"`
		DependsOn []string `json:"depends_on"`
		Labels    []string `json:"labels"`
	} `json:"graph"`
	Start     []string `json:"start"`
	StartKind string   `json:"start_kind"`
	Cmd       string   `json:"cmd"`
	Target    *string  `json:"target"`
	Opts      struct {
		SQL   bool `json:"sql"`
		Purge bool `json:"purge"`
	} `json:"opts"`
	Steps []struct {
		Rev        string   `json:"rev"`
		Dir        string   `json:"dir"`
		HeadsAfter []string `json:"heads_after"`
	} `json:"steps"`
	End       []string `json:"end"`
	IDs       []string `json:"ids"`
	Error     string   `json:"error"`
	Message   string   `json:"message"`
	Overlap   bool     `json:"overlap"`
	RowOrder  bool     `json:"row_order"`
	Unordered bool     `json:"unordered"`
	Varies    bool     `json:"message_varies"`
}

func (tr *trace) graph() (*revision.Graph, error) {
	var revisions []*revision.Revision
	for _, r := range tr.Graph {
		revisions = append(revisions, &revision.Revision{
			ID: r.ID, DownRevisions: r.Down, DependsOn: r.DependsOn, BranchLabels: r.Labels, Message: "rev " + r.ID,
		})
	}
	return revision.New(revisions)
}

// crashed tells an accident of Alembic's from an error that it means to give.
func (tr *trace) crashed() bool {
	return tr.Error != "" && tr.Error != "CommandError" && tr.Error != "DatabaseNotAtHead"
}

func (tr *trace) target() string {
	if tr.Target == nil {
		return ""
	}
	return *tr.Target
}

// outcome is what a command came to, one line a step.
func (tr *trace) want() []string {
	if tr.Error != "" {
		return []string{"error: " + tr.Message}
	}
	var lines []string
	if tr.Unordered && len(tr.IDs) == 0 {
		lines = append(lines, "end "+strings.Join(tr.End, " "))
	}
	for _, s := range tr.Steps {
		line := s.Dir + " " + s.Rev
		if !tr.Overlap && !tr.Unordered {
			line += " -> " + strings.Join(s.HeadsAfter, " ")
		}
		lines = append(lines, line)
	}
	lines = append(lines, tr.IDs...)
	if tr.Unordered {
		slices.Sort(lines)
	}
	return lines
}

func (tr *trace) got() []string {
	g, err := tr.graph()
	if err != nil {
		return []string{"error: " + err.Error()}
	}
	var plan *revision.Plan
	var revisions []*revision.Revision
	switch tr.Cmd {
	case "upgrade":
		plan, err = g.Upgrade(tr.Start, tr.target())
	case "downgrade":
		plan, err = g.Downgrade(tr.Start, tr.target())
	case "stamp":
		plan, err = g.Stamp(tr.Start, strings.Fields(tr.target()), tr.Opts.Purge)
	case "resolve":
		if tr.target() == "current" {
			return tr.want() // the caller's word
		}
		revisions, err = g.Resolve(tr.target())
	case "history":
		revisions, err = g.History(tr.target(), tr.Start)
	}
	if err != nil {
		return []string{"error: " + err.Error()}
	}
	var lines []string
	if plan != nil {
		if tr.Unordered {
			lines = append(lines, "end "+strings.Join(plan.To, " "))
		}
		for step, heads := range plan.HeadsAfter {
			line := fmt.Sprintf("%s %s", step.Direction, step.Revision.ID)
			if !tr.Overlap && !tr.Unordered {
				line += " -> " + strings.Join(heads, " ")
			}
			lines = append(lines, line)
		}
	}
	for _, r := range revisions {
		lines = append(lines, r.ID)
	}
	if tr.Unordered {
		slices.Sort(lines)
	}
	return lines
}

func TestAlembicTraces(t *testing.T) {
	t.Parallel()
	file, err := os.Open("testdata/alembic-traces.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close() //nolint:errcheck // read only
	scanner := bufio.NewScanner(file)
	scanner.Buffer(nil, 1<<20)
	known := knownDifferences(t)
	counts := map[string][2]int{}
	for line := 1; scanner.Scan(); line++ {
		var tr trace
		if err := json.Unmarshal(scanner.Bytes(), &tr); err != nil {
			t.Fatalf("line %d: %v", line, err)
		}
		if !slices.Contains([]string{"upgrade", "downgrade", "stamp", "resolve", "history"}, tr.Cmd) || tr.Opts.SQL {
			continue
		}
		c := counts[tr.Cmd]
		if tr.crashed() {
			tr.got() // must not panic; Alembic has nothing to compare with
			continue
		}
		diff, reason := cmp.Diff(tr.want(), tr.got()), known[line]
		switch {
		case diff != "" && reason == "":
			t.Errorf("line %d: %s %s from %v: (-alembic +aludel)\n%s", line, tr.Cmd, tr.target(), tr.Start, diff)
		case diff == "" && reason != "":
			t.Errorf("line %d: is listed as %s, but does not differ", line, reason)
		case diff != "":
			c[1]++
		}
		c[0]++
		counts[tr.Cmd] = c
	}
	t.Logf("compared, and differing on purpose: %v", counts)
}

// knownDifferences reads the lines in which Aludel differs on purpose.
func knownDifferences(t *testing.T) map[int]string {
	t.Helper()
	data, err := os.ReadFile("testdata/alembic-differences.txt")
	if err != nil {
		t.Fatal(err)
	}
	known := map[int]string{}
	for text := range strings.Lines(string(data)) {
		if strings.TrimSpace(text) == "" || strings.HasPrefix(text, "#") {
			continue
		}
		var line int
		var reason string
		if _, err := fmt.Sscan(text, &line, &reason); err != nil {
			t.Fatalf("alembic-differences.txt: %q: %v", text, err)
		}
		known[line] = reason
	}
	return known
}
