package config

import (
	"os"
	"strings"
	"testing"
)

// TestKeysAreDocumented looks for every key of the file in the manual.
func TestKeysAreDocumented(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("../../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range fileKeys() {
		switch key.name {
		case "migrations", "database", "run", "models", "shadow", "autogenerate", "naming", "safety":
			continue // tables
		}
		if !strings.Contains(string(data), "`"+key.name+"`") {
			t.Errorf("docs/configuration.md doesn't name %s", key.name)
		}
	}
}
