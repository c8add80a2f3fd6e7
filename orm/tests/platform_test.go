package tests

import (
	"bytes"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/testscript"
	"gorm.io/gorm/logger"

	"github.com/aludel-db/aludel"
	"github.com/aludel-db/aludel/cli"
	"github.com/aludel-db/aludel/internal/pgtest"
	bunddl "github.com/aludel-db/aludel/orm/bun"
	gormddl "github.com/aludel-db/aludel/orm/gorm"
	"github.com/aludel-db/aludel/orm/tests/bunmodels"
	"github.com/aludel-db/aludel/orm/tests/gormmodels"
)

// withServer runs the tests with the shared PostgreSQL.
type withServer struct{ m *testing.M }

func (w withServer) Run() int {
	logger.Default = logger.Discard // GORM prints errors as well
	return pgtest.Run(w.m)
}

func TestMain(m *testing.M) {
	testscript.Main(withServer{m}, map[string]func(){
		"aludel": func() { os.Exit(cli.Main(cli.Options{})) },
	})
}

// One schema in SQL and as models of each ORM. What leads from the one in SQL
// to the one of the models is listed: it is what the ORM can't say.
func TestPlatform(t *testing.T) {
	t.Parallel()
	for name, orm := range map[string]struct {
		ddl         func(*testing.T) string
		differences []string
	}{
		// GORM has no comments on tables, types and indexes, and unique constraints
		// of one column only: those of several are unique indexes. A foreign key to
		// such a one hangs on it.
		"gorm": {gormPlatform, []string{
			"alter index public.users_lower_email_idx: Comment",
			"alter table public.assignments: Comment",
			"alter table public.users: Comment",
			"alter type public.experiment_status: Comment",
			"create index public.assignments_experiment_id_subject_id_key",
			"create index public.variants_experiment_id_id_key",
			"create index public.variants_experiment_id_name_key",
			"drop constraint public.assignments.assignments_experiment_id_subject_id_key",
			"drop constraint public.variants.variants_experiment_id_id_key",
			"drop constraint public.variants.variants_experiment_id_name_key",
			"replace constraint public.assignments.assignments_experiment_id_variant_id_fkey",
		}},
		// The columns of bun's unique constraints are in the order of the struct.
		"bun": {bunPlatform, []string{
			"replace constraint public.assignments.assignments_experiment_id_variant_id_fkey",
			"replace constraint public.variants.variants_experiment_id_id_key",
		}},
		// SQLAlchemy has comments on tables and columns alone.
		"sqlalchemy": {sqlalchemyPlatform, []string{
			"alter index public.users_lower_email_idx: Comment",
			"alter type public.experiment_status: Comment",
		}},
		// ent numbers rows BY DEFAULT, has indexes for unique constraints, and none
		// of expressions; it has no generated columns, no foreign keys of several
		// columns, no comments on types. Its command can't mix schemas.
		"ent": {entPlatform, []string{
			"alter column public.assignments.id: Identity",
			"alter column public.experiments.id: Identity",
			"alter column public.feature_flags.id: Identity",
			"alter column public.tags.id: Identity",
			"alter column public.teams.id: Identity",
			"alter column public.users.id: Identity",
			"alter column public.variants.id: Identity",
			"alter column public.variants.label: Generated, Expression",
			"alter type public.experiment_status: Comment",
			"create index public.assignments_experiment_id_subject_id_key",
			"create index public.feature_flags_key_key",
			"create index public.tags_name_key",
			"create index public.teams_name_key",
			"create index public.variants_experiment_id_id_key",
			"create index public.variants_experiment_id_name_key",
			"drop constraint public.assignments.assignments_experiment_id_subject_id_key",
			"drop constraint public.assignments.assignments_experiment_id_variant_id_fkey",
			"drop constraint public.feature_flags.feature_flags_key_key",
			"drop constraint public.tags.tags_name_key",
			"drop constraint public.teams.teams_name_key",
			"drop constraint public.variants.variants_experiment_id_id_key",
			"drop constraint public.variants.variants_experiment_id_name_key",
			"drop index public.users_lower_email_idx",
			"drop schema audit",
			"drop table audit.entries",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sql, err := os.ReadFile("testdata/platform.sql")
			if err != nil {
				t.Fatal(err)
			}
			ddl := orm.ddl(t)
			got := differences(t, load(t, string(sql)), load(t, ddl))
			if d := cmp.Diff(orm.differences, got); d != "" {
				t.Errorf("differences from platform.sql (-want +got):\n%s\nDDL:\n%s", d, ddl)
			}
		})
	}
}

// load executes a script in one transaction and reads what it made.
func load(t *testing.T, ddl string) *aludel.Snapshot {
	t.Helper()
	db := pgtest.New(t)
	db.Exec(t, ddl)
	s, err := aludel.ReadSnapshot(t.Context(), db.Connect(t), aludel.SnapshotOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func differences(t *testing.T, from, to *aludel.Snapshot) []string {
	t.Helper()
	d, err := aludel.Diff(from, to, aludel.DiffOptions{})
	if err != nil {
		t.Fatal(err)
	}
	list := []string{}
	for _, c := range d.Changes {
		line := c.Action + " " + c.Kind + " " + c.Object
		if len(c.Facts) > 0 {
			line += ": " + strings.Join(c.Facts, ", ")
		}
		list = append(list, line)
	}
	slices.Sort(list)
	return list
}

func gormPlatform(t *testing.T) string {
	t.Helper()
	return output(t, func(w *bytes.Buffer) error { return gormddl.WriteDDL(w, gormmodels.Options(), gormmodels.All()...) })
}

func bunPlatform(t *testing.T) string {
	t.Helper()
	return output(t, func(w *bytes.Buffer) error { return bunddl.WriteDDL(w, bunmodels.Options(), bunmodels.All()...) })
}

func sqlalchemyPlatform(t *testing.T) string {
	t.Helper()
	stdout, stderr, err := sqlalchemy(t, "platform_models:Base")
	if err != nil {
		t.Fatalf("%v: %s", err, stderr)
	}
	return stdout
}

// entPlatform runs ent's own command. It knows nothing of enum types.
func entPlatform(t *testing.T) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "run", "entgo.io/ent/cmd/ent", "schema", "./schema", "--dialect", "postgres", "--version", "15")
	cmd.Dir = "ent"
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return "CREATE TYPE experiment_status AS ENUM ('draft', 'running', 'completed');\n" + string(out)
}

// The output is the same each time, though GORM walks over maps.
func TestPlatformIsStable(t *testing.T) {
	t.Parallel()
	for name, print := range map[string]func(*testing.T) string{"gorm": gormPlatform, "bun": bunPlatform} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			first := print(t)
			for range 20 {
				if d := cmp.Diff(first, print(t)); d != "" {
					t.Fatalf("(-first +later):\n%s", d)
				}
			}
		})
	}
}

// output is what a function writes.
func output(t *testing.T, write func(*bytes.Buffer) error) string {
	t.Helper()
	var b bytes.Buffer
	if err := write(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
