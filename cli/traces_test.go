package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/aludel-db/aludel/cli"
	"github.com/aludel-db/aludel/internal/alembictrace"
	"github.com/aludel-db/aludel/internal/pgtest"
)

// TestAlembicTraces gives the command line the commands that the real Alembic
// was given, over the same files, and compares what they come to and what they
// print.
func TestAlembicTraces(t *testing.T) {
	t.Parallel()
	const workers = 4
	all := alembictrace.All(t)
	for w := range workers {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			db := pgtest.New(t)
			conn := db.Connect(t)
			db.Exec(t, "CREATE TABLE alembic_version (version_num varchar(255) PRIMARY KEY)")
			for i := w; i < len(all); i += workers {
				r := &replay{t: t, tr: all[i], db: db, conn: conn, dir: t.TempDir()}
				r.run()
			}
		})
	}
}

// A replay is one trace in a folder of its own.
type replay struct {
	t    *testing.T
	tr   *alembictrace.Trace
	db   *pgtest.DB
	conn *pgx.Conn
	dir  string
}

func (r *replay) run() {
	for name, f := range r.tr.Files() {
		path := filepath.Join(r.dir, "versions", name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			r.t.Fatal(err)
		}
		if err := os.WriteFile(path, f.Data, 0o666); err != nil {
			r.t.Fatal(err)
		}
	}
	got := &alembictrace.Outcome{}
	switch {
	case r.tr.Opts.SQL:
		r.offline(got)
	case r.tr.Cmd == "upgrade", r.tr.Cmd == "downgrade", r.tr.Cmd == "stamp":
		r.plan(got)
	case r.tr.Cmd == "revision", r.tr.Cmd == "merge":
		r.newFile(got)
	default:
		r.list(got)
	}
	if !r.tr.Crashed() {
		r.tr.Check(r.t, got)
	}
}

// aludel runs a command; a failure's first line is in got.
func (r *replay) aludel(got *alembictrace.Outcome, args ...string) (stdout string) {
	var out, failed bytes.Buffer
	environ := []string{"DATABASE_URL=" + r.db.URL()}
	if !r.needsDatabase() {
		environ = []string{"HOME=/nowhere"}
	}
	status := cli.Main(cli.Options{
		Args: append([]string{"--dir", "versions"}, args...), Environ: environ, Dir: r.dir,
		Stdin: strings.NewReader(""), Stdout: &out, Stderr: &failed,
	})
	if status != 0 {
		first, _, _ := strings.Cut(failed.String(), "\n")
		var ok bool
		if got.Error, ok = strings.CutPrefix(first, "FAILED: "); !ok {
			r.t.Errorf("traces.jsonl:%d: %v ended with %d and %q", r.tr.Line, args, status, failed.String())
		}
	}
	return out.String()
}

func (r *replay) needsDatabase() bool {
	return r.tr.Cmd == "current" || r.tr.Opts.IndicateCurrent || strings.Contains(r.tr.Target, "current") && r.tr.Cmd != "upgrade" && r.tr.Cmd != "downgrade"
}

func (r *replay) json(text string, into any) {
	if err := json.Unmarshal([]byte(text), into); err != nil {
		r.t.Errorf("traces.jsonl:%d: %v in %q", r.tr.Line, err, text)
	}
}

// words are the arguments that Alembic got. They may begin with a minus.
func (r *replay) words() []string {
	if r.tr.Cmd == "stamp" || r.tr.Cmd == "merge" {
		return append([]string{"--"}, strings.Fields(r.tr.Target)...)
	}
	return []string{"--", r.tr.Target}
}

func (r *replay) plan(got *alembictrace.Outcome) {
	args := []string{"plan", r.tr.Cmd, "--from", strings.Join(r.tr.Start, ","), "-o", "json"}
	if r.tr.Opts.Purge {
		args = append(args, "--purge")
	}
	text := r.aludel(got, append(args, r.words()...)...)
	if got.Error != "" {
		return
	}
	var plan struct {
		To    []string
		Steps []struct {
			Revision   string
			Direction  string
			HeadsAfter []string `json:"heads_after"`
		}
	}
	r.json(text, &plan)
	for _, s := range plan.Steps {
		got.Steps = append(got.Steps, alembictrace.Step{Revision: s.Revision, Direction: s.Direction, HeadsAfter: s.HeadsAfter})
	}
	got.End = plan.To
}

var (
	title     = regexp.MustCompile(`(?m)^-- Running (upgrade|downgrade|stamp_revision) (.*) -> (.*?)(?:, .*)?$`)
	expected  = regexp.MustCompile(`'aludel: the version table holds ([^']*)'\) AS integer`)
	rowChange = regexp.MustCompile(`(?m)^(?:INSERT INTO public\.alembic_version \(version_num\) VALUES \('(.*)'\)|` +
		`DELETE FROM public\.alembic_version WHERE version_num = '(.*)'|` +
		`UPDATE public\.alembic_version SET version_num = '(.*)' WHERE version_num = '(.*)');$`)
)

// offline reads the script back: its titles, and what its statements make of
// the rows that it expects.
func (r *replay) offline(got *alembictrace.Outcome) {
	script := r.aludel(got, append([]string{r.tr.Cmd, "--sql"}, r.words()...)...)
	if got.Error != "" {
		return
	}
	if script == "" { // nothing to do
		got.End = r.tr.End
		return
	}
	rows := map[string]bool{}
	for i, transaction := range strings.Split(script, "BEGIN;\n")[1:] {
		if m := expected.FindStringSubmatch(transaction); m != nil && i == 1 && m[1] != "" {
			for id := range strings.SplitSeq(m[1], ",") {
				rows[id] = true
			}
		}
		for _, m := range rowChange.FindAllStringSubmatch(transaction, -1) {
			delete(rows, m[2])
			delete(rows, m[4])
			rows[m[1]], rows[m[3]] = m[1] != "", m[3] != ""
		}
	}
	delete(rows, "")
	got.End = []string{}
	for id := range rows {
		got.End = append(got.End, id)
	}
	for _, m := range title.FindAllStringSubmatch(script, -1) {
		s := alembictrace.Step{Revision: m[3], Direction: map[string]string{"upgrade": "up", "downgrade": "down", "stamp_revision": "stamp"}[m[1]]}
		if m[1] == "downgrade" || s.Revision == "" {
			s.Revision = m[2]
		}
		got.Steps = append(got.Steps, s)
	}
	for i := range r.tr.Steps {
		r.tr.Steps[i].HeadsAfter = nil // which a title doesn't say
	}
}

// newFile makes a file and reads it back.
func (r *replay) newFile(got *alembictrace.Outcome) {
	o := r.tr.Opts
	args := []string{r.tr.Cmd, "-m", "new", "--rev-id", o.RevID, "-o", "json"}
	if o.Head != "" {
		args = append(args, "--head", o.Head)
	}
	if o.Splice {
		args = append(args, "--splice")
	}
	for _, d := range o.DependsOn {
		args = append(args, "--depends-on", d)
	}
	if o.BranchLabel != "" {
		args = append(args, "--branch-label", o.BranchLabel)
	}
	if r.tr.Cmd == "merge" {
		args = append(args, r.words()...)
	}
	before := r.files()
	r.aludel(got, args...)
	if got.Error != "" {
		if after := r.files(); after != before {
			r.t.Errorf("traces.jsonl:%d: %v failed and left a file: %s", r.tr.Line, args, after)
		}
		return
	}
	var list []struct {
		Revision      string
		DownRevisions []string `json:"down_revisions"`
		DependsOn     []string `json:"depends_on"`
		BranchLabels  []string `json:"branch_labels"`
	}
	r.json(r.aludel(got, "show", "-o", "json", o.RevID), &list)
	if len(list) == 1 {
		got.New = &alembictrace.New{ID: list[0].Revision, Down: list[0].DownRevisions, DependsOn: list[0].DependsOn, Labels: list[0].BranchLabels}
	}
	list = nil
	r.json(r.aludel(got, "heads", "-o", "json"), &list)
	for _, head := range list {
		got.End = append(got.End, head.Revision)
	}
}

func (r *replay) files() string {
	names, err := filepath.Glob(filepath.Join(r.dir, "versions", "*"))
	if err != nil {
		r.t.Fatal(err)
	}
	return strings.Join(names, " ")
}

// list runs a reading command twice, for data and for people.
func (r *replay) list(got *alembictrace.Outcome) {
	if r.needsDatabase() {
		r.setRows()
	}
	args := []string{map[string]string{"resolve": "show"}[r.tr.Cmd]}
	if args[0] == "" {
		args[0] = r.tr.Cmd
	}
	for flag, on := range map[string]bool{
		"-v": r.tr.Opts.Verbose, "-i": r.tr.Opts.IndicateCurrent, "--resolve-dependencies": r.tr.Opts.ResolveDependencies, "--check-heads": r.tr.Opts.CheckHeads,
	} {
		if on {
			args = append(args, flag)
		}
	}
	switch {
	case r.tr.Cmd == "history" && r.tr.Target != "":
		args = append(args, "-r", r.tr.Target)
	case r.tr.Target != "" || r.tr.Cmd == "resolve":
		args = append(args, r.words()...)
	}
	text := r.aludel(got, append([]string{"-o", "json"}, args...)...)
	if got.Error != "" {
		return
	}
	var list []struct{ Revision string }
	r.json(text, &list)
	for _, one := range list {
		got.IDs = append(got.IDs, one.Revision)
	}
	if r.tr.Out != nil && r.tr.Error == "" && r.tr.Differs(r.t) == "" {
		r.compareText(r.aludel(got, args...))
	}
}

var ourPath = regexp.MustCompile(`(?m)^Path: versions/\d{3}_(.*)\.sql$`)

func (r *replay) compareText(text string) {
	text = strings.ReplaceAll(text, r.dir+string(filepath.Separator), "")
	text = ourPath.ReplaceAllString(strings.TrimRight(text, "\n"), "Path: versions/$1.py")
	text = strings.ReplaceAll(text, " (applied)", "") // Alembic has no such mark
	want := *r.tr.Out
	if r.tr.Cmd == "current" || r.tr.Unordered {
		text, want = sorted(text), sorted(want)
	}
	if diff := cmp.Diff(want, text); diff != "" {
		r.t.Errorf("traces.jsonl:%d: %s %s %+v prints (-alembic +aludel)\n%s", r.tr.Line, r.tr.Cmd, r.tr.Target, r.tr.Opts, diff)
	}
}

func sorted(text string) string {
	lines := strings.Split(text, "\n")
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

func (r *replay) setRows() {
	_, err := r.conn.Exec(context.Background(), "WITH gone AS (DELETE FROM alembic_version WHERE NOT version_num = ANY ($1)) "+
		"INSERT INTO alembic_version SELECT unnest($1::text[]) ON CONFLICT DO NOTHING", r.tr.Start)
	if err != nil {
		r.t.Fatal(err)
	}
}
