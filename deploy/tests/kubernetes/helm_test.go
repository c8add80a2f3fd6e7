package kubernetes

import (
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	chartutil "helm.sh/helm/v4/pkg/chart/v2/util"
	"helm.sh/helm/v4/pkg/engine"
	release "helm.sh/helm/v4/pkg/release/v1"
	releaseutil "helm.sh/helm/v4/pkg/release/v1/util"
	batchv1 "k8s.io/api/batch/v1"
	"sigs.k8s.io/yaml"
)

const least = `
image: {repository: registry.example.com/platform-migrations, tag: 1.4.0}
existingSecret: platform-database
`

func load(t *testing.T) *chart.Chart {
	t.Helper()
	chart, err := loader.Load("../../helm/aludel")
	if err != nil {
		t.Fatal(err)
	}
	return chart
}

// renderChart does what "helm template" does with a chart, and answers its hooks. There has to be nothing else.
func renderChart(t *testing.T, c *chart.Chart, values string) ([]*release.Hook, error) {
	t.Helper()
	var given map[string]any
	if err := yaml.Unmarshal([]byte(values), &given); err != nil {
		t.Fatal(err)
	}
	if err := chartutil.ProcessDependencies(c, given); err != nil {
		t.Fatal(err)
	}
	all, err := util.ToRenderValues(c, given, common.ReleaseOptions{Name: "platform", Namespace: "platform", Revision: 1, IsInstall: true}, nil)
	if err != nil {
		return nil, err
	}
	files, err := engine.Engine{Strict: true}.RenderWithContext(t.Context(), c, all)
	if err != nil {
		return nil, err
	}
	hooks, others, err := releaseutil.SortManifests(files, nil, releaseutil.InstallOrder)
	if len(others) != 0 {
		t.Fatalf("%d objects that are no hooks", len(others))
	}
	return hooks, err
}

// render renders the chart by itself, and answers its hook as Helm understands it.
func render(t *testing.T, values string) (hooks []string, manifest string, err error) {
	t.Helper()
	found, err := renderChart(t, load(t), values)
	if err != nil {
		return nil, "", err
	}
	if len(found) != 1 {
		t.Fatalf("%d hooks", len(found))
	}
	for _, event := range found[0].Events {
		hooks = append(hooks, event.String())
	}
	return append(hooks, fmt.Sprint(found[0].DeletePolicies), fmt.Sprint(found[0].Weight)), found[0].Manifest, nil
}

func TestHelm(t *testing.T) {
	t.Parallel()
	for name, values := range map[string]string{
		"least": least,
		"all": least + `
imagePullSecrets: [{name: registry}]
args: ["-c", "app/db/aludel.toml", "upgrade", "head"]
secretKeys: {POSTGRES_SERVER: POSTGRES_SERVER, POSTGRES_PASSWORD: password}
env: {POSTGRES_SCHEMA: experimentation, POSTGRES_PORT: 6432, PGSSLMODE: null}
activeDeadlineSeconds: 7200
serviceAccountName: migrator
podAnnotations: {sidecar.istio.io/inject: "false"}
podLabels: {team: platform}
nodeSelector: {kubernetes.io/arch: arm64}
tolerations: [{key: dedicated, operator: Exists, effect: NoSchedule}]
affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: [{key: pool, operator: In, values: [jobs]}]}]}}}
`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			hooks, manifest, err := render(t, values)
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(hooks, " "); got != "pre-install pre-upgrade [before-hook-creation] 0" {
				t.Errorf("hooks: %s", got)
			}
			object, err := accept([]byte(manifest))
			if err != nil {
				t.Fatalf("%v\n%s", err, manifest)
			}
			checkMigration(t, object)
		})
	}
}

// TestHelmValues: each value arrives, numbers as texts where Kubernetes wants texts. One variable has one source: a name that stands twice is
// one that "kubectl apply" may drop.
func TestHelmValues(t *testing.T) {
	t.Parallel()
	_, manifest, err := render(t, least+"env: {POSTGRES_PORT: 6432}\nargs: [upgrade, head, --ok-if-ahead]\n")
	if err != nil {
		t.Fatal(err)
	}
	object, err := accept([]byte(manifest))
	if err != nil {
		t.Fatal(err)
	}
	migrate := container(t, &object.(*batchv1.Job).Spec.Template, "migrate")
	var variables []string
	for _, v := range migrate.Env {
		if from := v.ValueFrom; from != nil {
			v.Value = from.SecretKeyRef.Name + "/" + from.SecretKeyRef.Key
		}
		variables = append(variables, v.Name+"="+v.Value)
	}
	const want = "POSTGRES_DB=platform-database/dbname POSTGRES_PASSWORD=platform-database/password " +
		"POSTGRES_SERVER=platform-database/host POSTGRES_USER=platform-database/username PGSSLMODE=verify-full POSTGRES_PORT=6432"
	if got := strings.Join(variables, " "); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := fmt.Sprint(migrate.Image, migrate.Args); got != "registry.example.com/platform-migrations:1.4.0[upgrade head --ok-if-ahead]" {
		t.Error(got)
	}
}

// TestHelmRefuses: what is missing or misspelt is said by Helm, before anything is made.
func TestHelmRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ values, says string }{
		{"", "image.repository is needed"},
		{"image: {repository: r}", "image.tag is needed"},
		{"image: {repository: r, tag: t}", "existingSecret is needed"},
		{least + "imagePullSecret: x", "imagePullSecret"},
		{least + "activeDeadlineSeconds: 1h", "activeDeadlineSeconds"},
		{least + "args: []", "args"},
	} {
		if _, manifest, err := render(t, c.values); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%q: %v, want %q\n%s", c.values, err, c.says, manifest)
		}
	}
}

// TestHelmDependency: an application's chart has it, twice for two databases, each with a Job of its own and to be switched off.
func TestHelmDependency(t *testing.T) {
	t.Parallel()
	indented := "\n  " + strings.TrimSpace(strings.ReplaceAll(least, "\n", "\n  "))
	for _, c := range []struct{ values, want string }{
		{"orders:" + indented + "\nusers:" + indented, "platform-orders platform-users"},
		{"orders: {enabled: false}\nusers:" + indented + "\n  enabled: true", "platform-users"},
	} {
		application := &chart.Chart{Metadata: &chart.Metadata{APIVersion: chart.APIVersionV2, Name: "application", Version: "1.0.0"}}
		application.AddDependency(load(t))
		for _, alias := range []string{"orders", "users"} {
			application.Metadata.Dependencies = append(application.Metadata.Dependencies, &chart.Dependency{
				Name: "aludel", Version: "0.1.0", Alias: alias, Condition: alias + ".enabled",
			})
		}
		hooks, err := renderChart(t, application, c.values)
		if err != nil {
			t.Fatalf("%v\n%s", err, c.values)
		}
		var names []string
		for _, h := range hooks {
			names = append(names, h.Name)
			object, err := accept([]byte(h.Manifest))
			if err != nil {
				t.Fatalf("%v\n%s", err, h.Manifest)
			}
			checkMigration(t, object)
		}
		slices.Sort(names)
		if got := strings.Join(names, " "); got != c.want {
			t.Errorf("got %s, want %s", got, c.want)
		}
	}
}

// TestHelmProgram: what people run, where it is here. It takes minutes to build.
func TestHelmProgram(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("helm"); err != nil {
		t.Skip("helm is not installed")
	}
	const given = "image.repository=registry.example.com/platform-migrations,image.tag=1.4.0,existingSecret=platform-database"
	helm := func(args ...string) []byte {
		t.Helper()
		out, err := exec.CommandContext(t.Context(), "helm", append(args, "--set", given)...).CombinedOutput()
		if err != nil {
			t.Fatalf("helm %v: %v\n%s", args, err, out)
		}
		return out
	}
	helm("lint", "--strict", "../../helm/aludel")
	object, err := accept(helm("template", "platform", "../../helm/aludel", "--namespace", "platform"))
	if err != nil {
		t.Fatal(err)
	}
	checkMigration(t, object)
	if name := object.(*batchv1.Job).Name; name != "platform-migrate" {
		t.Error(name)
	}
}
