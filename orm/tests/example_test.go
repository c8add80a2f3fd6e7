package tests

import (
	"os/exec"
	"testing"
)

// The example is a module of its own, as a user's.
func TestExample(t *testing.T) {
	t.Parallel()
	cmd := exec.CommandContext(t.Context(), "go", "run", "./schema")
	cmd.Dir = "../../examples/models-gorm"
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	load(t, string(out))
}
