package draw_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/aludel-db/aludel/internal/draw"
)

var update = flag.Bool("update", false, "rewrite the expected pictures")

// TestLanes runs testdata/*.txtar: a line "id: parents; dependencies" for each
// node, newest first, and the lanes in both sets of characters.
func TestLanes(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			nodes := parse(t, string(archive.Files[0].Data))
			got := &txtar.Archive{Comment: archive.Comment, Files: []txtar.File{
				archive.Files[0], {Name: "unicode", Data: picture(nodes, false)}, {Name: "ascii", Data: picture(nodes, true)},
			}}
			if *update {
				if err := os.WriteFile(path, txtar.Format(got), 0o666); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(string(txtar.Format(archive)), string(txtar.Format(got))); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func parse(t *testing.T, text string) []draw.Node {
	t.Helper()
	var nodes []draw.Node
	for line := range strings.Lines(text) {
		id, below, ok := strings.Cut(strings.TrimSpace(line), ":")
		if !ok {
			t.Fatalf("%q wants id: parents; dependencies", line)
		}
		parents, dependencies, _ := strings.Cut(below, ";")
		nodes = append(nodes, draw.Node{ID: id, Parents: strings.Fields(parents), DependsOn: strings.Fields(dependencies)})
	}
	return nodes
}

func picture(nodes []draw.Node, ascii bool) []byte {
	var b strings.Builder
	for i, lines := range draw.Lanes(nodes, ascii) {
		b.WriteString(lines.Node + " " + nodes[i].ID + "\n")
		for _, edge := range lines.Edges {
			b.WriteString(edge + "\n")
		}
	}
	return []byte(b.String())
}
