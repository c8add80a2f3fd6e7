package shadow

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// initdb takes half a second or more, copying what it made 50 ms; so it runs
// once per installation, and each new data folder is a copy.

// makeData makes the data folder of h. The copy takes its place by a rename,
// so there is a whole one or none.
func (h home) makeData(ctx context.Context, o Options) error {
	if err := h.tidy(); err != nil {
		return err
	}
	fresh := h.path("data.new")
	var err error
	if o.Image == "" {
		err = o.copyTemplate(ctx, fresh, h.account)
	} else {
		err = unpackImage(ctx, o.Image, fresh, h.account)
	}
	if err != nil {
		return err
	}
	if !h.throwaway {
		// The data folder must not reach the disk later than what will be
		// committed in it.
		if _, err := o.initdb(ctx, h.account, nil, "--sync-only", "-D", fresh); err != nil {
			return fmt.Errorf("writing a new data folder to disk: %w", err)
		}
	}
	return os.Rename(fresh, h.data())
}

// copyTemplate copies the installation's template to dir, which does not exist
// yet. It makes the template where there is none.
func (o Options) copyTemplate(ctx context.Context, dir string, to account) error {
	a, err := defaultAccount()
	if err != nil {
		return err
	}
	base, err := a.base(0, o.memDir(), o.CacheDir, o.tempDir(), "/tmp")
	if err != nil {
		return fmt.Errorf("finding a place for the template of data folders: %w", err)
	}
	family := filepath.Join(base, "template-"+digest(o.Installation.BinDir))
	template := family + "-" + o.Installation.Version
	for {
		lock, err := lockFile(ctx, family+".lock", false)
		if err != nil {
			return err
		}
		if exists(template) {
			err := copyTree(ctx, template, dir, to)
			return errors.Join(err, lock.release())
		}
		if err := lock.release(); err != nil {
			return err
		}
		if err := o.makeTemplate(ctx, family, template, a); err != nil {
			return err
		}
	}
}

// makeTemplate runs initdb, and deletes the templates of the versions that the
// installation had before, and unfinished ones.
func (o Options) makeTemplate(ctx context.Context, family, template string, a account) (err error) {
	lock, err := lockFile(ctx, family+".lock", true)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.release()) }()
	if exists(template) {
		return nil // made while we waited for the lock
	}
	former, err := filepath.Glob(globQuote(family) + "-*")
	if err != nil {
		return err
	}
	for _, path := range former {
		if err := os.RemoveAll(path); err != nil {
			return err
		}
	}
	for _, locale := range []string{"C.UTF-8", "C"} {
		fresh := template + ".new"
		if err := errors.Join(os.RemoveAll(fresh), os.Mkdir(fresh, 0o700), a.adopt(fresh)); err != nil {
			return err
		}
		output, err := o.initdb(ctx, a, lock,
			"-D", fresh, "-U", superuser, "-E", "UTF8", "--locale="+locale,
			"--auth-local=trust", "--auth-host=scram-sha-256", "--no-sync",
			"--wal-segsize=4") // MB; a copy of the default of 16 takes longer than the rest
		if err == nil {
			return os.Rename(fresh, template)
		}
		if locale == "C" || !strings.Contains(output, "locale") { // C.UTF-8 is unknown to older macOS
			return fmt.Errorf("making a data folder: %w", err)
		}
	}
	return nil
}

// initdb runs the program of that name and returns what it printed. The lock,
// if there is one, is held until its last process has ended: those survive
// when the tool is killed.
func (o Options) initdb(ctx context.Context, a account, lock *fileLock, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, filepath.Join(o.Installation.BinDir, "initdb"), args...)
	cmd.Dir = "/"
	cmd.Env = environment(o.Installation.BinDir)
	if lock != nil {
		cmd.ExtraFiles = []*os.File{lock.file}
	}
	a.detach(cmd)
	output, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	if err != nil {
		err = fmt.Errorf("initdb: %w: %s", err, lastLines(string(output), 5))
	}
	return string(output), err
}

// copyTree copies a folder of folders and regular files, and gives the copy to
// an account. The folder itself comes last, so that the account cannot reach
// into an unfinished copy.
func copyTree(ctx context.Context, from, to string, a account) error {
	var copied []string
	err := filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err = errors.Join(err, ctx.Err()); err != nil {
			return err
		}
		target := to + strings.TrimPrefix(path, from)
		copied = append(copied, target)
		if entry.IsDir() {
			return os.Mkdir(target, 0o700)
		}
		return copyFile(path, target)
	})
	if err != nil {
		return fmt.Errorf("copying the template of data folders: %w", err)
	}
	for _, path := range slices.Backward(copied) {
		if err := a.adopt(path); err != nil {
			return err
		}
	}
	return nil
}

func copyFile(from, to string) error {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	target, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return errors.Join(err, source.Close())
	}
	_, err = io.Copy(target, source)
	return errors.Join(err, source.Close(), target.Close())
}

// lastLines is the end of a program's output, for a message of one line.
func lastLines(output string, count int) string {
	lines := strings.Split(strings.TrimSpace(output), "\n")
	return strings.Join(lines[max(0, len(lines)-count):], "; ")
}
