package shadow

import (
	"bytes"
	"fmt"
	"os"
)

// processCommand is the command line of a living process, its words joined by
// spaces. It is empty for one that has ended and was not yet waited for.
func processCommand(pid int) (string, error) {
	words, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	return string(bytes.ReplaceAll(bytes.TrimRight(words, "\x00"), []byte{0}, []byte{' '})), err
}
