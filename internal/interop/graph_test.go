package interop_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A rev is one revision of a graph that both tools get.
type rev struct {
	id      string
	down    []string
	depends []string
	label   string
}

// handmade are graphs whose names say what they are for.
var handmade = map[string][]rev{
	"chain":   {{id: "a"}, {id: "b", down: []string{"a"}}, {id: "c", down: []string{"b"}}},
	"diamond": {{id: "a"}, {id: "b1", down: []string{"a"}, label: "left"}, {id: "b2", down: []string{"b1"}}, {id: "c1", down: []string{"a"}, label: "right"}, {id: "c2", down: []string{"c1"}}, {id: "d", down: []string{"b2", "c2"}}, {id: "e", down: []string{"d"}}},
	"depends": {{id: "a1", label: "lib"}, {id: "a2", down: []string{"a1"}}, {id: "a3", down: []string{"a2"}}, {id: "b1", label: "app"}, {id: "b2", down: []string{"b1"}, depends: []string{"a2"}}, {id: "b3", down: []string{"b2"}}},
	"bases":   {{id: "a1"}, {id: "b1"}, {id: "a2", down: []string{"a1"}}, {id: "b2", down: []string{"b1"}}, {id: "m", down: []string{"a2", "b2"}}},
}

// drawGraph makes a graph with branches, merges, several bases, dependencies
// and labels.
func drawGraph(random *rand.Rand) []rev {
	var graph []rev
	var tips []int
	below := map[int]map[int]bool{} // all that a revision stands on, to keep merges from naming their own ancestors
	add := func(r rev, parents ...int) {
		i := len(graph)
		r.id = fmt.Sprintf("%02d%06x", i, random.Uint32()>>8)
		below[i] = map[int]bool{}
		for _, p := range parents {
			below[i][p] = true
			for q := range below[p] {
				below[i][q] = true
			}
		}
		graph = append(graph, r)
		tips = append(slices.DeleteFunc(tips, func(t int) bool { return slices.Contains(parents, t) }), i)
	}
	add(rev{label: "main"})
	for size := 5 + random.IntN(9); len(graph) < size; {
		label := ""
		if random.IntN(6) == 0 {
			label = fmt.Sprintf("label%d", len(graph))
		}
		switch at := random.IntN(len(graph)); random.IntN(8) {
		case 0:
			add(rev{label: label})
		case 1, 2:
			add(rev{down: []string{graph[at].id}, label: label}, at)
		case 3, 4:
			other := tips[random.IntN(len(tips))]
			if at != other && !below[other][at] && !below[at][other] && slices.Contains(tips, at) {
				add(rev{down: []string{graph[at].id, graph[other].id}}, at, other)
			}
		case 5:
			tip := tips[random.IntN(len(tips))]
			if at != tip && !below[tip][at] && !below[at][tip] {
				add(rev{down: []string{graph[tip].id}, depends: []string{graph[at].id}, label: label}, tip, at)
			}
		default:
			tip := tips[random.IntN(len(tips))]
			add(rev{down: []string{graph[tip].id}, label: label}, tip)
		}
	}
	return graph
}

// write makes the files of both tools. Their names sort alike, so that both
// load the graph in one order.
func write(t *testing.T, graph []rev) (ours, theirs string) {
	t.Helper()
	dir := t.TempDir()
	ours, theirs = filepath.Join(dir, "aludel"), filepath.Join(dir, "alembic")
	if err := os.MkdirAll(ours, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(theirs, "versions"), 0o777); err != nil {
		t.Fatal(err)
	}
	env, err := os.ReadFile("testdata/env.py")
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{filepath.Join(theirs, "env.py"): string(env)}
	for i, r := range graph {
		name := fmt.Sprintf("%03d_%s", i, r.id)
		files[filepath.Join(ours, name+".sql")] = fmt.Sprintf("-- rev %s\n--\n-- revision: %s\n-- down_revision: %s\n-- depends_on: %s\n"+
			"-- branch_labels: %s\n\n-- migrate:up\nCREATE TABLE t_%[2]s ();\n\n-- migrate:down\nDROP TABLE t_%[2]s;\n",
			r.id, r.id, strings.Join(r.down, ", "), strings.Join(r.depends, ", "), r.label)
		labels := []string{}
		if r.label != "" {
			labels = append(labels, r.label)
		}
		files[filepath.Join(theirs, "versions", name+".py")] = fmt.Sprintf("from alembic import op\nrevision = '%s'\ndown_revision = %s\n"+
			"branch_labels = %s\ndepends_on = %s\n\n\ndef upgrade():\n    op.execute('CREATE TABLE t_%[1]s ()')\n\n\ndef downgrade():\n"+
			"    op.execute('DROP TABLE t_%[1]s')\n", r.id, tuple(r.down), tuple(labels), tuple(r.depends))
	}
	for path, text := range files {
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return ours, theirs
}

// tuple writes a list as Python does; an empty one is None.
func tuple(list []string) string {
	if len(list) == 0 {
		return "None"
	}
	return "('" + strings.Join(list, "', '") + "',)"
}
