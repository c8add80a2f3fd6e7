// Service is a web service that carries its migrations.
//
//	DATABASE_URL=postgres://… go run . -migrate   # bring the database up to date, then serve
//	DATABASE_URL=postgres://… go run .            # serve, or say why not
//
// With -migrate any number of replicas may start at once: one of them migrates, the
// others wait for it. Without, a job of the deployment does, and the service refuses
// to start on a database that is behind it or ahead of it. GET /readyz asks again, with
// one query and no lock: a replica of the old version is taken out as soon as the
// new one has migrated. Whether it may stay is yours to say: let the AheadError pass.
package main

import (
	"context"
	"embed"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/aludel-db/aludel"
)

//go:embed migrations/*.sql
var files embed.FS

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	logger := slog.New(slog.NewTextHandler(os.Stdout, nil))
	if err := run(ctx, logger); err != nil {
		logger.Error("ended", "reason", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, logger *slog.Logger) error {
	migrate := flag.Bool("migrate", false, "bring the database up to date first")
	listen := flag.String("listen", "localhost:8080", "address to serve on")
	flag.Parse()

	pool, err := pgxpool.New(ctx, os.Getenv("DATABASE_URL"))
	if err != nil {
		return err
	}
	defer pool.Close()
	migrations, err := fs.Sub(files, "migrations")
	if err != nil {
		return err
	}
	m, err := aludel.New(migrations, aludel.Options{Logger: logger})
	if err != nil {
		return err
	}
	if *migrate {
		if _, err := m.Upgrade(ctx, pool, aludel.UpgradeOptions{}); err != nil {
			return fmt.Errorf("migrating: %w", err)
		}
	}
	if err := ready(ctx, m, pool); err != nil {
		return fmt.Errorf("not starting: %w", err)
	}
	return serve(ctx, logger, *listen, routes(m, pool))
}

// ready says in the service's own words what is wrong with the database.
func ready(ctx context.Context, m *aludel.Migrator, pool *pgxpool.Pool) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	err := m.Ready(ctx, pool)
	var behind *aludel.NotUpToDateError
	var ahead *aludel.AheadError
	switch {
	case errors.As(err, &behind):
		return fmt.Errorf("the database is behind by %d revisions, the next is %s", len(behind.Pending), behind.Pending[0].Revision.ID)
	case errors.As(err, &ahead):
		return fmt.Errorf("the database is ahead: a newer version of the service has migrated it to %s", ahead.Rows)
	}
	return err
}

func routes(m *aludel.Migrator, pool *pgxpool.Pool) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		if err := ready(r.Context(), m, pool); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		_, _ = fmt.Fprintln(w, "ready")
	})
	mux.HandleFunc("GET /users", func(w http.ResponseWriter, r *http.Request) {
		var users int
		if err := pool.QueryRow(r.Context(), "SELECT count(*) FROM users").Scan(&users); err != nil {
			http.Error(w, "the database can't be reached", http.StatusInternalServerError)
			return
		}
		_, _ = fmt.Fprintln(w, users, "users")
	})
	return mux
}

// serve serves until the context ends, and lets the requests finish that are on the way.
func serve(ctx context.Context, logger *slog.Logger, address string, handler http.Handler) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	logger.Info("serving", "address", listener.Addr().String())
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	logger.Info("shutting down")
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer cancel()
	return server.Shutdown(ctx)
}
