// Package ecs holds what deploy/ecs says against AWS's own client: types, names on the wire, values. There is no AWS in it.
package ecs

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/google/go-cmp/cmp"
)

func definition(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../ecs/task-definition.json")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// register decodes a task definition strictly, hands it to AWS's client, which checks what is required, and compares what that sends with
// the text: a name in wrong letters, which Go's decoder takes, goes out as another one.
func register(t *testing.T, text string) (input ecs.RegisterTaskDefinitionInput, problem string) {
	t.Helper()
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&input); err != nil {
		return input, err.Error()
	}
	var sent any
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := json.NewDecoder(r.Body).Decode(&sent); err != nil {
			t.Error(err)
		}
		_, _ = io.WriteString(w, "{}")
	}))
	defer server.Close()
	client := ecs.New(ecs.Options{Region: "eu-central-1", BaseEndpoint: aws.String(server.URL), Credentials: credentials()})
	if _, err := client.RegisterTaskDefinition(t.Context(), &input); err != nil {
		return input, err.Error()
	}
	var given any
	if err := json.Unmarshal([]byte(text), &given); err != nil {
		t.Fatal(err)
	}
	return input, cmp.Diff(given, sent)
}

func credentials() aws.CredentialsProvider {
	return aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: "nobody", SecretAccessKey: "nothing"}, nil
	})
}

func TestTaskDefinition(t *testing.T) {
	t.Parallel()
	input, problem := register(t, definition(t))
	if problem != "" {
		t.Fatal(problem)
	}
	container := input.ContainerDefinitions[0]
	known(t, input.NetworkMode, types.NetworkModeAwsvpc)
	known(t, input.RequiresCompatibilities[0], types.CompatibilityFargate)
	known(t, input.RuntimePlatform.CpuArchitecture, types.CPUArchitecture.Values("")...)
	known(t, input.RuntimePlatform.OperatingSystemFamily, types.OSFamilyLinux)
	known(t, container.LogConfiguration.LogDriver, types.LogDriverAwslogs)
	known(t, *input.Cpu+"/"+*input.Memory, "256/512", "256/1024", "256/2048", "512/1024") // what Fargate has
	if *container.StopTimeout != 120 {
		t.Errorf("stopTimeout %d: Fargate's most is 120, and cancelling may take that long", *container.StopTimeout)
	}
	if *container.User != "65532:65532" || !*container.ReadonlyRootFilesystem || !slices.Equal(container.LinuxParameters.Capabilities.Drop, []string{"ALL"}) {
		t.Error("the container has rights that it doesn't need")
	}
	// arn:…:secret:NAME-RANDOM:KEY:VERSION-STAGE:VERSION-ID, the last two empty.
	key := regexp.MustCompile(`^arn:aws:secretsmanager:[a-z0-9-]+:\d{12}:secret:[\w/+=.@-]+-[A-Za-z0-9]{6}:(\w+)::$`)
	var keys []string
	for _, secret := range container.Secrets {
		match := key.FindStringSubmatch(*secret.ValueFrom)
		if match == nil {
			t.Errorf("%s names no key of a secret", *secret.ValueFrom)
			continue
		}
		keys = append(keys, *secret.Name+"="+match[1])
	}
	const want = "POSTGRES_SERVER=host POSTGRES_PORT=port POSTGRES_USER=username POSTGRES_PASSWORD=password POSTGRES_DB=dbname"
	if got := strings.Join(keys, " "); got != want {
		t.Errorf("secrets: %s", got)
	}
}

// known: the client takes any text for an enumeration; the service does not.
func known[T comparable](t *testing.T, value T, values ...T) {
	t.Helper()
	if !slices.Contains(values, value) {
		t.Errorf("%v is none of %v", value, values)
	}
}

// TestRefused is the proof that the checks are at work.
func TestRefused(t *testing.T) {
	t.Parallel()
	text := definition(t)
	for _, c := range []struct{ old, mistake, says string }{
		{`"stopTimeout"`, `"stopTimeOuts"`, "unknown field"},
		{`"readonlyRootFilesystem"`, `"readOnlyRootFilesystem"`, "readOnlyRootFilesystem"}, // Kubernetes' letters
		{`"cpu": "256"`, `"cpu": 256`, "cannot unmarshal number"},
		{`"family": "platform-migrations",`, ``, "Family"},
		{`"logDriver": "awslogs",`, ``, "LogDriver"},
		{`"valueFrom": "arn:aws:secretsmanager:eu-central-1:123456789012:secret:platform/database-AbCdEf:host::"`, `"value": "x"`, "unknown field"},
	} {
		if strings.Count(text, c.old) != 1 {
			t.Fatalf("%s is not there once", c.old)
		}
		if _, problem := register(t, strings.Replace(text, c.old, c.mistake, 1)); !strings.Contains(problem, c.says) {
			t.Errorf("%s: %q", c.mistake, problem)
		}
	}
}

// TestRecipe: the overrides in the manual are what ECS takes, for a container that is there.
func TestRecipe(t *testing.T) {
	t.Parallel()
	manual, err := os.ReadFile("../../ecs/README.md")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`--overrides '([^']+)'`).FindAllSubmatch(manual, -1)
	if len(found) == 0 {
		t.Fatal("no overrides in the manual")
	}
	input, _ := register(t, definition(t))
	for _, match := range found {
		var overrides types.TaskOverride
		decoder := json.NewDecoder(bytes.NewReader(match[1]))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&overrides); err != nil {
			t.Fatalf("%s: %v", match[1], err)
		}
		for _, o := range overrides.ContainerOverrides {
			if *o.Name != *input.ContainerDefinitions[0].Name || o.Command[0] != "aludel" {
				t.Errorf("%s", match[1])
			}
		}
	}
}
