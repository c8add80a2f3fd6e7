// Package image builds aludel's image and runs it as a cluster would: as nobody in particular, with no rights and
// on a file system that can't be written to, on a real PostgreSQL.
package image

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/aludel-db/aludel/internal/pgtest"
)

// runFlags are those of Debian 12's podman in a container or a small virtual machine: crun refuses the cgroups, and limits above our
// own are not ours to give.
var runFlags = []string{
	"--runtime", "runc", "--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024", "--network", "host", "--pull", "never",
	"--read-only", "--cap-drop", "all", "--security-opt", "no-new-privileges", "--user", "65532:65532",
}

// The fixture is what the tests of the package share: images, which take seconds to build, and a server on TCP.
type fixture struct {
	context            string // what deploy/context has collected
	bare, application  string // images: the program alone, and an application's that has it
	older, newer, slow string // images with revision files, by deploy/example/Dockerfile
	edited, deleted    string // images of whoever changed files that have run
	outside            string // an image whose second revision runs outside a transaction
	server             *pgx.ConnConfig
}

func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }

// TestImage is one test, so that what is costly is made once.
func TestImage(t *testing.T) {
	t.Parallel()
	if why := unavailable(t); why != "" {
		t.Skip(why)
	}
	f := build(t)
	t.Run("TrustedRoots", func(t *testing.T) { t.Parallel(); f.trustedRoots(t) })
	t.Run("ExitStatus", func(t *testing.T) { t.Parallel(); f.exitStatus(t) })
	t.Run("Refused", func(t *testing.T) { t.Parallel(); f.refused(t) })
	t.Run("Partial", func(t *testing.T) { t.Parallel(); f.partial(t) })
	t.Run("Commands", func(t *testing.T) { t.Parallel(); f.commands(t) })
	t.Run("Terminate", func(t *testing.T) { t.Parallel(); f.terminate(t) })
	t.Run("VerifyFull", func(t *testing.T) { t.Parallel(); f.verifyFull(t) })
}

// unavailable says why containers can't be had on this system, if they can't.
func unavailable(t *testing.T) string {
	t.Helper()
	for _, program := range []string{"buildah", "podman", "runc"} {
		if _, err := exec.LookPath(program); err != nil {
			return program + " is not installed: scripts/install containers"
		}
	}
	folder, name := t.TempDir(), "localhost/aludel-test-"+strings.ToLower(rand.Text())
	write(t, filepath.Join(folder, "Dockerfile"), "FROM scratch\nCOPY Dockerfile /\n")
	if out, err := exec.CommandContext(t.Context(), "buildah", "bud", "--isolation", "chroot", "--quiet", "--tag", name, folder).CombinedOutput(); err != nil {
		return fmt.Sprintf("buildah can't build here: %v\n%s", err, out)
	}
	defer command(t, "podman", "rmi", "--force", name)
	// There is nothing in it to run, and podman says 127. It says 125 where it can't run anything.
	if status, out := run(t, name, nil, "/nothing"); status != 127 {
		return fmt.Sprintf("podman can't run here: status %d\n%s", status, out)
	}
	return ""
}

// build makes the images from the project's own Dockerfiles.
func build(t *testing.T) *fixture {
	t.Helper()
	root, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	f := &fixture{context: t.TempDir(), server: pgtest.NewPasswordServer(t)}
	command(t, filepath.Join(root, "deploy/context"), f.context)
	f.bare = image(t, filepath.Join(root, "deploy/Dockerfile"), f.context)
	dockerfile := filepath.Join(root, "deploy/example/Dockerfile")
	revisions := map[string]string{
		"1.sql": "-- one\n--\n-- revision: a1\n\n-- migrate:up\nCREATE TABLE one (id int);\n-- migrate:down\nDROP TABLE one;\n",
		"2.sql": "-- two\n--\n-- revision: b2\n-- down_revision: a1\n\n-- migrate:up\nCREATE TABLE two (id int);\n-- migrate:down\nDROP TABLE two;\n",
	}
	f.newer = image(t, dockerfile, project(t, revisions), "ALUDEL="+f.bare)
	older := map[string]string{"1.sql": revisions["1.sql"]}
	f.older = image(t, dockerfile, project(t, older), "ALUDEL="+f.bare)
	f.application = image(t, filepath.Join(root, "deploy/example/Dockerfile.application"), project(t, older), "ALUDEL="+f.bare)
	f.edited = image(t, dockerfile, project(t, map[string]string{
		"1.sql": strings.Replace(revisions["1.sql"], "id int", "id bigint", 1), "2.sql": revisions["2.sql"],
	}), "ALUDEL="+f.bare)
	f.deleted = image(t, dockerfile, project(t, map[string]string{"2.sql": revisions["2.sql"]}), "ALUDEL="+f.bare)
	f.outside = image(t, dockerfile, project(t, map[string]string{
		"1.sql": "-- one\n--\n-- revision: a1\n\n-- migrate:up\nCREATE TABLE one (id int);\nINSERT INTO one VALUES (1), (1);\n-- migrate:down\nDROP TABLE one;\n",
		"2.sql": "-- indexes\n--\n-- revision: b2\n-- down_revision: a1\n\n-- migrate:up transaction:false\n" +
			"CREATE INDEX CONCURRENTLY plain ON one (id);\nCREATE UNIQUE INDEX CONCURRENTLY once ON one (id);\n-- migrate:down\nDROP INDEX plain, once;\n",
	}), "ALUDEL="+f.bare)
	f.slow = image(t, dockerfile, project(t, map[string]string{
		"1.sql": "-- slow\n--\n-- revision: c3\n\n-- migrate:up\nCREATE TABLE slow (id int);\nSELECT pg_sleep(600);\n",
	}), "ALUDEL="+f.bare)
	return f
}

// project is a folder as the platform has it: app/db/aludel.toml, and revisions beside it.
func project(t *testing.T, revisions map[string]string) string {
	t.Helper()
	folder := t.TempDir()
	versions := filepath.Join(folder, "app/db/migrations/versions")
	if err := os.MkdirAll(versions, 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(folder, "app/db/aludel.toml"), "[migrations]\ndir = \"migrations/versions\"\n[safety]\nmax_stall = \"0\"\n")
	for name, text := range revisions {
		write(t, filepath.Join(versions, name), text)
	}
	return folder
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// image builds one under a name of its own, and removes it at the end.
func image(t *testing.T, dockerfile, folder string, arguments ...string) string {
	t.Helper()
	name := "localhost/aludel-test-" + strings.ToLower(rand.Text())
	args := []string{"bud", "--isolation", "chroot", "--quiet", "--tag", name, "--file", dockerfile, "--build-arg", "TARGETARCH=" + arch(t)}
	for _, a := range arguments {
		args = append(args, "--build-arg", a)
	}
	command(t, "buildah", append(args, folder)...)
	t.Cleanup(func() {
		if out, err := exec.CommandContext(context.Background(), "podman", "rmi", "--force", name).CombinedOutput(); err != nil {
			t.Errorf("removing %s: %v\n%s", name, err, out)
		}
	})
	return name
}

func arch(t *testing.T) string {
	t.Helper()
	return strings.TrimSpace(command(t, "go", "env", "GOARCH"))
}

func command(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// database makes one on the server, and is the environment that leads there.
func (f *fixture) database(t *testing.T) (*pgx.Conn, []string) {
	t.Helper()
	name := "t_" + strings.ToLower(rand.Text()[:16])
	execute(t, f.connect(t, "postgres"), "CREATE DATABASE "+name)
	return f.connect(t, name), []string{
		"POSTGRES_SERVER=" + f.server.Host, fmt.Sprintf("POSTGRES_PORT=%d", f.server.Port), "POSTGRES_USER=" + f.server.User,
		"POSTGRES_PASSWORD=" + f.server.Password, "POSTGRES_DB=" + name, "POSTGRES_SCHEMA=public",
	}
}

func (f *fixture) connect(t *testing.T, database string) *pgx.Conn {
	t.Helper()
	config := f.server.Copy()
	config.Database = database
	conn, err := pgx.ConnectConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := conn.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return conn
}

// container is "podman run" that has not been started.
func container(ctx context.Context, name, image string, flags, environment []string, args ...string) *exec.Cmd {
	all := slices.Concat([]string{"run", "--rm", "--name", name}, runFlags, flags)
	for _, e := range environment {
		key, _, _ := strings.Cut(e, "=")
		all = append(all, "--env", key) // the value is taken from podman's own environment: a password is in no process title
	}
	cmd := exec.CommandContext(ctx, "podman", append(append(all, image), args...)...)
	cmd.Env = append(os.Environ(), environment...)
	return cmd
}

// run runs a container to its end.
func run(t *testing.T, image string, environment []string, args ...string) (status int, output string) {
	t.Helper()
	return runWith(t, nil, image, environment, args...)
}

func runWith(t *testing.T, flags []string, image string, environment []string, args ...string) (status int, output string) {
	t.Helper()
	var out bytes.Buffer
	cmd := container(t.Context(), "aludel-test-"+strings.ToLower(rand.Text()), image, flags, environment, args...)
	cmd.Stdout, cmd.Stderr = &out, &out
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out.String()
}

// trustedRoots: the public ones, and those of Amazon RDS, where TLS looks for them.
func (f *fixture) trustedRoots(t *testing.T) {
	t.Helper()
	for name, least := range map[string]int{"ca-certificates.crt": 50, "rds.pem": 100} {
		text, err := os.ReadFile(filepath.Join(f.context, "etc/ssl/certs", name))
		if err != nil {
			t.Fatal(err)
		}
		count := 0
		for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
			if _, err := x509.ParseCertificate(block.Bytes); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			count++
		}
		if count < least || count != bytes.Count(text, []byte("BEGIN CERTIFICATE")) {
			t.Errorf("%s has %d certificates that can be read", name, count)
		}
	}
}

// A step is a container, how it ends, and what it says.
type step struct {
	image  string
	args   []string
	status int
	says   string
}

func follow(t *testing.T, environment []string, steps ...step) {
	t.Helper()
	for _, s := range steps {
		if status, out := run(t, s.image, environment, s.args...); status != s.status || !strings.Contains(out, s.says) {
			t.Errorf("%v: status %d, want %d with %q:\n%s", s.args, status, s.status, s.says, out)
		}
	}
}

// exitStatus: what the program says is what the platform sees.
func (f *fixture) exitStatus(t *testing.T) {
	t.Helper()
	conn, environment := f.database(t)
	follow(t, environment, []step{
		{f.newer, []string{"upgrade", "head", "--check-only"}, 3, "a1"},
		{f.newer, []string{"upgrade", "nonsense"}, 1, "Can't locate revision identified by 'nonsense'"},
		{f.newer, []string{"upgrade"}, 2, "the following arguments are required"},
		{f.newer, nil, 0, "-> b2, two ... done"}, // the image's own command
		{f.newer, []string{"upgrade", "head"}, 0, "Nothing to do: the database is at b2"},
		{f.older, []string{"upgrade", "head"}, 7, "the database is ahead of these files"},
		{f.older, []string{"upgrade", "head", "--ok-if-ahead"}, 0, "nothing was done"},
		{f.newer, []string{"downgrade", "-1"}, 0, "b2 -> a1"},
	}...)
	// b2 makes a table that is there now: SQL fails, and nothing of it stays.
	execute(t, conn, "CREATE TABLE two (id int)")
	if status, out := run(t, f.newer, environment, "upgrade", "head"); status != 1 || !strings.Contains(out, "app/db/migrations/versions/2.sql:7") {
		t.Errorf("status %d, want 1 with file and line:\n%s", status, out)
	}
	if status, out := run(t, f.newer, nil, "upgrade", "head"); status != 2 || !strings.Contains(out, "POSTGRES_SERVER") {
		t.Errorf("without a database: status %d:\n%s", status, out)
	}
}

// refused is status 4: files that aren't those that ran, or a database that isn't what they make. Each is mended as docs/production.md says.
func (f *fixture) refused(t *testing.T) {
	t.Helper()
	conn, environment := f.database(t)
	follow(t, environment, []step{
		{f.older, []string{"upgrade", "head"}, 0, "-> a1"},
		{f.edited, []string{"upgrade", "head"}, 4, "revision a1 (app/db/migrations/versions/1.sql) was edited after it was applied"},
		{f.edited, []string{"status", "--exit-code"}, 4, "Tampered   a1"},
		{f.newer, []string{"upgrade", "head"}, 0, "-> b2"}, // the files as they were
		{f.deleted, []string{"upgrade", "head"}, 4, "the file of revision a1 was deleted"},
		{f.edited, []string{"repair", "--accept", "a1"}, 0, "Written down"},
		{f.edited, []string{"status", "--exit-code"}, 0, ""},
		{f.newer, []string{"status", "--exit-code"}, 4, "Tampered   a1"},
		{f.newer, []string{"repair", "--accept", "a1"}, 0, "Written down"},
	}...)
	// There is no server in the image: the throw-away database is made on one that is named.
	shadow := url.URL{
		Scheme: "postgres", User: url.UserPassword(f.server.User, f.server.Password),
		Host: net.JoinHostPort(f.server.Host, strconv.Itoa(int(f.server.Port))), Path: "postgres",
	}
	drift := step{f.newer, []string{"status", "--drift"}, 0, "the database is what its revisions make"}
	environment = append(environment, "ALUDEL_SHADOW_URL="+shadow.String())
	follow(t, environment, drift)
	execute(t, conn, "CREATE TABLE by_hand (id int)")
	drift.status, drift.says = 4, "by_hand"
	follow(t, environment, drift)
}

// partial is status 6: it says so until what failed is mended, and the same command goes on behind what has run.
func (f *fixture) partial(t *testing.T) {
	t.Helper()
	conn, environment := f.database(t)
	follow(t, environment, []step{
		{f.outside, []string{"upgrade", "head"}, 6, "the first 1 of 2 statements stand"},
		{f.outside, []string{"status", "--exit-code"}, 6, "b2 (up): 1 of 2 statements have run"},
		{f.outside, []string{"downgrade", "base"}, 6, "has to be finished before anything else runs"},
	}...)
	execute(t, conn, "DELETE FROM one WHERE ctid = (SELECT min(ctid) FROM one)")
	follow(t, environment, step{f.outside, []string{"upgrade", "head"}, 0, "b2, indexes"}, step{f.outside, []string{"status", "--exit-code"}, 0, ""})
	var valid, done int
	err := conn.QueryRow(t.Context(), `SELECT (SELECT count(*) FROM pg_index WHERE indrelid = 'one'::regclass AND indisvalid),
		(SELECT count(*) FROM aludel_history WHERE revision = 'b2' AND outcome = 'done')`).Scan(&valid, &done)
	if err != nil {
		t.Fatal(err)
	}
	if valid != 2 || done != 1 {
		t.Errorf("%d valid indexes, %d times done", valid, done)
	}
}

// commands: one command does for our image and for the application's, whichever way it is written.
func (f *fixture) commands(t *testing.T) {
	t.Helper()
	for _, c := range []struct {
		image string
		args  []string
	}{
		{f.older, []string{"upgrade", "head"}},
		{f.older, []string{"-c", "app/db/aludel.toml", "upgrade", "head"}},
		{f.older, []string{"aludel", "-c", "app/db/aludel.toml", "upgrade", "head"}},
		{f.older, []string{"/usr/local/bin/aludel", "upgrade", "head"}},
		{f.application, []string{"aludel", "-c", "app/db/aludel.toml", "upgrade", "head"}},
	} {
		_, environment := f.database(t)
		if status, out := run(t, c.image, environment, c.args...); status != 0 || !strings.Contains(out, "Running upgrade  -> a1") {
			t.Errorf("%v: status %d:\n%s", c.args, status, out)
		}
	}
	if status, out := run(t, f.bare, nil); status != 0 || !strings.Contains(out, "Change the database:") {
		t.Errorf("no command: status %d:\n%s", status, out)
	}
}

// sleepers counts the sessions that sleep in a database.
const sleepers = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'"

// terminate: SIGTERM ends the statement on the server, not only the process, before the container has ended.
func (f *fixture) terminate(t *testing.T) {
	t.Helper()
	conn, environment := f.database(t)
	name := "aludel-test-" + strings.ToLower(rand.Text())
	cmd := container(t.Context(), name, f.slow, nil, environment, "upgrade", "head")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for count := 0; count == 0; {
		select {
		case err := <-ended:
			t.Fatalf("the container ended by itself: %v\n%s", err, out.String())
		default:
		}
		if err := conn.QueryRow(t.Context(), sleepers).Scan(&count); err != nil {
			t.Fatal(err)
		}
	}
	command(t, "podman", "kill", "--signal", "TERM", name)
	var exit *exec.ExitError
	if err := <-ended; !errors.As(err, &exit) || exit.ExitCode() != 1 || !strings.Contains(out.String(), "interrupted") {
		t.Errorf("%v:\n%s", err, out.String())
	}
	var running int
	var table *string
	if err := conn.QueryRow(t.Context(), "SELECT ("+sleepers+"), to_regclass('slow')::text").Scan(&running, &table); err != nil {
		t.Fatal(err)
	}
	if running != 0 || table != nil {
		t.Errorf("%d statements still run on the server; table %v", running, table)
	}
}

// verifyFull: who is not signed by a root in the image is refused, and who is isn't, without a further setting. The
// test's own root takes the place of the bundle of Amazon RDS, as nobody but Amazon can sign by one in there.
func (f *fixture) verifyFull(t *testing.T) {
	t.Helper()
	conn, environment := f.database(t)
	environment = append(environment, "PGSSLMODE=verify-full")
	root := f.startTLS(t, conn)
	if status, out := run(t, f.older, environment, "upgrade", "head"); status != 1 || !strings.Contains(out, "certificate signed by unknown authority") {
		t.Errorf("a certificate of nobody's: status %d:\n%s", status, out)
	}
	bundle := []string{"--volume", root + ":/etc/ssl/certs/rds.pem:ro"}
	if status, out := runWith(t, bundle, f.older, environment, "upgrade", "head"); status != 0 {
		t.Errorf("status %d:\n%s", status, out)
	}
	other := slices.Concat(environment, []string{"POSTGRES_SERVER=localhost"}) // is not in the certificate
	if status, out := runWith(t, bundle, f.older, other, "upgrade", "head"); status != 1 || !strings.Contains(out, "certificate is not valid for any names") {
		t.Errorf("another name: status %d:\n%s", status, out)
	}
}

// startTLS has the server speak TLS with a certificate for its address, and answers a file with what signed it.
func (f *fixture) startTLS(t *testing.T, conn *pgx.Conn) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature, IPAddresses: []net.IP{net.ParseIP(f.server.Host)},
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate})
	// The server writes them itself, into its folder, as its account: it takes no key that others may read.
	for file, content := range map[string][]byte{"test.crt": text, "test.key": pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: private})} {
		lines := "'" + strings.ReplaceAll(strings.TrimSpace(string(content)), "\n", "'), ('") + "'"
		execute(t, conn, "COPY (VALUES ("+lines+")) TO PROGRAM 'umask 077; cat > "+file+"'")
	}
	for _, setting := range []string{"ssl_cert_file = 'test.crt'", "ssl_key_file = 'test.key'", "ssl = on"} {
		execute(t, conn, "ALTER SYSTEM SET "+setting)
	}
	execute(t, conn, "SELECT pg_reload_conf()")
	for ssl := ""; ssl != "on"; { // a session hears of a new setting between two statements
		if err := conn.QueryRow(t.Context(), "SHOW ssl").Scan(&ssl); err != nil {
			t.Fatal(err)
		}
	}
	root := filepath.Join(t.TempDir(), "root.pem")
	write(t, root, string(text))
	return root
}

func execute(t *testing.T, conn *pgx.Conn, sql string) {
	t.Helper()
	if _, err := conn.Exec(t.Context(), sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}
