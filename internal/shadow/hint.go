package shadow

import (
	"os"
	"runtime"
	"strings"
)

// systemHint says how to install PostgreSQL on this system.
func systemHint() string {
	release, _ := os.ReadFile("/etc/os-release") // absent on macOS and on the barest containers
	return installHint(runtime.GOOS, string(release))
}

// installHint says how to install PostgreSQL, given the operating system and
// the text of its os-release file.
func installHint(goos, release string) string {
	const otherwise = ", or name the folder of its programs"
	if goos == "darwin" {
		return "install it with: brew install postgresql" + otherwise
	}
	for _, id := range distributions(release) {
		switch id {
		case "debian", "ubuntu":
			return "install it with: apt-get install postgresql" + otherwise
		case "fedora", "rhel", "centos":
			return "install it with: dnf install postgresql-server" + otherwise
		case "alpine":
			return "install it with: apk add postgresql" + otherwise
		case "arch":
			return "install it with: pacman -S postgresql" + otherwise
		case "suse", "opensuse":
			return "install it with: zypper install postgresql-server" + otherwise
		}
	}
	return "install PostgreSQL's server package" + otherwise
}

// distributions are the ID and then the ID_LIKE words of an os-release file.
func distributions(release string) []string {
	var id, like []string
	for line := range strings.Lines(release) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		words := strings.Fields(strings.Trim(value, `"'`))
		switch key {
		case "ID":
			id = words
		case "ID_LIKE":
			like = words
		}
	}
	return append(id, like...)
}
