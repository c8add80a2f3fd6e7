package ddl_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/aludel-db/aludel/internal/catalog"
	"github.com/aludel-db/aludel/internal/diff"
	"github.com/aludel-db/aludel/internal/pgtest"
)

var outMu sync.Mutex

func report(format string, args ...any) {
	outMu.Lock()
	defer outMu.Unlock()
	f, _ := os.OpenFile(os.Getenv("CORPUS_OUT"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o666)
	fmt.Fprintf(f, format+"\n", args...)
	f.Close()
}

func psql(db *pgtest.DB, sql []byte) {
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "psql", "-X", "-q", "-h", db.Host, "-p", strconv.Itoa(int(db.Port)), "-U", db.User, "-d", db.Name)
	cmd.Stdin = bytes.NewReader(sql)
	cmd.Dir = os.Getenv("CORPUS_DIR")
	cmd.Env = append(os.Environ(), "PG_LIBDIR=/nowhere", "PG_DLSUFFIX=.so", "PG_ABS_BUILDDIR=/tmp")
	out, _ := cmd.CombinedOutput()
	os.WriteFile("/tmp/corpus/psql.log", out, 0o666)
}

func clone(t *testing.T, db *pgtest.DB, name string) *state {
	t.Helper()
	s := &state{db: pgtest.New(t)}
	server := pgtest.Server(t)
	admin, err := pgx.ConnectConfig(context.Background(), server.Config("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close(context.Background())
	if _, err := admin.Exec(context.Background(), "DROP DATABASE "+s.db.Name); err != nil {
		t.Fatal(err)
	}
	if _, err := admin.Exec(context.Background(), "CREATE DATABASE "+s.db.Name+" TEMPLATE "+db.Name); err != nil {
		t.Fatal(err)
	}
	s.conn = s.db.Connect(t)
	var e error
	if s.catalog, e = catalog.Read(context.Background(), s.conn, catalog.Options{}); e != nil {
		report("FAIL %s: read: %v", name, e)
		t.FailNow()
	}
	return s
}

func rebuilt(a, b *state) string {
	changes, err := diff.Compare(a.catalog, b.catalog, diff.Options{})
	if err != nil {
		return err.Error()
	}
	dropped := map[catalog.ID]bool{}
	out := ""
	for _, c := range changes {
		id := c.Object().Base().ID
		if id.Kind != catalog.KindTable && id.Kind != catalog.KindColumn {
			continue
		}
		switch c := c.(type) {
		case diff.Drop:
			dropped[id] = true
		case diff.Create:
			if dropped[id] {
				gen := ""
				if col, ok := c.To.(*catalog.Column); ok && col.Generated != "" {
					gen = " generated"
				}
				out += " " + id.String() + gen
			}
		}
	}
	return out
}

func tryPair(t *testing.T, name string, a, b *pgtest.DB) {
	old, target, reverted := clone(t, a, name), clone(t, b, name), clone(t, a, name)
	defer func() {
		for _, s := range []*state{old, target, reverted} {
			s.conn.Close(context.Background())
		}
	}()
	if u := old.catalog.Unsupported; len(u) > 0 {
		report("NOTE %s: unsupported %v", name, u)
	}
	if r := rebuilt(old, target) + rebuilt(target, old); r != "" {
		report("REBUILT %s: %s", name, r)
	}
	start := time.Now()
	script, err := old.change(target)
	os.WriteFile("/tmp/corpus/up-"+strings.ReplaceAll(filepath.Base(name), " ", "_")+".sql", []byte(script), 0o666)
	if err != nil {
		report("FAIL %s up: %v", name, last(err.Error()))
		return
	}
	if d := old.differs(t, target); d != "" {
		report("DIFF %s up: %s", name, d)
		return
	}
	if _, err := old.change(reverted); err != nil {
		report("FAIL %s down: %v", name, last(err.Error()))
		return
	}
	if d := old.differs(t, reverted); d != "" {
		report("DIFF %s down: %s", name, d)
		return
	}
	report("OK %s objects %d statements %d in %v", name, target.catalog.Len(), strings.Count(script, ";\n"), time.Since(start).Round(time.Millisecond))
}

func last(s string) string {
	head := s
	if i := strings.Index(head, " in\n"); i > 0 {
		head = head[:i]
	}
	if len(head) > 300 {
		head = head[:300]
	}
	if len(s) > 900 {
		s = "…" + s[len(s)-900:]
	}
	return head + " | " + s
}

func TestZZCorpus(t *testing.T) {
	list := os.Getenv("CORPUS")
	if list == "" {
		t.Skip()
	}
	cuts, _ := strconv.Atoi(os.Getenv("CUTS"))
	if cuts == 0 {
		cuts = 4
	}
	var prelude []byte
	if p := os.Getenv("PRELUDE"); p != "" {
		prelude, _ = os.ReadFile(p)
	}
	slots := make(chan bool, 3)
	for _, file := range strings.Fields(list) {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			slots <- true
			defer func() { <-slots }()
			defer func() {
				if p := recover(); p != nil {
					report("PANIC %s: %v", file, p)
				}
			}()
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			lines := bytes.SplitAfter(text, []byte("\n"))
			base := pgtest.New(t)
			psql(base, prelude)
			prev := base
			for i := 1; i <= cuts; i++ {
				end := len(lines) * i / cuts
				for end < len(lines) && !bytes.HasSuffix(bytes.TrimSpace(lines[end-1]), []byte(";")) {
					end++
				}
				db := pgtest.New(t)
				psql(db, append(append([]byte{}, prelude...), bytes.Join(lines[:end], nil)...))
				name := fmt.Sprintf("%s[%d]", strings.TrimPrefix(file, os.Getenv("CORPUS_TRIM")), i)
				tryPair(t, name, prev, db)
				if i == cuts {
					tryPair(t, name+" from empty", pgtest.New(t), db)
				}
				prev = db
			}
		})
	}
}
