// Package release holds .goreleaser.yaml against the files that it names, and the workflow against the configuration. GoReleaser itself
// takes twelve minutes to install: it only looks at the configuration where it is there anyway.
package release

import (
	"errors"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"
)

const root = "../../.."

// The configuration, as far as something here depends on it.
type configuration struct {
	Archives []struct {
		Files []struct {
			Src, Dst string
			Info     struct{ Owner, Mtime string }
		}
	}
	NFPMs []struct {
		Contents []struct {
			Src      string
			FileInfo struct{ Mode int } `json:"file_info"`
		}
	}
	HomebrewCasks []struct {
		Manpages    []string
		Completions map[string]string
		CustomBlock string `json:"custom_block"`
	} `json:"homebrew_casks"`
	Changelog map[string]any
	Release   struct{ GitHub struct{ Owner, Name string } }
}

func read(t *testing.T) *configuration {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, ".goreleaser.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	c := new(configuration)
	if err := yaml.Unmarshal(text, c); err != nil {
		t.Fatal(err)
	}
	if len(c.Archives) != 1 || len(c.NFPMs) != 1 || len(c.HomebrewCasks) != 1 {
		t.Fatalf("%d archives, %d packages and %d casks", len(c.Archives), len(c.NFPMs), len(c.HomebrewCasks))
	}
	return c
}

// made is a folder with what scripts/release-files makes.
func made(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	if out, err := exec.CommandContext(t.Context(), filepath.Join(root, "scripts/release-files"), folder).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return folder
}

// TestFiles: whatever goes into archives and packages is there, and the cask names nothing that no archive has.
func TestFiles(t *testing.T) {
	t.Parallel()
	c, folder := read(t), made(t)
	find := func(pattern string) []string {
		t.Helper()
		place := filepath.Join(root, pattern)
		if within, ok := strings.CutPrefix(pattern, ".cache/release/"); ok {
			place = filepath.Join(folder, within)
		}
		found, err := filepath.Glob(place)
		if err != nil || len(found) == 0 {
			t.Errorf("%s: there is no such file: %v", pattern, err)
		}
		return found
	}
	var archived []string
	for _, f := range c.Archives[0].Files {
		// Else an archive has the owner and the time of whoever built it.
		if f.Info.Owner != "root" || f.Info.Mtime == "" {
			t.Errorf("%s: its owner and its time are those of the checkout", f.Src)
		}
		for _, file := range find(f.Src) {
			archived = append(archived, path.Join(f.Dst, filepath.Base(file)))
		}
	}
	for _, f := range c.NFPMs[0].Contents {
		// Else a package has the modes that the umask of its builder left.
		if f.FileInfo.Mode != 0o644 {
			t.Errorf("%s: mode %o", f.Src, f.FileInfo.Mode)
		}
		find(f.Src)
	}
	cask := c.HomebrewCasks[0]
	pages := slices.DeleteFunc(slices.Clone(archived), func(f string) bool { return path.Dir(f) != "man" })
	if d := cmp.Diff(pages, cask.Manpages); d != "" {
		t.Errorf("the cask's manual pages aren't those of docs/man (-docs +cask):\n%s", d)
	}
	for shell, file := range cask.Completions {
		if !slices.Contains(archived, file) {
			t.Errorf("the cask has %s for %s, the archives have %v", file, shell, archived)
		}
	}
}

// TestCompletions: each shell that is here can read what is made for it.
func TestCompletions(t *testing.T) {
	t.Parallel()
	folder := made(t)
	files, err := os.ReadDir(filepath.Join(folder, "completions"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range files {
		names = append(names, f.Name())
	}
	if d := cmp.Diff([]string{"aludel.bash", "aludel.fish", "aludel.ps1", "aludel.zsh"}, names); d != "" {
		t.Error(d)
	}
	for _, shell := range []string{"bash", "zsh", "fish"} {
		t.Run(shell, func(t *testing.T) {
			t.Parallel()
			if _, err := exec.LookPath(shell); err != nil {
				t.Skip(shell + " is not installed")
			}
			if out, err := exec.CommandContext(t.Context(), shell, "-n", filepath.Join(folder, "completions/aludel."+shell)).CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

// TestNotes: the workflow hands the notes on, GoReleaser takes them, and the script refuses what would make no release.
func TestNotes(t *testing.T) {
	t.Parallel()
	workflow, err := os.ReadFile(filepath.Join(root, ".github/workflows/release.yml"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(workflow), "--release-notes=") {
		t.Error("the workflow names no notes")
	}
	c := read(t)
	if c.Changelog["disable"] != nil {
		t.Error("GoReleaser ignores --release-notes where the changelog is disabled")
	}
	if c.Release.GitHub.Owner+"/"+c.Release.GitHub.Name != "aludel-db/aludel" {
		t.Error("the URLs of the cask are those of whatever the remote is")
	}
	for version, says := range map[string]string{
		"1.2.3": "is no version", "v1.2": "is no version", "v1.2.3-rc.1": "is no version", "v1.2.3-beta": "is no version",
		"v999.0.0": `no section "## [999.0.0]"`, "v999.0.0-rc1": `no section "## [999.0.0-rc1]"`,
	} {
		var exit *exec.ExitError
		out, err := exec.CommandContext(t.Context(), filepath.Join(root, "scripts/release-notes"), version).CombinedOutput()
		if !errors.As(err, &exit) || !strings.Contains(string(out), says) {
			t.Errorf("%s: %v, want %q\n%s", version, err, says, out)
		}
	}
}

// TestCask: the programs are signed by nobody, and macOS ends such a one that Homebrew has put into quarantine. The path is Homebrew's to put in.
func TestCask(t *testing.T) {
	t.Parallel()
	const want = `"-dr", "com.apple.quarantine", "{{ "{{staged_path}}" }}/aludel"]`
	if block := read(t).HomebrewCasks[0].CustomBlock; !strings.Contains(block, want) || !strings.Contains(block, "on_macos do") {
		t.Errorf("nothing takes the program out of quarantine, on macOS and nowhere else:\n%s", block)
	}
}

// TestGoReleaser: its own look at the configuration, where it is at hand.
func TestGoReleaser(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("goreleaser"); err != nil {
		t.Skip("goreleaser is not installed")
	}
	cmd := exec.CommandContext(t.Context(), "goreleaser", "check")
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
