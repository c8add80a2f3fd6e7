// Package load puts a steady load of small requests on a database and measures
// how long each is late, for the campaign that proves the stall budget. Requests
// come at their time whether or not those before them were answered, as those of
// a site do: a generator that waits for answers would ask least when it is worst.
//
// It may import pgx, and nothing of Aludel.
package load

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// Options describe a load.
type Options struct {
	Clients   int           // connections
	PerSecond float64       // requests of all clients
	Rows      int           // of the table orders
	Margin    time.Duration // before and after what is looked at
}

// Setup is the SQL that makes the tables of a load: orders with rows, customers
// that they belong to, and events that nothing has to do with.
func Setup(rows int) string {
	return fmt.Sprintf(`CREATE TABLE customers (id bigint PRIMARY KEY, name text NOT NULL);
INSERT INTO customers SELECT g, 'customer ' || g FROM generate_series(1, 1000) g;
CREATE TABLE orders (id integer PRIMARY KEY, customer_id bigint, amount integer, state text, note text, created_at timestamptz DEFAULT now());
INSERT INTO orders SELECT g, 1 + g %% 1000, g %% 500, 'new', repeat('x', 60), now() FROM generate_series(1, %d) g;
CREATE TABLE events (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, what text);
ANALYZE`, rows)
}

// A Report is how a load went.
type Report struct {
	Requests int
	Worst    time.Duration // of a request, from when it was due to its answer
	Late100  int           // requests that took longer than 100 ms
	Late1000 int           // and than a second
	P99      time.Duration
	Failed   int
	Err      error // one of those that failed
}

// Run puts the load on while during runs, and for the margin before and after it.
func Run(ctx context.Context, config *pgx.ConnConfig, o Options, during func() error) (*Report, error) {
	clients := make([]*client, o.Clients)
	for i := range clients {
		conn, err := pgx.ConnectConfig(ctx, config.Copy())
		if err != nil {
			return nil, err
		}
		defer func() { _ = conn.Close(ctx) }()
		clients[i] = &client{conn: conn, options: o, random: rand.New(rand.NewPCG(uint64(i), 1))} //nolint:gosec // no secrets
	}
	loaded, stop := context.WithCancel(ctx)
	defer stop()
	var wg sync.WaitGroup
	interval := time.Duration(float64(time.Second) * float64(o.Clients) / o.PerSecond)
	for i, c := range clients {
		wg.Go(func() { c.run(loaded, time.Now().Add(interval*time.Duration(i)/time.Duration(o.Clients)), interval) })
	}
	moment := time.NewTimer(o.Margin)
	<-moment.C
	err := during()
	moment.Reset(o.Margin)
	<-moment.C
	stop()
	wg.Wait()
	return report(clients), err
}

// A client sends requests one behind the other, each at its time or as soon as
// the one before it is through.
type client struct {
	conn    *pgx.Conn
	options Options
	random  *rand.Rand
	took    []time.Duration
	failed  int
	err     error
}

func (c *client) run(ctx context.Context, due time.Time, interval time.Duration) {
	for ; ; due = due.Add(interval) {
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Until(due)):
		}
		// What has begun is waited for: its answer is what is measured.
		if err := c.request(context.WithoutCancel(ctx)); err != nil {
			c.failed++
			c.err = errors.Join(err)
		}
		c.took = append(c.took, time.Since(due))
	}
}

// request is half of the time a read of orders, else mostly a write.
func (c *client) request(ctx context.Context) error {
	id := 1 + c.random.IntN(c.options.Rows)
	var err error
	switch n := c.random.IntN(10); {
	case n < 5:
		var state string
		err = c.conn.QueryRow(ctx, "SELECT state FROM orders WHERE id = $1", id).Scan(&state)
		if errors.Is(err, pgx.ErrNoRows) {
			err = nil
		}
	case n < 8:
		_, err = c.conn.Exec(ctx, "UPDATE orders SET state = 'paid' WHERE id = $1", id)
	default:
		_, err = c.conn.Exec(ctx, "INSERT INTO events (what) VALUES ('seen')")
	}
	return err
}

func report(clients []*client) *Report {
	r := &Report{}
	var all []time.Duration
	for _, c := range clients {
		all = append(all, c.took...)
		r.Failed += c.failed
		if c.err != nil {
			r.Err = c.err
		}
	}
	slices.Sort(all)
	if r.Requests = len(all); r.Requests == 0 {
		return r
	}
	r.Worst, r.P99 = all[len(all)-1], all[len(all)*99/100]
	for _, d := range all {
		if d > 100*time.Millisecond {
			r.Late100++
		}
		if d > time.Second {
			r.Late1000++
		}
	}
	return r
}

// String is the line of a table.
func (r *Report) String() string {
	return fmt.Sprintf("%6d requests, worst %6d ms, p99 %5d ms, late >100 ms %5d, >1 s %5d, failed %d",
		r.Requests, r.Worst.Milliseconds(), r.P99.Milliseconds(), r.Late100, r.Late1000, r.Failed)
}
