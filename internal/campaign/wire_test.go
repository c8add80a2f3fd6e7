package campaign_test

import (
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// A way is one of the two directions on a wire.
type way int

const (
	toServer way = iota
	toClient
)

// A blow is what happens to the wire at a moment: when chunk number Chunk, counted
// over all connections in its direction, has come to Part of its bytes. A chunk is
// what one read gives, which on a socket of this machine is what one write sent: a
// message, or several.
type blow struct {
	way    way
	chunk  int64
	part   float64
	strike func(*link, []byte) // gets the rest of the chunk, and may pass it on
}

// A wire lies between aludel and the server: a Unix socket whose connections are
// passed on to another one.
type wire struct {
	target string
	place  place
	blow   *blow
	chunks [2]atomic.Int64
	struck atomic.Bool
	links  sync.WaitGroup
	close  func()
}

// A link is one connection through a wire.
type link struct{ client, server *net.UnixConn }

// newWire is a wire to at. It ends with close, at the latest with the test.
func newWire(t *testing.T, at place, b *blow) *wire {
	t.Helper()
	dir, err := os.MkdirTemp("", "wire") //nolint:usetesting // t.TempDir's names are too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	socket := func(dir string, port uint16) string { return filepath.Join(dir, ".s.PGSQL."+strconv.Itoa(int(port))) }
	listener, err := net.Listen("unix", socket(dir, 5432))
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{target: socket(at.host, at.port), blow: b, place: place{host: dir, port: 5432, user: at.user, db: at.db}}
	w.links.Go(func() { w.serve(listener) })
	w.close = sync.OnceFunc(func() {
		_ = listener.Close()
		w.links.Wait()
		_ = os.RemoveAll(dir)
	})
	t.Cleanup(w.close)
	return w
}

func (w *wire) serve(listener net.Listener) {
	for {
		client, err := listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("unix", w.target)
		if err != nil {
			_ = client.Close()
			continue
		}
		l := &link{client.(*net.UnixConn), server.(*net.UnixConn)}
		w.links.Go(func() { w.pump(l, toServer, l.client, l.server) })
		w.links.Go(func() { w.pump(l, toClient, l.server, l.client) })
	}
}

func (l *link) cut() {
	_ = l.client.Close()
	_ = l.server.Close()
}

// pump passes on what comes, until it ends or the blow falls on it.
func (w *wire) pump(l *link, d way, from, to *net.UnixConn) {
	defer l.cut() // what half-closes is a strike's doing
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		number := w.chunks[d].Add(1)
		chunk := buf[:n]
		if b := w.blow; b != nil && b.way == d && b.chunk == number && w.struck.CompareAndSwap(false, true) {
			at := int(b.part * float64(n))
			if _, err := to.Write(chunk[:at]); err != nil {
				return
			}
			b.strike(l, chunk[at:])
			chunk = nil
		}
		if _, err := to.Write(chunk); err != nil {
			return
		}
	}
}

// after waits a while: a strike that delays.
func after(d time.Duration) { <-time.After(d) }
