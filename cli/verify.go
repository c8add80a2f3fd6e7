package cli

import (
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/aludel-db/aludel"
)

// A verifiedJSON is an element of the result of verify with -o json. Its names
// are a promise.
type verifiedJSON struct {
	Revision string         `json:"revision"`
	Path     string         `json:"path"`
	Verdict  aludel.Verdict `json:"verdict"`
	OK       bool           `json:"ok"`
	Again    bool           `json:"again,omitempty"`
	Left     string         `json:"left,omitempty"`
	Error    string         `json:"error,omitempty"`
}

func (a *app) verifyCommand() *cobra.Command {
	var since string
	cmd := &cobra.Command{
		Use:   "verify [REVISION|RANGE]",
		Short: "Run revisions up, down and up again in a throw-away database, and compare",
		Long: "Run revisions up, down and up again in a throw-away database, from empty, and compare what it\n" +
			"holds: the way back has to lead to what was before. Default are all revisions. Ends with\n" +
			"status 1 where one fails or is untrue.",
		Example: "  aludel verify\n  aludel verify ae1027\n  aludel verify ae1027:head\n  aludel verify --since origin/main",
		Args:    arguments(0, 1, ""),
		RunE: func(cmd *cobra.Command, args []string) error {
			m, err := a.migrator()
			if err != nil {
				return err
			}
			options := aludel.VerifyOptions{}
			switch {
			case since != "" && len(args) > 0:
				return &usageError{err: errors.New("--since picks revisions, and so does REVISION: give one of them"), cmd: cmd}
			case since != "":
				options.Only, err = a.changedSince(cmd, m, since)
			case len(args) > 0:
				options.Only, err = picked(m, args[0])
			}
			if err != nil {
				return err
			}
			shadow, err := a.shadow(cmd.Context(), 0)
			if err != nil {
				return err
			}
			if !a.out.json {
				options.OnResult = a.verified
			}
			list, err := m.Verify(cmd.Context(), shadow, options)
			if err != nil {
				return err
			}
			return a.allVerified(list)
		},
	}
	cmd.Flags().StringVar(&since, "since", "", "revisions whose files differ from those of the git commit `REF`")
	return cmd
}

// picked are the ids of a revision or a range.
func picked(m *aludel.Migrator, text string) ([]string, error) {
	var list []aludel.Revision
	var err error
	if strings.Contains(text, ":") {
		list, err = m.History(aludel.HistoryOptions{Range: text})
	} else {
		list, err = m.Show(text, nil)
	}
	ids := []string{}
	for _, r := range list {
		ids = append(ids, r.ID)
	}
	return ids, err
}

// changedSince are the ids of files that git says have changed, those that it
// doesn't know yet included.
func (a *app) changedSince(cmd *cobra.Command, m *aludel.Migrator, ref string) ([]string, error) {
	paths := map[string]bool{}
	for _, dir := range a.loaded.Migrations.Dirs {
		for _, words := range [][]string{
			{"diff", "--name-only", "--relative", "-z", ref, "--", "."}, {"ls-files", "--others", "--exclude-standard", "-z"},
		} {
			git := exec.CommandContext(cmd.Context(), "git", words...)
			git.Dir, git.Env = dir, a.options.Environ
			out, err := git.Output()
			if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
				return nil, fmt.Errorf("asking git what has changed since %s: %s", ref, strings.TrimSpace(string(exit.Stderr)))
			}
			if err != nil {
				return nil, fmt.Errorf("asking git what has changed since %s: %w", ref, err)
			}
			for name := range strings.SplitSeq(string(out), "\x00") {
				paths[filepath.Join(dir, name)] = true
			}
		}
	}
	all, err := m.History(aludel.HistoryOptions{})
	ids := []string{}
	for _, r := range all {
		if paths[a.absolute(r.Path)] {
			ids = append(ids, r.ID)
		}
	}
	return ids, err
}

// verified prints one result.
func (a *app) verified(v *aludel.Verified) {
	color := "31"
	if v.OK() {
		color = "32"
	}
	what := string(v.Verdict)
	if v.Again {
		what = map[aludel.Verdict]string{aludel.Untrue: "up again gives something else", aludel.DownFails: "up again fails"}[v.Verdict]
	}
	a.out.line("%s  %s, %s", a.out.paint(color, fmt.Sprintf("%-12s", what)), v.Revision.ID, v.Revision.Message)
	text := v.Left
	if v.Err != nil {
		text = message(v.Err)
	}
	if text == "" {
		return
	}
	if v.Left != "" && !v.Again {
		a.out.line("    %s: to be as before, it would still take", a.shown(v.Revision.Path))
	}
	for line := range strings.Lines(text) {
		a.out.line("    %s", strings.TrimRight(line, "\n"))
	}
}

func (a *app) allVerified(list []aludel.Verified) error {
	if a.out.json {
		result := []verifiedJSON{}
		for _, v := range list {
			entry := verifiedJSON{Revision: v.Revision.ID, Path: v.Revision.Path, Verdict: v.Verdict, OK: v.OK(), Again: v.Again, Left: v.Left}
			if v.Err != nil {
				entry.Error = v.Err.Error()
			}
			result = append(result, entry)
		}
		if err := a.out.data(result); err != nil {
			return err
		}
	}
	wrong := 0
	for i := range list {
		if !list[i].OK() {
			wrong++
		}
	}
	if wrong > 0 {
		a.out.note("%d of %d revisions are to be mended", wrong, len(list))
		return &statusError{exitFailed}
	}
	a.out.say("%d revisions: every way back is true", len(list))
	return nil
}
