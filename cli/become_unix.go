//go:build unix

package cli

import (
	"os"
	"os/exec"
	"syscall"
)

// become runs cmd in place of this process where it has the process's own files, so
// that signals and the exit status are its own.
func become(cmd *exec.Cmd) (status int, err error) {
	if cmd.Stdin != os.Stdin || cmd.Stdout != os.Stdout || cmd.Stderr != os.Stderr {
		return runOther(cmd)
	}
	if dir, err := os.Getwd(); err != nil || dir != cmd.Dir {
		return runOther(cmd)
	}
	return 0, syscall.Exec(cmd.Path, cmd.Args, cmd.Env) //nolint:gosec // what the configuration names
}
