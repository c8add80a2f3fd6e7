package aludel

import (
	"bytes"
	"context"
	"encoding/gob"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/aludel-db/aludel/internal/revision"
	"github.com/aludel-db/aludel/internal/shadow"
)

// VerifyOptions are those of [Migrator.Verify].
type VerifyOptions struct {
	// Only picks revisions by id; nil takes all. Those below them run, too, but
	// only up.
	Only []string
	// OnResult hears of each as it is done.
	OnResult func(*Verified)
}

// A Verdict is what became of a revision's round trip.
type Verdict string

// The verdicts. Their names are stable: JSON output uses them.
const (
	Reversible   Verdict = "reversible"   // down gives what was before, and up again the same as up
	Untrue       Verdict = "untrue"       // down leaves something else
	UpFails      Verdict = "up fails"     // nothing behind it can be looked at
	DownFails    Verdict = "down fails"   // or, with Again, the second up
	EmptyDown    Verdict = "empty down"   // up changes something and down nothing
	Irreversible Verdict = "irreversible" // it says so, or has no down section
	DataOnly     Verdict = "data only"    // up changes no definition
)

// A Verified is the outcome for one revision.
type Verified struct {
	Revision Revision
	Verdict  Verdict
	// Left is the SQL that would still lead from what down leaves to what was
	// before, or for "up again" to what up gave; or how the descriptions differ.
	Left string
	// Again tells that Left, or Err, is of the second up.
	Again bool
	Err   error // of UpFails and DownFails
}

// OK tells that nothing is to be mended.
func (v *Verified) OK() bool {
	return v.Verdict == Reversible || v.Verdict == Irreversible || v.Verdict == DataOnly
}

// Verify runs the revisions in a database of the shadow, from empty, in order:
// each up, down, and up again, and compares what the database holds. A revision
// that was right in an earlier run is not run again, as long as it and those
// before it say the same.
func (m *Migrator) Verify(ctx context.Context, s *Shadow, options VerifyOptions) ([]Verified, error) {
	snapshot := m.snapshotOptions(nil)
	snapshot.Schemas = nil // all that is there, the revisions have made
	v := &verifier{prover: m.prover(s, snapshot, func(ctx context.Context, conn *pgx.Conn) (*Snapshot, error) {
		return ReadSnapshot(ctx, conn, snapshot)
	}, DiffOptions{})}
	plan, err := m.graph.Upgrade(nil, "heads")
	if err != nil {
		return nil, m.explain(ctx, nil, err)
	}
	wanted := func(i int) bool {
		return options.Only == nil || slices.Contains(options.Only, plan.Steps[i].Revision.ID)
	}
	last := len(plan.Steps)
	for last > 0 && !wanted(last-1) {
		last-- // nothing of interest stands on these
	}
	known, err := m.knownVerdicts(s, plan.Steps)
	if err != nil {
		return nil, err
	}
	defer known.keep()
	var list []Verified
	for i, end := 0, 0; i < last; i = end {
		if end, err = changeEnd(plan.Steps, i); err != nil {
			return nil, err
		}
		change := plan.Steps[i:end]
		isWanted := false
		for at := i; at < end; at++ {
			isWanted = isWanted || wanted(at)
		}
		result := known.of(i, end)
		if !isWanted || result != nil {
			v.pending = append(v.pending, change...)
		} else if result, err = v.afresh(ctx, change); err != nil {
			return list, err
		}
		if !isWanted {
			continue
		}
		known.learn(i, end, result)
		for _, step := range change {
			one := *result
			one.Revision = m.publicRevision(step.Revision, nil)
			list = append(list, one)
			if options.OnResult != nil {
				options.OnResult(&list[len(list)-1])
			}
		}
		if result.Verdict == UpFails {
			break
		}
		if result.Verdict == Untrue || result.Verdict == DownFails { // what is left there is no state to go on from
			v.conn, v.pending = nil, slices.Clone(plan.Steps[:end])
		}
	}
	return list, nil
}

// changeEnd is where the change ends that begins with a step: behind those that say
// they are undone together with it.
func changeEnd(steps []revision.Step, start int) (end int, err error) {
	for end = start + 1; end < len(steps); end++ {
		script, err := steps[end].Revision.Script()
		if err != nil {
			return 0, publicError(err)
		}
		if script.Down.With != steps[start].Revision.ID {
			break
		}
	}
	return end, nil
}

// verdicts are those of earlier runs, by what they depend on: what a revision
// and all before it say.
type verdicts struct {
	scratch *shadow.Scratch
	file    string
	keys    []string // of the steps
	known   map[string]Verdict
}

// knownVerdicts are kept in one file for all revisions.
func (m *Migrator) knownVerdicts(s *Shadow, steps []revision.Step) (*verdicts, error) {
	v := &verdicts{scratch: s.scratch, known: map[string]Verdict{}}
	key := func(parts ...string) string { return s.scratch.Key(program(), parts...) }
	parts := m.replaySettings()
	for _, step := range steps {
		up, down, err := stepParts(step)
		if err != nil {
			return nil, err
		}
		parts = append([]string{key(parts...)}, up...)
		v.keys = append(v.keys, key(append(down, parts...)...))
	}
	folders := []string{"verdicts"}
	for _, f := range m.folders {
		folders = append(folders, f.Path, f.Dir)
	}
	v.file = key(folders...)
	// A file that can't be read knows nothing.
	_ = gob.NewDecoder(bytes.NewReader(s.scratch.Cached(v.file))).Decode(&v.known)
	return v, nil
}

// of answers what is known of the step from start to end, or nil. Of several, which
// are rare, nothing is kept.
func (v *verdicts) of(start, end int) *Verified {
	if verdict, ok := v.known[v.keys[start]]; ok && end == start+1 {
		return &Verified{Verdict: verdict}
	}
	return nil
}

// learn notes what need not be looked at again. What is wrong is shown with its
// difference each time.
func (v *verdicts) learn(start, end int, result *Verified) {
	if result.OK() && end == start+1 {
		v.known[v.keys[start]] = result.Verdict
	}
}

// keep keeps what is known of the steps, and of no others.
func (v *verdicts) keep() {
	maps.DeleteFunc(v.known, func(key string, _ Verdict) bool { return !slices.Contains(v.keys, key) })
	var b bytes.Buffer
	if gob.NewEncoder(&b).Encode(v.known) == nil {
		v.scratch.Keep(v.file, b.Bytes())
	}
}

// A verifier has a database at a revision, and steps that it lacks to be at the
// one that is next.
type verifier struct {
	*prover
	conn    *pgx.Conn // nil: none yet
	pending []revision.Step
}

func (v *verifier) catchUp(ctx context.Context) error {
	if v.conn == nil {
		var err error
		if v.conn, err = v.shadow.scratch.Create(ctx, ""); err != nil {
			return err
		}
		if _, err := v.m.EnsureVersion(ctx, v.conn, EnsureVersionOptions{CreateSchema: true}); err != nil {
			return err
		}
	}
	pending := v.pending
	v.pending = nil
	if len(pending) == 0 {
		return nil
	}
	return v.run(ctx, v.conn, pending)
}

// afresh makes a round trip from where it stands.
func (v *verifier) afresh(ctx context.Context, step []revision.Step) (*Verified, error) {
	if err := v.catchUp(ctx); err != nil {
		return nil, err
	}
	return v.verify(ctx, step)
}

// verify makes the round trip of a revision, or of several that are one change.
func (v *verifier) verify(ctx context.Context, step []revision.Step) (*Verified, error) {
	before, err := v.look(ctx, v.conn)
	if err != nil {
		return nil, err
	}
	if err := v.run(ctx, v.conn, step); err != nil {
		return &Verified{Verdict: UpFails, Err: err}, ctx.Err()
	}
	after, err := v.look(ctx, v.conn)
	if err != nil {
		return nil, err
	}
	sql, seen, err := v.left(before, after)
	if err != nil {
		return nil, err
	}
	changed := sql + seen
	script, err := step[0].Revision.Script()
	if err != nil {
		return nil, publicError(err)
	}
	switch down := &script.Down; {
	case !down.Present || down.Irreversible != "":
		return &Verified{Verdict: Irreversible}, nil
	case len(down.Statements) == 0 && !down.InGo && changed != "" && len(step) == 1:
		undo, _, err := v.left(after, before)
		return &Verified{Verdict: EmptyDown, Left: undo}, err
	}
	result, err := v.thereAndBack(ctx, step, before, after)
	if err == nil && result.Verdict == Reversible && changed == "" && (script.Up.InGo || len(script.Up.Statements) > 0) {
		result.Verdict = DataOnly
	}
	return result, err
}

// thereAndBack goes down and up again.
func (v *verifier) thereAndBack(ctx context.Context, step []revision.Step, before, after sight) (*Verified, error) {
	for _, way := range []struct {
		steps  []revision.Step
		target sight
		again  bool
	}{{back(step), before, false}, {step, after, true}} {
		if err := v.run(ctx, v.conn, way.steps); err != nil {
			return &Verified{Verdict: DownFails, Err: err, Again: way.again}, ctx.Err()
		}
		got, err := v.look(ctx, v.conn)
		if err != nil {
			return nil, err
		}
		sql, seen, err := v.left(got, way.target)
		if err != nil {
			return nil, err
		}
		if sql+seen != "" {
			return &Verified{Verdict: Untrue, Left: sql + seen, Again: way.again}, nil
		}
	}
	return &Verified{Verdict: Reversible}, nil
}
