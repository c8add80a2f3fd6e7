package bench_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aludel-db/aludel/internal/pgtest"
)

// modelled is a project with n tables in its database, its models and its one
// revision.
func modelled(b *testing.B, n int) (db *pgtest.DB, dir string, env func(*exec.Cmd) *exec.Cmd) {
	b.Helper()
	db, dir = pgtest.New(b), b.TempDir()
	sql := strings.Join(tables(n), ";\n") + ";\n"
	for name, text := range map[string]string{
		"aludel.toml": "[models]\nsql = [\"schema.sql\"]\n", "schema.sql": sql,
		"migrations/versions/1.sql": "-- tables\n--\n-- revision: aaaa\n\n-- migrate:up\n" + sql + "\n-- migrate:down irreversible:\"the first\"\n",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			b.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			b.Fatal(err)
		}
	}
	bin := "ALUDEL_POSTGRES_BIN=" + pgtest.Server(b).Installation().BinDir
	cache := "XDG_CACHE_HOME=" + b.TempDir()
	env = func(cmd *exec.Cmd) *exec.Cmd {
		cmd.Dir = dir
		cmd.Env = append(cmd.Env, bin, cache)
		return cmd
	}
	process(b, env(aludel(b, db, "upgrade", "head")))
	return db, dir, env
}

// BenchmarkCheck: check on 1,000 tables that agree, all three of models,
// revisions and database, beside pg_dump -s (budget 1). What the shadow has made
// of models and revisions is known from the first run, which is reported apart.
func BenchmarkCheck(b *testing.B) {
	db, _, env := modelled(b, 1000)
	check := func() cost { return process(b, env(aludel(b, db, "check"))) }
	first := check()
	pairs(b, 5, check, func() cost { return process(b, exec.Command("pg_dump", "-s", "-d", db.URL())) })
	b.ReportMetric(float64(first.wall)/1e6, "ms/first")
}

// BenchmarkAutogenerate: five new columns in the definitions of five of 1,000 tables,
// each time of others, found, written and proven, beside the real Alembic, which finds
// and writes them (budget 0.125; it was 0.09 when it was last measured). The models as they were are known from an earlier run;
// what it takes where they are not is reported apart.
func BenchmarkAutogenerate(b *testing.B) {
	const n = 1000
	db, dir, env := modelled(b, n)
	edit := func(round int) {
		list := tables(n)
		for i := range 5 {
			at := (round*37 + i*n/5 + 1) % n
			list[at] = strings.Replace(list[at], "d text,", "d text, extra text,", 1)
		}
		if err := os.WriteFile(filepath.Join(dir, "schema.sql"), []byte(strings.Join(list, ";\n")+";\n"), 0o666); err != nil {
			b.Fatal(err)
		}
	}
	scripts, err := filepath.Abs("testdata/alembic")
	if err != nil {
		b.Fatal(err)
	}
	other, home := pgtest.New(b), b.TempDir()
	for _, sql := range tables(n) {
		other.Exec(b, sql)
	}
	versions := filepath.Join(home, "versions")
	ini := fmt.Sprintf("[alembic]\nscript_location = %s\nversion_locations = %s\nsqlalchemy.url = postgresql+psycopg2://%s@/%s?host=%s&port=%d\n",
		scripts, versions, other.User, other.Name, other.Host, other.Port)
	if err := os.WriteFile(filepath.Join(home, "alembic.ini"), []byte(ini), 0o666); err != nil {
		b.Fatal(err)
	}
	if err := os.MkdirAll(versions, 0o777); err != nil {
		b.Fatal(err)
	}
	removed := func(pattern string, c cost) cost {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) != 1 {
			b.Fatalf("%d files at %s: %v", len(files), pattern, err)
		}
		if err := os.Remove(files[0]); err != nil {
			b.Fatal(err)
		}
		return c
	}
	process(b, env(aludel(b, db, "check")))
	round := 0
	ours := func() cost {
		edit(round)
		round++
		c := process(b, env(aludel(b, db, "revision", "--autogenerate", "-m", "extra")))
		return removed(filepath.Join(dir, "migrations/versions/*_extra.sql"), c)
	}
	theirs := func() cost {
		cmd := exec.Command("/usr/bin/python3", "-W", "ignore", "-m", "alembic", "revision", "--autogenerate", "-m", "extra")
		cmd.Dir, cmd.Env = home, append(os.Environ(), fmt.Sprintf("BENCH_TABLES=%d", n), "PYTHONDONTWRITEBYTECODE=1")
		return removed(filepath.Join(versions, "*_extra.py"), process(b, cmd))
	}
	pairs(b, 3, ours, theirs)
	env = emptied(b, env)
	b.ReportMetric(float64(ours().wall)/1e6, "ms/first")
}

// emptied is an environment with a cache that knows nothing.
func emptied(b *testing.B, env func(*exec.Cmd) *exec.Cmd) func(*exec.Cmd) *exec.Cmd {
	b.Helper()
	cache := "XDG_CACHE_HOME=" + b.TempDir()
	return func(cmd *exec.Cmd) *exec.Cmd {
		cmd = env(cmd)
		cmd.Env = append(cmd.Env, cache)
		return cmd
	}
}
