//go:build !unix

package cli

import "os/exec"

// become runs cmd as a process of its own: there is no way to take its place.
func become(cmd *exec.Cmd) (status int, err error) { return runOther(cmd) }
