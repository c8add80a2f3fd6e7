package draw_test

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
	"pgregory.net/rapid"

	"github.com/aludel-db/aludel/internal/draw"
)

// TestDocuments compares whole documents with testdata/documents/*: a history
// with every state, a merge, a dependency, and text that each format has to
// escape.
func TestDocuments(t *testing.T) {
	t.Parallel()
	nodes := []draw.Node{
		{ID: "e5", Message: `Say "hi" & <bye> \n #1 %d`, Parents: []string{"d4"}, DependsOn: []string{"x1"}, Head: true, State: draw.Pending},
		{ID: "d4", Message: "Merge", Parents: []string{"b2", "c3"}, State: draw.Current},
		{ID: "c3", Message: "Ünïcode — naïve", Parents: []string{"a1"}, State: draw.Applied},
		{ID: "b2", Message: "First\nand second line", Labels: []string{"billing", "left"}, Parents: []string{"a1"}, State: draw.Applied},
		{ID: "a1", State: draw.Applied},
		{ID: "x1", Message: "Elsewhere", Head: true},
	}
	const path = "testdata/documents/all.txtar"
	got := &txtar.Archive{}
	for _, f := range []struct {
		name  string
		write func(io.Writer, []draw.Node) error
	}{{"mermaid", draw.Mermaid}, {"dot", draw.DOT}, {"svg", draw.SVG}} {
		var b strings.Builder
		if err := f.write(&b, nodes); err != nil {
			t.Fatal(err)
		}
		got.Files = append(got.Files, txtar.File{Name: f.name, Data: []byte(b.String())})
	}
	if *update {
		if err := os.WriteFile(path, txtar.Format(got), 0o666); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(txtar.Format(got))); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// TestSVGIsXML gives it texts of all kinds.
func TestSVGIsXML(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var b strings.Builder
		node := draw.Node{ID: rapid.String().Draw(t, "id"), Message: string(rapid.SliceOf(rapid.Byte()).Draw(t, "message"))}
		if err := draw.SVG(&b, []draw.Node{node}); err != nil {
			t.Fatal(err)
		}
		decoder := xml.NewDecoder(strings.NewReader(b.String()))
		for {
			if _, err := decoder.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("%v in %s", err, b.String())
			}
		}
	})
}
