package shadow

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"
)

// tick is how often a condition is looked at that has no event to wait for: a
// lock of another process, a server that is starting. It is short because
// whole starts take about 100 ms.
const tick = 2 * time.Millisecond

// pause waits for one tick, or returns ctx's error once it ends.
func pause(ctx context.Context) error {
	timer := time.NewTimer(tick)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// fileLock is a flock that this process holds on a file.
type fileLock struct{ file *os.File }

// lockFile locks the file at path, which it makes where needed, as soon as
// nobody else holds a lock against it.
func lockFile(ctx context.Context, path string, exclusive bool) (*fileLock, error) {
	for {
		lock, err := tryLockFile(path, exclusive)
		if lock != nil || err != nil {
			return lock, err
		}
		if err := pause(ctx); err != nil {
			return nil, fmt.Errorf("waiting for the lock on %s: %w", path, err)
		}
	}
}

// tryLockFile is lockFile without the wait: it returns nil while the file is
// locked by somebody else.
func tryLockFile(path string, exclusive bool) (*fileLock, error) {
	for {
		file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			return nil, err
		}
		locked, err := flock(file, exclusive)
		if !locked || err != nil {
			return nil, errors.Join(err, file.Close())
		}
		lock := &fileLock{file}
		current, err := lock.current(path)
		if err == nil && current {
			return lock, nil
		}
		if err := errors.Join(err, lock.release()); err != nil {
			return nil, err
		}
	}
}

// current reports whether path still names the file that is locked. Whoever
// held the lock before may have deleted the file with the folder around it.
func (l *fileLock) current(path string) (bool, error) {
	held, err := l.file.Stat()
	if err != nil {
		return false, err
	}
	named, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil && os.SameFile(held, named), err
}

// become changes the mode of the lock, and reports false if somebody else's
// lock is against it. In that case the old mode may be lost as well.
func (l *fileLock) become(exclusive bool) (bool, error) {
	return flock(l.file, exclusive)
}

// release unlocks. It does not leave that to closing: a process that another
// goroutine forks at this moment holds copies of all files until it executes.
func (l *fileLock) release() error {
	return errors.Join(unlock(l.file), l.file.Close())
}

// locked reports whether somebody holds the file at path exclusively. It makes
// no file.
func locked(path string) (bool, error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	free, err := flock(file, false)
	if free {
		err = errors.Join(err, unlock(file))
	}
	return !free && err == nil, errors.Join(err, file.Close())
}
