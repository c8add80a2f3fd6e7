package bench_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/aludel-db/aludel/internal/pgtest"
)

const migrations = 1000

// script is what psql gets: the same statements in the same transactions, with
// the version row that each one changes.
func script() []string {
	list := []string{"CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY);\nINSERT INTO alembic_version VALUES ('');\n"}
	for i := range migrations {
		list = append(list, "BEGIN;\n"+up(i)+"UPDATE alembic_version SET version_num = '"+id(i)+"';\nCOMMIT;\n")
	}
	return list
}

// BenchmarkUpgrade runs 1,000 small migrations: whole processes beside psql -f
// (budget 0.75), and beside one message for each over a bare connection.
func BenchmarkUpgrade(b *testing.B) {
	dir, file := chain(b, migrations), filepath.Join(b.TempDir(), "all.sql")
	messages := script()
	if err := os.WriteFile(file, []byte(strings.Join(messages, "")), 0o666); err != nil {
		b.Fatal(err)
	}
	ours := func() cost {
		return process(b, aludel(b, pgtest.New(b), "--dir", dir, "upgrade", "head"))
	}
	psql := func() cost {
		return process(b, exec.Command("psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", pgtest.New(b).URL(), "-f", file))
	}
	b.Run("psql", func(b *testing.B) { pairs(b, 7, ours, psql) })
	b.Run("bare", func(b *testing.B) {
		pairs(b, 7, ours, func() cost { return bare(b, pgtest.New(b).Config(), messages) })
	})
}

// bare sends one message for each migration.
func bare(b *testing.B, config *pgx.ConnConfig, messages []string) cost {
	b.Helper()
	ctx := context.Background()
	start := time.Now()
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		b.Fatal(err)
	}
	for _, m := range messages {
		if _, err := conn.PgConn().Exec(ctx, m).ReadAll(); err != nil {
			b.Fatal(err)
		}
	}
	_ = conn.Close(ctx)
	return cost{wall: time.Since(start)}
}

// BenchmarkUpgradeRemote is the same with 5 ms added to each round trip, of
// 200 migrations, beside psql -f (budget 0.3).
func BenchmarkUpgradeRemote(b *testing.B) {
	const n = 200
	server := pgtest.NewPasswordServer(b)
	port := slow(b, fmt.Sprintf("%s:%d", server.Host, server.Port), 2500*time.Microsecond)
	dir, file := chain(b, n), filepath.Join(b.TempDir(), "all.sql")
	if err := os.WriteFile(file, []byte(strings.Join(script()[:n+1], "")), 0o666); err != nil {
		b.Fatal(err)
	}
	names := 0
	env := func(cmd *exec.Cmd) *exec.Cmd {
		names++
		name := fmt.Sprintf("remote%d", names)
		conn, err := pgx.ConnectConfig(context.Background(), server)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := conn.Exec(context.Background(), "CREATE DATABASE "+name); err != nil {
			b.Fatal(err)
		}
		_ = conn.Close(context.Background())
		cmd.Env = append(cmd.Env, "PATH="+os.Getenv("PATH"), "PGHOST=127.0.0.1", fmt.Sprintf("PGPORT=%d", port), "PGUSER="+server.User, "PGPASSWORD="+server.Password,
			"PGDATABASE="+name, "PGSSLMODE=disable")
		return cmd
	}
	pairs(b, 3, func() cost { return process(b, env(aludel(b, nil, "--dir", dir, "upgrade", "head"))) },
		func() cost {
			return process(b, env(exec.Command("psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", file)))
		})
}

// slow is a proxy on loopback that holds everything back for a while in each
// direction, in order: a longer wire, not a narrower one.
func slow(b *testing.B, address string, delay time.Duration) (port int) {
	b.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return // closed
			}
			server, err := net.Dial("tcp", address)
			if err != nil {
				_ = client.Close()
				continue
			}
			go hold(server, client, delay)
			go hold(client, server, delay)
		}
	}()
	return listener.Addr().(*net.TCPAddr).Port
}

// hold passes on what it reads, each piece when its time has come.
func hold(to io.WriteCloser, from io.Reader, delay time.Duration) {
	type piece struct {
		due  time.Time
		data []byte
	}
	pieces := make(chan piece, 1024)
	go func() {
		defer close(pieces)
		for {
			buf := make([]byte, 64<<10)
			n, err := from.Read(buf)
			if n > 0 {
				pieces <- piece{time.Now().Add(delay), buf[:n]}
			}
			if err != nil {
				return
			}
		}
	}()
	for p := range pieces {
		<-time.After(time.Until(p.due))
		if _, err := to.Write(p.data); err != nil {
			break
		}
	}
	_ = to.Close()
}
