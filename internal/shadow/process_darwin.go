package shadow

import (
	"os/exec"
	"strconv"
	"strings"
)

// processCommand is the command line of a living process, its words joined by
// spaces. macOS has no files to read it from.
func processCommand(pid int) (string, error) {
	out, err := exec.Command("/bin/ps", "-ww", "-o", "command=", "-p", strconv.Itoa(pid)).Output()
	return strings.TrimSpace(string(out)), err
}
