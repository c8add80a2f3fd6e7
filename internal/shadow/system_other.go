//go:build !linux && !darwin

package shadow

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"runtime"
	"syscall"
)

// The locks, accounts and signals on which this package stands are those of
// Unix. Everything exported asks supported first, so the rest here only has
// to compile.

func supported() error {
	return fmt.Errorf("running PostgreSQL is not supported on %s: %w", runtime.GOOS, errors.ErrUnsupported)
}

const (
	stopFast      = syscall.SIGINT
	stopImmediate = syscall.SIGQUIT
)

func flock(*os.File, bool) (bool, error) { return false, supported() }
func unlock(*os.File) error              { return supported() }
func kill(int, syscall.Signal) error     { return supported() }
func room(string) uint64                 { return 0 }
func ownerOf(fs.FileInfo) (uid, gid int) { return -1, -1 }
func defaultAccount() (account, error)   { return account{}, supported() }
func userName(int) string                { return "" }
func processCommand(int) (string, error) { return "", supported() }
func (a account) detach(*exec.Cmd)       {}
