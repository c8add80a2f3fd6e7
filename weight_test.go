package aludel_test

import (
	"encoding/json"
	"os"
	osexec "os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// What a program takes in with this package at the most.
const (
	maxModules = 15
	maxGrowth  = 7_000_000 // bytes of a stripped program
)

// hello is a program, and migrating the same with this package.
const (
	hello = `package main

import "fmt"

func main() { fmt.Println("hello") }
`
	migrating = `package main

import (
	"context"
	"fmt"
	"os"

	"github.com/jackc/pgx/v5"

	"github.com/aludel-db/aludel"
)

func main() {
	fmt.Println("hello")
	conn, err := pgx.Connect(context.Background(), os.Getenv("DATABASE_URL"))
	if err != nil {
		panic(err)
	}
	m, err := aludel.New(os.DirFS("migrations"), aludel.Options{})
	if err != nil {
		panic(err)
	}
	if _, err := m.Upgrade(context.Background(), conn, aludel.UpgradeOptions{}); err != nil {
		panic(err)
	}
}
`
)

// writeUser writes a module with the two programs, which takes this one from the
// checkout.
func writeUser(t *testing.T) (dir string) {
	t.Helper()
	checkout, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	sums, err := os.ReadFile("go.sum")
	if err != nil {
		t.Fatal(err)
	}
	dir = t.TempDir()
	for name, text := range map[string]string{
		"go.mod": "module example.com/user\n\ngo 1.26.0\n\nrequire github.com/aludel-db/aludel v0.0.0\n\nreplace github.com/aludel-db/aludel => " + checkout + "\n",
		"go.sum": string(sums), "hello/main.go": hello, "migrating/main.go": migrating,
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	goCommand(t, dir, "list", "-deps", "./...") // completes go.mod with what is required
	return dir
}

// goCommand runs the go command in a folder and answers what it prints.
func goCommand(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := osexec.Command("go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-mod=mod", "GOWORK=off")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, stderr.String())
	}
	return string(out)
}

// TestModulesOfAUser lists the modules that a program has in its go.mod, and those
// that are linked into it, because it imports this package.
func TestModulesOfAUser(t *testing.T) {
	t.Parallel()
	dir := writeUser(t)
	linked := strings.Fields(goCommand(t, dir, "list", "-deps", "-f", "{{with .Module}}{{.Path}}{{end}}", "./migrating"))
	slices.Sort(linked)
	linked = slices.DeleteFunc(slices.Compact(linked), func(path string) bool { return path == "example.com/user" })
	var mod struct{ Require []struct{ Path string } }
	if err := json.Unmarshal([]byte(goCommand(t, dir, "mod", "edit", "-json")), &mod); err != nil {
		t.Fatal(err)
	}
	var required []string
	for _, r := range mod.Require {
		required = append(required, r.Path)
	}
	t.Logf("%d modules are linked: %s", len(linked), strings.Join(linked, ", "))
	for what, list := range map[string][]string{"linked": linked, "required": required} {
		if len(list) > maxModules || len(list) < 2 {
			t.Errorf("%d modules are %s, not %d at the most:\n%s", len(list), what, maxModules, strings.Join(list, "\n"))
		}
	}
}

// TestGrowthOfAUser compares the sizes of a hello-world with and without this
// package. What the package asks goes through pgx's connection and not through its
// types: these alone are 2.1 MB, so one QueryRow on the way of an upgrade is found
// here. A program that uses pgx itself has them already, and grows by the rest.
func TestGrowthOfAUser(t *testing.T) {
	t.Parallel()
	dir := writeUser(t)
	size := func(name string) int64 {
		goCommand(t, dir, "build", "-trimpath", "-ldflags", "-s -w", "-o", name+".exe", "./"+name)
		info, err := os.Stat(filepath.Join(dir, name+".exe"))
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	without, with := size("hello"), size("migrating")
	t.Logf("%d bytes without, %d with: %d more, of %d", without, with, with-without, maxGrowth)
	if with-without > maxGrowth {
		t.Errorf("a program grows by %d bytes, not %d at the most", with-without, maxGrowth)
	}
}

// TestExternalTests: tests use what users can use.
func TestExternalTests(t *testing.T) {
	t.Parallel()
	var list struct{ TestGoFiles []string }
	if err := json.Unmarshal([]byte(goCommand(t, ".", "list", "-json=TestGoFiles", ".")), &list); err != nil {
		t.Fatal(err)
	}
	if len(list.TestGoFiles) > 0 {
		t.Errorf("these are of the package, not beside it: %v", list.TestGoFiles)
	}
}
