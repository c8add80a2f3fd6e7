package desired

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// read answers the scripts of a source, in order.
func (s *Source) read(ctx context.Context, show func(string) string) ([]text, error) {
	var texts []text
	for _, path := range s.Paths {
		files, err := filesAt(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, &NoFileError{Path: show(path)}
		}
		if err != nil {
			return nil, err
		}
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				return nil, fmt.Errorf("reading the state: %w", err)
			}
			texts = append(texts, text{name: show(file), sql: withoutDown(withoutMeta(string(data)))})
		}
	}
	if len(s.Command) > 0 {
		out, err := s.output(ctx)
		if err != nil {
			return nil, err
		}
		texts = append(texts, text{name: s.name(), sql: withoutMeta(out), printed: true})
	}
	if s.Print != nil {
		var out bytes.Buffer
		if err := s.Print(&out); err != nil {
			return nil, fmt.Errorf("printing the DDL of %s: %w", s.name(), err)
		}
		texts = append(texts, text{name: s.name(), sql: withoutMeta(out.String()), printed: true})
	}
	return texts, nil
}

// filesAt are the file at path, those of SQL in the folder there and below it,
// or all that a pattern picks; in the order of their names.
func filesAt(path string) ([]string, error) {
	matches := []string{path}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) && strings.ContainsAny(path, "*?[") {
		var err error
		if matches, err = filepath.Glob(path); err != nil {
			return nil, fmt.Errorf("reading the state: the pattern %s can't be read", path)
		}
		if len(matches) == 0 {
			return nil, fs.ErrNotExist
		}
	}
	var files []string
	for _, match := range matches {
		err := filepath.WalkDir(match, func(file string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || file != match && (filepath.Ext(file) != ".sql" || strings.HasSuffix(file, ".down.sql")) {
				return err
			}
			if !slices.Contains(files, file) {
				files = append(files, file)
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("reading the state: %w", err)
		}
	}
	return files, nil
}

var (
	// meta are the lines that newer versions of pg_dump write for psql alone.
	meta = regexp.MustCompile(`(?m)^\\(un)?restrict .*$`)
	// down is where the way back begins, in the files of those who keep both in
	// one: sqlc's users have folders of migrations for a schema.
	down = regexp.MustCompile(`(?m)^(-- *(migrate:down|\+goose +Down|\+migrate +Down)|---- create above / drop below ----).*$`)
)

// withoutMeta keeps the lines' numbers.
func withoutMeta(sql string) string { return meta.ReplaceAllString(sql, "") }

func withoutDown(sql string) string {
	if at := down.FindStringIndex(sql); at != nil {
		return sql[:at[0]]
	}
	return sql
}

// name is what messages call the command.
func (s *Source) name() string {
	if s.Name != "" {
		return s.Name
	}
	if len(s.Command) == 0 {
		return "the program's models"
	}
	return "output of `" + oneLine(s.Command) + "`"
}

// maxCommand is how many characters of a command messages show.
const maxCommand = 80

// oneLine is a command for a message, which names what may be a whole script.
func oneLine(command []string) string {
	text := []rune(strings.Join(strings.Fields(strings.Join(command, " ")), " "))
	if len(text) > maxCommand {
		return string(text[:maxCommand-1]) + "…"
	}
	return string(text)
}

// commandPatience is how long a command may take to end after it was told to.
const commandPatience = 5 * time.Second

// output runs the command. What it writes to stderr is shown where it fails.
func (s *Source) output(ctx context.Context) (string, error) {
	cmd := exec.CommandContext(ctx, s.Command[0], s.Command[1:]...)
	cmd.Dir, cmd.Env, cmd.WaitDelay = s.Dir, s.Environ, commandPatience
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return "", &CommandError{Command: s.Command, Name: s.Name, Stderr: strings.TrimSpace(stderr.String()), Err: err}
	}
	if strings.TrimSpace(stdout.String()) == "" {
		return "", &CommandError{Command: s.Command, Name: s.Name, Stderr: strings.TrimSpace(stderr.String()), Err: errors.New("it printed nothing; models without any table would have all of them dropped")}
	}
	return stdout.String(), nil
}
