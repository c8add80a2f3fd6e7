package ecs

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/google/go-cmp/cmp"
)

// A fake answers the three calls of run-task as ECS does. Its task ends when it has been looked at often enough, or was stopped.
type fake struct {
	t       *testing.T
	started map[string]any // what RunTask answers
	ended   map[string]any // the task in the end
	looks   int            // until then; never, if negative

	mu      sync.Mutex
	ran     []ecs.RunTaskInput
	stopped bool
	looked  chan struct{} // closed at the first look
}

const arn = "arn:aws:ecs:eu-central-1:123456789012:task/platform/0123456789abcdef"

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	_, call, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	var answer any
	switch call {
	case "RunTask":
		var input ecs.RunTaskInput
		decoder := json.NewDecoder(r.Body)
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&input); err != nil {
			f.t.Error(err)
		}
		f.ran = append(f.ran, input)
		answer = f.started
	case "StopTask":
		f.stopped, f.looks = true, 0
		answer = map[string]any{"task": map[string]any{"lastStatus": "DEPROVISIONING"}}
	case "DescribeTasks":
		task := map[string]any{"lastStatus": "RUNNING"}
		if f.looks == 0 {
			task = f.ended
		} else {
			f.looks--
		}
		answer = map[string]any{"tasks": []any{task}}
		if f.looked != nil {
			close(f.looked)
			f.looked = nil
		}
	default:
		f.t.Errorf("call of %q", call)
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	if err := json.NewEncoder(w).Encode(answer); err != nil {
		f.t.Error(err)
	}
}

func task(status string, more map[string]any) map[string]any {
	more["taskArn"], more["lastStatus"] = arn, status
	return more
}

func started() map[string]any {
	return map[string]any{"tasks": []any{task("PROVISIONING", map[string]any{})}, "failures": []any{}}
}

func exited(code any) map[string]any {
	api := map[string]any{"name": "api"}
	if code != nil {
		api["exitCode"] = code
	}
	return task("STOPPED", map[string]any{
		"containers": []any{map[string]any{"name": "sidecar", "exitCode": 0}, api},
		"stopCode":   "TaskFailedToStart", "stoppedReason": "CannotPullContainerError: not found",
	})
}

// script is run-task against the fake.
func script(t *testing.T, f *fake, args ...string) *exec.Cmd {
	t.Helper()
	if _, err := exec.LookPath("aws"); err != nil {
		t.Skip("the AWS CLI is not installed")
	}
	f.t = t
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	cmd := exec.CommandContext(t.Context(), "../../ecs/run-task", append([]string{"platform", "platform-migrations:7", "subnet-1,subnet-2", "sg-1"}, args...)...)
	cmd.Env = append(os.Environ(), "AWS_ENDPOINT_URL_ECS="+server.URL, "AWS_DEFAULT_REGION=eu-central-1", "AWS_ACCESS_KEY_ID=nobody", "AWS_SECRET_ACCESS_KEY=nothing",
		"AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null", "AWS_EC2_METADATA_DISABLED=true", "INTERVAL=0.1")
	return cmd
}

func status(t *testing.T, cmd *exec.Cmd) int {
	t.Helper()
	var exit *exec.ExitError
	if err := cmd.Wait(); err != nil && !errors.As(err, &exit) {
		t.Error(err)
	}
	return cmd.ProcessState.ExitCode()
}

func TestRunTask(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		fake   *fake
		status int
		says   string
	}{
		{"success", &fake{started: started(), ended: exited(0), looks: 2}, 0, "started " + arn},
		{"ahead", &fake{started: started(), ended: exited(7), looks: 1}, 7, "exit status 7"},
		{"no image", &fake{started: started(), ended: exited(nil)}, 1, "TaskFailedToStart: CannotPullContainerError: not found"},
		{"no room", &fake{started: map[string]any{"tasks": []any{}, "failures": []any{map[string]any{"reason": "RESOURCE:MEMORY"}}}}, 1, "no task was started: RESOURCE:MEMORY"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			cmd := script(t, c.fake)
			var out bytes.Buffer
			cmd.Stderr = &out
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			if got := status(t, cmd); got != c.status || !strings.Contains(out.String(), c.says) {
				t.Errorf("status %d, want %d with %q:\n%s", got, c.status, c.says, out.String())
			}
		})
	}
}

// TestRunTaskCommand: words arrive as they are.
func TestRunTaskCommand(t *testing.T) {
	t.Parallel()
	f := fake{started: started(), ended: exited(0)}
	want := []string{"aludel", "-c", "app/db/aludel.toml", "upgrade", `a "quoted\one"`}
	if out, err := script(t, &f, want...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	input := f.ran[0]
	if diff := cmp.Diff(want, input.Overrides.ContainerOverrides[0].Command); diff != "" || *input.Overrides.ContainerOverrides[0].Name != "api" {
		t.Errorf("overrides: %s", diff)
	}
	network := input.NetworkConfiguration.AwsvpcConfiguration
	if diff := cmp.Diff([]string{"subnet-1", "subnet-2"}, network.Subnets); diff != "" || *input.Cluster != "platform" || *input.TaskDefinition != "platform-migrations:7" {
		t.Errorf("%+v %s", input, diff)
	}
}

// TestRunTaskInterrupted: a pipeline that is cancelled stops the task.
func TestRunTaskInterrupted(t *testing.T) {
	t.Parallel()
	looked := make(chan struct{})
	f := fake{started: started(), ended: exited(1), looks: -1, looked: looked}
	cmd := script(t, &f)
	var out bytes.Buffer
	cmd.Stderr = &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan int, 1)
	go func() { ended <- status(t, cmd) }()
	select {
	case <-looked:
	case got := <-ended:
		t.Fatalf("status %d before it was interrupted:\n%s", got, out.String())
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if got := <-ended; got != 1 || !f.stopped {
		t.Errorf("status %d, stopped %t:\n%s", got, f.stopped, out.String())
	}
}
