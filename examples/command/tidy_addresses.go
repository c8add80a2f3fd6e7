package main

import (
	"context"
	"net/mail"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/aludel-db/aludel"
)

// tidyAddresses does what SQL has no word for: of addresses as mail programs write
// them, "Ann <ann@example.com>", it keeps the address alone. It goes through the users
// in batches, so that nobody waits for it however many they are.
func tidyAddresses() aludel.GoRevision {
	return aludel.GoRevision{
		ID: "c81fa90d3b57", Message: "Tidy addresses", DownRevisions: []string{"5b0e9d2f7a31"},
		Created: time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC),
		UpConn: func(ctx context.Context, s *aludel.Session) error {
			return s.InBatches(ctx, aludel.Batch{Table: "users"}, tidy)
		},
		Irreversible: "the names in front of the addresses are gone",
	}
}

// tidy goes through one batch of users.
func tidy(ctx context.Context, tx pgx.Tx, r aludel.BatchRange) error {
	type user struct {
		ID    int64
		Email string
	}
	rows, err := tx.Query(ctx, "SELECT id, email FROM users WHERE id BETWEEN $1 AND $2", r.From[0], r.To[0])
	if err != nil {
		return err
	}
	users, err := pgx.CollectRows(rows, pgx.RowToStructByPos[user])
	if err != nil {
		return err
	}
	batch := &pgx.Batch{}
	for _, u := range users {
		if parsed, err := mail.ParseAddress(u.Email); err == nil && parsed.Address != u.Email {
			batch.Queue("UPDATE users SET email = $2 WHERE id = $1", u.ID, parsed.Address)
		}
	}
	return tx.SendBatch(ctx, batch).Close()
}
