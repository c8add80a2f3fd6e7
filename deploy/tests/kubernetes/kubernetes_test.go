// Package kubernetes puts what deploy has for Kubernetes through the API server's own code: decoded strictly, defaulted, validated as on
// creation, and held against the "restricted" standard of pod security. There is no cluster in it.
package kubernetes

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/apiserver/pkg/registry/rest"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
	_ "k8s.io/kubernetes/pkg/apis/apps/install"
	_ "k8s.io/kubernetes/pkg/apis/batch/install"
	_ "k8s.io/kubernetes/pkg/apis/core/install"
	"k8s.io/kubernetes/pkg/registry/apps/deployment"
	"k8s.io/kubernetes/pkg/registry/batch/job"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
)

// strategies are how the API server creates an object of a kind.
var strategies = map[string]rest.RESTCreateStrategy{"Job": job.Strategy, "Deployment": deployment.Strategy}

// accept does what the API server does with a new object, and answers it with its defaults.
func accept(text []byte) (runtime.Object, error) {
	// Strict: an unknown field, or one twice, is an error, as with "kubectl create --validate=strict".
	decoder := serializer.NewCodecFactory(legacyscheme.Scheme, serializer.EnableStrict).UniversalDeserializer()
	object, kind, err := decoder.Decode(text, nil, nil)
	if err != nil {
		return nil, err
	}
	legacyscheme.Scheme.Default(object)
	internal, err := legacyscheme.Scheme.ConvertToVersion(object, schema.GroupVersion{Group: kind.Group, Version: runtime.APIVersionInternal})
	if err != nil {
		return nil, err
	}
	strategy, ok := strategies[kind.Kind]
	if !ok {
		return nil, fmt.Errorf("no strategy for %s", kind.Kind)
	}
	metadata := internal.(v1.Object)
	rest.FillObjectMetaSystemFields(metadata)
	metadata.SetNamespace("platform")
	if metadata.GetName() == "" {
		metadata.SetName(strategy.GenerateName(metadata.GetGenerateName()))
	}
	plural := strings.ToLower(kind.Kind) + "s"
	ctx := request.WithRequestInfo(request.WithNamespace(context.Background(), "platform"), &request.RequestInfo{
		IsResourceRequest: true, Verb: "create", APIGroup: kind.Group, APIVersion: kind.Version, Resource: plural, Namespace: "platform",
	})
	if warnings := strategy.WarningsOnCreate(ctx, internal); len(warnings) > 0 {
		return nil, errors.New(strings.Join(warnings, "\n"))
	}
	if err := rest.BeforeCreate(strategy, ctx, internal); err != nil {
		return nil, err
	}
	return object, nil
}

func template(t *testing.T, object runtime.Object) *corev1.PodTemplateSpec {
	t.Helper()
	switch object := object.(type) {
	case *batchv1.Job:
		return &object.Spec.Template
	case *appsv1.Deployment:
		return &object.Spec.Template
	}
	t.Fatalf("no pods in %T", object)
	return nil
}

// checkMigration: what has to hold for whatever runs migrations.
func checkMigration(t *testing.T, object runtime.Object) {
	t.Helper()
	pod := template(t, object)
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		t.Fatal(err)
	}
	restricted := api.LevelVersion{Level: api.LevelRestricted, Version: api.LatestVersion()}
	if result := policy.AggregateCheckResults(evaluator.EvaluatePod(restricted, &pod.ObjectMeta, &pod.Spec)); !result.Allowed {
		t.Errorf("not %q: %s", api.LevelRestricted, result.ForbiddenDetail())
	}
	if seconds := pod.Spec.TerminationGracePeriodSeconds; seconds == nil || *seconds < 120 {
		t.Error("terminationGracePeriodSeconds is below 120: cancelling may take that long")
	}
	migrate := container(t, pod, "migrate")
	if len(migrate.Command) > 0 {
		t.Errorf("command %q takes the place of the image's entry point", migrate.Command)
	}
	if c := migrate.SecurityContext; c == nil || c.ReadOnlyRootFilesystem == nil || !*c.ReadOnlyRootFilesystem {
		t.Error("the root file system can be written to")
	}
	for _, v := range migrate.Env {
		if v.Name == "POSTGRES_PASSWORD" && (v.Value != "" || v.ValueFrom == nil || v.ValueFrom.SecretKeyRef == nil) {
			t.Error("the password is from no Secret")
		}
	}
	job, ok := object.(*batchv1.Job)
	if !ok {
		return
	}
	if *job.Spec.BackoffLimit != 0 || pod.Spec.RestartPolicy != corev1.RestartPolicyNever || job.Spec.ActiveDeadlineSeconds == nil {
		t.Errorf("a failed migration is tried again, or one that hangs is not ended: %s", job.Spec.String())
	}
}

func container(t *testing.T, pod *corev1.PodTemplateSpec, name string) *corev1.Container {
	t.Helper()
	all := append(append([]corev1.Container(nil), pod.Spec.InitContainers...), pod.Spec.Containers...)
	for i := range all {
		if all[i].Name == name {
			return &all[i]
		}
	}
	t.Fatalf("no container %q", name)
	return nil
}

func TestManifests(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob("../../kubernetes/*.yaml")
	if err != nil || len(paths) < 3 {
		t.Fatalf("%q, %v", paths, err)
	}
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			object, err := accept(read(t, path))
			if err != nil {
				t.Fatal(err)
			}
			checkMigration(t, object)
		})
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestArgoCD: the PreSync Job is the Job, but for what Argo CD is told and what a rollback needs.
func TestArgoCD(t *testing.T) {
	t.Parallel()
	var jobs []*batchv1.Job
	for _, path := range []string{"../../kubernetes/job.yaml", "../../kubernetes/argocd-presync.yaml"} {
		object, err := accept(read(t, path))
		if err != nil {
			t.Fatal(err)
		}
		jobs = append(jobs, object.(*batchv1.Job))
	}
	plain, hook := jobs[0], jobs[1]
	if got := fmt.Sprint(hook.Annotations); got != "map[argocd.argoproj.io/hook:PreSync argocd.argoproj.io/hook-delete-policy:BeforeHookCreation]" {
		t.Errorf("annotations %s", got)
	}
	args := &hook.Spec.Template.Spec.Containers[0].Args
	if last := (*args)[len(*args)-1]; last != "--ok-if-ahead" {
		t.Errorf("a rollback would fail: %q", *args)
	}
	*args = (*args)[:len(*args)-1]
	if a, b := fmt.Sprintf("%+v", plain.Spec.Template.String()), fmt.Sprintf("%+v", hook.Spec.Template.String()); a != b {
		t.Errorf("the pods differ:\n%s\n%s", a, b)
	}
}

// TestRefused is the proof that the validators are at work: each change of job.yaml is a mistake that people make.
func TestRefused(t *testing.T) {
	t.Parallel()
	text := string(read(t, "../../kubernetes/job.yaml"))
	for _, c := range []struct{ name, old, mistake, says string }{
		{"a misspelt field", "backoffLimit:", "backOffLimit:", `unknown field "spec.backOffLimit"`},
		{"a field twice", "  backoffLimit: 0\n", "  backoffLimit: 0\n  backoffLimit: 1\n", `"backoffLimit" already set`},
		{"a field of the pod's in the container", "        - name: migrate\n", "        - name: migrate\n          terminationGracePeriodSeconds: 120\n", `unknown field "spec.template.spec.containers[0].terminationGracePeriodSeconds"`},
		{"a restart", "restartPolicy: Never", "restartPolicy: Always", "spec.template.spec.restartPolicy"},
		{"a number as text", "runAsUser: 65532", "runAsUser: nobody", "runAsUser"},
		{"a quantity", "memory: 256Mi", "memory: 256 MB", "quantities must match"},
		{"less than is asked for", "memory: 256Mi", "memory: 16Mi", "must be less than or equal to memory limit"},
		{"a variable with two sources", "- name: POSTGRES_SERVER\n", "- name: POSTGRES_SERVER\n              value: db\n", "may not be specified when"},
		{"an unknown action", "action: Ignore", "action: Skip", "action"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if strings.Count(text, c.old) != 1 {
				t.Fatalf("%q is not there once", c.old)
			}
			if _, err := accept([]byte(strings.Replace(text, c.old, c.mistake, 1))); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v, want %q", err, c.says)
			}
		})
	}
}
