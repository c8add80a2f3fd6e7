package cli

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/aludel-db/aludel/internal/config"
)

// An otherProgram ends a command that the project's own command line has to run:
// Go code is in no program but the one that it was compiled into.
type otherProgram struct{ command []string }

func (e *otherProgram) Error() string { return "the project's own command line has to run this" }

// lookForGo sees to it that revisions written in Go take part: the program has them
// all, or hands over to the one that has.
func (a *app) lookForGo(c *config.Config) error {
	if a.goFound {
		return nil
	}
	own := a.options.Migrations != nil || len(a.options.Revisions) > 0
	files, err := goRevisions(c.Migrations.Dirs)
	if err != nil {
		return err
	}
	switch {
	case own:
		if err := a.allThere(files); err != nil {
			return err
		}
	case c.HandedOver && (len(files) > 0 || c.Migrations.Runner != nil):
		return &config.Error{
			Message: fmt.Sprintf("migrations.runner (%s) has no Go revisions of its own", strings.Join(c.Migrations.Runner, " ")),
			Hint:    "it has to be a program of the project that calls cli.Main with its Revisions",
		}
	case c.Migrations.Runner != nil:
		return &otherProgram{command: c.Migrations.Runner}
	case len(files) > 0:
		return &config.Error{
			Message: fmt.Sprintf("%s holds a revision written in Go, which this program doesn't have", a.shown(files[0].path)),
			Hint: "run the project's own command line, or name it in aludel.toml for aludel to call:\n" +
				"[migrations]\nrunner = [\"go\", \"run\", \"./cmd/migrate\"]   # a program that calls cli.Main with its Revisions",
		}
	}
	a.goFound = true
	return nil
}

// allThere refuses to go on without a revision that nobody has added to the program.
func (a *app) allThere(files []goFile) error {
	for _, file := range files {
		for _, id := range file.ids {
			known := false
			for i := range a.options.Revisions {
				known = known || a.options.Revisions[i].ID == id
			}
			if !known {
				return &config.Error{
					Message: fmt.Sprintf("revision %s in %s is not among the program's Revisions", id, a.shown(file.path)),
					Hint:    "add it to the Revisions that the program gives to cli.Main, and build it again",
				}
			}
		}
	}
	return nil
}

// A goFile is a file of Go beside the revision files that holds revisions.
type goFile struct {
	path string
	ids  []string
}

// goID finds the id in a revision that "revision --go" has written. Where it is made
// up in another way, the compiler alone knows it.
var goID = regexp.MustCompile(`(?m)^\s*ID:\s*"([^"]+)",`)

// goRevisions looks for them.
func goRevisions(dirs []string) ([]goFile, error) {
	var files []goFile
	for _, dir := range dirs {
		paths, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil {
			return nil, fmt.Errorf("looking for revisions written in Go: %w", err)
		}
		for _, path := range paths {
			if strings.HasSuffix(path, "_test.go") {
				continue
			}
			text, err := os.ReadFile(path)
			if err != nil {
				return nil, fmt.Errorf("looking for revisions written in Go: %w", err)
			}
			if !strings.Contains(string(text), "aludel.GoRevision") {
				continue
			}
			file := goFile{path: path}
			for _, match := range goID.FindAllStringSubmatch(string(text), -1) {
				file.ids = append(file.ids, match[1])
			}
			files = append(files, file)
		}
	}
	return files, nil
}

// handOver runs the project's own command line in place of this program, with the
// same arguments.
func (a *app) handOver(other *otherProgram) (status int, err error) {
	command, err := a.built(other.command)
	if err != nil {
		return 0, err
	}
	path := command[0]
	if !strings.ContainsRune(path, filepath.Separator) {
		if path, err = exec.LookPath(path); err != nil {
			return 0, &config.Error{Message: fmt.Sprintf("migrations.runner: %s: %v", command[0], reasonOf(err)), Hint: "is it installed, and in PATH?"}
		}
	} else if !filepath.IsAbs(path) {
		path = filepath.Join(a.loaded.Root, path)
	}
	cmd := exec.Command(path, slices.Concat(command[1:], a.options.Args)...) //nolint:noctx // it gets the signals itself
	cmd.Dir, cmd.Env = a.options.Dir, append(slices.Clone(a.options.Environ), "ALUDEL_HANDED_OVER=1")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = a.options.Stdin, a.options.Stdout, a.options.Stderr
	if closing := a.out.close(); closing != nil {
		return 0, closing
	}
	if status, err = become(cmd); err != nil {
		return 0, &config.Error{Message: fmt.Sprintf("migrations.runner: %s: %v", path, reasonOf(err)), Hint: "relative paths count from the folder of aludel.toml"}
	}
	return status, nil
}

func reasonOf(err error) error {
	var lookup *exec.Error
	var path *os.PathError
	switch {
	case errors.As(err, &lookup):
		return lookup.Err
	case errors.As(err, &path):
		return path.Err
	}
	return err
}

// built turns "go run PACKAGE" into the program itself, which "go build" keeps up
// to date: go run would give exit status 1 for every other, and keep signals away.
func (a *app) built(command []string) ([]string, error) {
	if len(command) < 3 || command[0] != "go" || command[1] != "run" || strings.HasPrefix(command[2], "-") {
		return command, nil
	}
	sum := sha256.Sum256([]byte(a.loaded.Root + "\x00" + command[2]))
	dir := a.loaded.CacheDir
	if dir == "" {
		dir = a.loaded.TempDir
	}
	path := filepath.Join(dir, "aludel", "runners", hex.EncodeToString(sum[:8]))
	build := exec.Command("go", "build", "-o", path, command[2]) //nolint:noctx // the terminal's signals reach it
	build.Dir, build.Env = a.loaded.Root, a.options.Environ
	var out strings.Builder
	build.Stdout, build.Stderr = &out, &out
	if err := build.Run(); err != nil {
		return nil, &config.Error{Message: "migrations.runner: building " + command[2] + ": " + reasonOf(err).Error(), Hint: strings.TrimSpace(out.String())}
	}
	return slices.Concat([]string{path}, command[3:]), nil
}

// runOther runs cmd and answers its exit status.
func runOther(cmd *exec.Cmd) (status int, err error) {
	err = cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode(), nil
	}
	return 0, err
}
