// Package alembictrace is for tests alone: 3,000 recorded runs of the real
// Alembic, each a graph, the version rows before, a command, and what came of
// it. testdata/README.md describes them.
//
// testdata/differences.txt lists the lines in which Aludel differs on purpose,
// with a word each that docs/alembic-differences.md explains.
package alembictrace

import (
	"bufio"
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

//go:embed testdata/traces.jsonl
var recorded []byte

//go:embed testdata/differences.txt
var differences string

// A Trace is one recorded run.
type Trace struct {
	Line  int `json:"-"` // of traces.jsonl, from 1
	Graph []struct {
		ID        string   `json:"id"`
		Down      []string `json:"down"`
		DependsOn []string `json:"depends_on"`
		Labels    []string `json:"labels"`
	} `json:"graph"` // in load order
	Start   []string `json:"start"` // rows
	Cmd     string   `json:"cmd"`
	Target  string   `json:"target"` // arguments joined by spaces
	Opts    Opts     `json:"opts"`
	Steps   []Step   `json:"steps"`
	End     []string `json:"end"`
	IDs     []string `json:"ids"`
	Out     *string  `json:"out"` // nil where it varies
	New     *New     `json:"new"`
	Error   string   `json:"error"` // its class
	Message string   `json:"message"`

	Overlap   bool `json:"overlap"`
	Unordered bool `json:"unordered"`
	Varies    bool `json:"message_varies"`
}

// Opts are a command's flags.
type Opts struct {
	SQL                 bool     `json:"sql"`
	Purge               bool     `json:"purge"`
	Verbose             bool     `json:"verbose"`
	IndicateCurrent     bool     `json:"indicate_current"`
	ResolveDependencies bool     `json:"resolve_dependencies"`
	CheckHeads          bool     `json:"check_heads"`
	RevID               string   `json:"rev_id"`
	Head                string   `json:"head"`
	Splice              bool     `json:"splice"`
	DependsOn           []string `json:"depends_on"`
	BranchLabel         string   `json:"branch_label"`
}

// A Step is something that ran.
type Step struct {
	Revision   string   `json:"rev"`
	Direction  string   `json:"dir"` // up, down or stamp
	HeadsAfter []string `json:"heads_after"`
}

// New is what a file made by revision or merge declares.
type New struct {
	ID        string   `json:"id"`
	Down      []string `json:"down"`
	DependsOn []string `json:"depends_on"`
	Labels    []string `json:"labels"`
}

// All reads the traces.
func All(tb testing.TB) []*Trace {
	tb.Helper()
	var all []*Trace
	scanner := bufio.NewScanner(bytes.NewReader(recorded))
	scanner.Buffer(nil, 1<<20)
	for line := 1; scanner.Scan(); line++ {
		tr := &Trace{Line: line}
		if err := json.Unmarshal(scanner.Bytes(), tr); err != nil {
			tb.Fatalf("traces.jsonl:%d: %v", line, err)
		}
		all = append(all, tr)
	}
	return all
}

// Files writes the graph as revision files, named so that they load in its
// order.
func (tr *Trace) Files() fstest.MapFS {
	files := fstest.MapFS{}
	for i, r := range tr.Graph {
		text := "-- rev " + r.ID + "\n--\n-- revision: " + r.ID + "\n-- down_revision: " + strings.Join(r.Down, ", ") + "\n"
		if len(r.DependsOn) > 0 {
			text += "-- depends_on: " + strings.Join(r.DependsOn, ", ") + "\n"
		}
		if len(r.Labels) > 0 {
			text += "-- branch_labels: " + strings.Join(r.Labels, ", ") + "\n"
		}
		files[fmt.Sprintf("%03d_%s.sql", i, r.ID)] = &fstest.MapFile{Data: []byte(text + "\n-- migrate:up\n\n-- migrate:down\n"), Mode: 0o666}
	}
	return files
}

// Crashed tells an accident of Alembic's from an error that it means to give.
// There is nothing to compare with then.
func (tr *Trace) Crashed() bool {
	return tr.Error != "" && tr.Error != "CommandError" && tr.Error != "DatabaseNotAtHead"
}

// An Outcome is what a command came to, as far as it applies.
type Outcome struct {
	Error string
	Steps []Step
	End   []string
	IDs   []string
	New   *New
}

// Check compares what Aludel did with the trace. Where they differ on purpose
// the trace must be listed, and where it is listed they must differ.
func (tr *Trace) Check(t *testing.T, got *Outcome) {
	t.Helper()
	want := &Outcome{Error: tr.Message, Steps: tr.Steps, End: tr.End, IDs: tr.IDs, New: tr.New}
	if tr.Varies && got.Error != "" {
		return
	}
	diff, reason := cmp.Diff(tr.lines(want), tr.lines(got)), tr.Differs(t)
	switch {
	case diff != "" && reason == "":
		t.Errorf("traces.jsonl:%d: %s %s %+v from %v: (-alembic +aludel)\n%s", tr.Line, tr.Cmd, tr.Target, tr.Opts, tr.Start, diff)
	case diff == "" && reason != "":
		t.Errorf("traces.jsonl:%d is listed as %s, but does not differ", tr.Line, reason)
	}
}

// lines is an outcome as text, without what varies from run to run in Alembic.
func (tr *Trace) lines(o *Outcome) []string {
	if o.Error != "" {
		return []string{"error: " + o.Error}
	}
	var lines []string
	for _, s := range o.Steps {
		line := s.Direction + " " + s.Revision
		if !tr.Overlap && !tr.Unordered {
			line += " -> " + strings.Join(s.HeadsAfter, " ")
		}
		lines = append(lines, line)
	}
	lines = append(lines, o.IDs...)
	if tr.Unordered {
		slices.Sort(lines)
	}
	if o.New != nil {
		lines = append(lines, fmt.Sprintf("new %s on %v, depends on %v, labels %v", o.New.ID, o.New.Down, o.New.DependsOn, o.New.Labels))
	}
	if o.End != nil && !tr.Overlap {
		lines = append(lines, "end "+strings.Join(slices.Sorted(slices.Values(o.End)), " "))
	}
	return lines
}

// Differs is the word for a difference on purpose; empty where there is none.
func (tr *Trace) Differs(tb testing.TB) string {
	tb.Helper()
	for text := range strings.Lines(differences) {
		if strings.TrimSpace(text) == "" || strings.HasPrefix(text, "#") {
			continue
		}
		var line int
		var reason string
		if _, err := fmt.Sscan(text, &line, &reason); err != nil {
			tb.Fatalf("differences.txt: %q: %v", text, err)
		}
		if line == tr.Line {
			return reason
		}
	}
	return ""
}
