package shadow

import (
	"context"
	"errors"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Run executes SQL in a database of a throw-away server. A role that isn't
// there is made: such a server has none of those that owners and privileges
// speak of. The error of a statement is a [*pgconn.PgError].
func Run(ctx context.Context, conn *pgx.Conn, sql string) error {
	for {
		_, err := conn.Exec(ctx, sql, pgx.QueryExecModeSimpleProtocol)
		role, missing := missingRole(err)
		if !missing {
			return err
		}
		_, roleErr := conn.Exec(ctx, "CREATE ROLE "+pgx.Identifier{role}.Sanitize(), pgx.QueryExecModeSimpleProtocol)
		var pgErr *pgconn.PgError
		if errors.As(roleErr, &pgErr) && pgErr.Code == "42710" { // another has just made it
			continue
		}
		if roleErr != nil {
			return err
		}
	}
}

// missingRole reads the name of the role that a statement misses.
func missingRole(err error) (string, bool) {
	var pgErr *pgconn.PgError
	if !errors.As(err, &pgErr) || pgErr.Code != "42704" {
		return "", false
	}
	role, isRole := strings.CutPrefix(pgErr.Message, `role "`)
	role, missing := strings.CutSuffix(role, `" does not exist`)
	return role, isRole && missing
}
