package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/aludel-db/aludel"
	"github.com/aludel-db/aludel/internal/config"
	"github.com/aludel-db/aludel/internal/shadow"
)

// Exit statuses. They are a promise to scripts and pipelines.
const (
	exitOK        = 0
	exitFailed    = 1
	exitUsage     = 2 // the command line or the configuration
	exitDiffers   = 3 // differences or pending migrations
	exitTampered  = 4
	exitNotLocked = 5
	exitPartial   = 6
	exitAhead     = 7
)

// A statusError ends the command with a status and no message: what is to say
// has been said.
type statusError struct{ status int }

func (e *statusError) Error() string { return fmt.Sprintf("exit status %d", e.status) }

// report prints an error with its hints and answers the exit status.
func (a *app) report(err error) int {
	var status *statusError
	switch {
	case err == nil:
	case errors.As(err, &status):
	default:
		for _, one := range apart(err) {
			if a.out.log != nil {
				a.out.recordFailure(one, message(one), a.hints(one))
				continue
			}
			a.out.failed(message(one), a.hints(one))
		}
	}
	closing := a.out.close()
	switch {
	case status != nil:
		return status.status
	case err != nil:
		return exitStatus(err)
	case closing != nil:
		a.out.failed(closing.Error(), nil)
		return exitFailed
	}
	return exitOK
}

// apart splits joined errors.
func apart(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var parts []error
		for _, one := range joined.Unwrap() {
			parts = append(parts, apart(one)...)
		}
		return parts
	}
	return []error{err}
}

func exitStatus(err error) int {
	var (
		usage   *usageError
		conf    *config.Error
		schema  *aludel.SchemaError
		locked  *aludel.LockedError
		timeout *aludel.LockTimeoutError
		stall   *aludel.StallError
		partial *aludel.PartialError
		pooler  *aludel.PoolerError
		edited  *aludel.TamperedError
		deleted *aludel.DeletedError
		ahead   *aludel.AheadError
	)
	switch {
	case errors.As(err, &edited), errors.As(err, &deleted):
		return exitTampered
	case errors.As(err, &ahead):
		return exitAhead
	case errors.As(err, &usage), errors.As(err, &conf), errors.As(err, &schema), errors.As(err, &pooler):
		return exitUsage
	case errors.As(err, &partial):
		return exitPartial
	case errors.As(err, &locked), errors.As(err, &timeout), errors.As(err, &stall):
		return exitNotLocked
	}
	return exitFailed
}

// message is the text behind FAILED:. A statement's error shows the line of
// the file with a caret.
func message(err error) string {
	// Alembic's wording goes first; the place is a line of its own.
	var graph *aludel.GraphError
	var deleted *aludel.DeletedError
	if errors.As(err, &graph) && !errors.As(err, &deleted) {
		return graph.Message
	}
	var models *aludel.ModelsError
	if errors.As(err, &models) {
		return modelsMessage(models)
	}
	var proof *aludel.ProofError
	if errors.As(err, &proof) && proof.Left != "" {
		return proof.Error() + "; it would still take\n" + strings.TrimRight(proof.Left, "\n")
	}
	var statement *aludel.StatementError
	var interrupted *aludel.InterruptedError
	text := err.Error()
	if errors.Is(err, context.Canceled) && !errors.As(err, &interrupted) {
		text = strings.TrimSuffix("interrupted: "+text, ": "+context.Canceled.Error())
	}
	if !errors.As(err, &statement) {
		return text
	}
	if statement.Source != "" {
		text += "\n" + caret(statement.Line, statement.Column, statement.Source)
	}
	for _, detail := range []struct{ name, text string }{
		{"DETAIL", statement.Detail}, {"HINT", statement.Hint}, {"CONTEXT", statement.Where},
	} {
		if detail.text != "" {
			text += "\n" + detail.name + ":  " + detail.text
		}
	}
	return text
}

// modelsMessage shows the line of the models' SQL with a caret.
func modelsMessage(e *aludel.ModelsError) string {
	text := e.Error()
	if e.Source != "" {
		text += "\n" + caret(e.Line, e.Column, e.Source)
	}
	if e.Detail != "" {
		text += "\nDETAIL:  " + e.Detail
	}
	return text
}

// maxSource is how much of a line is shown around the caret, in characters.
const maxSource = 120

// caret shows a line with its number and a caret under the column. Tabs in
// front of the caret are kept, so that it stands right.
func caret(line, column int, source string) string {
	runes := []rune(source)
	column = min(max(column, 1), len(runes)+1)
	if start := column - maxSource/2; len(runes) > maxSource && start > 0 {
		runes, column = runes[start:], column-start
	}
	runes = runes[:min(len(runes), maxSource)]
	prefix := fmt.Sprintf("LINE %d: ", line)
	var pad strings.Builder
	pad.WriteString(strings.Repeat(" ", utf8.RuneCountInString(prefix)))
	for _, r := range runes[:min(column-1, len(runes))] {
		if r == '\t' {
			pad.WriteRune('\t')
		} else {
			pad.WriteRune(' ')
		}
	}
	return prefix + string(runes) + "\n" + pad.String() + "^"
}

// hints are what to do about an error, a line each.
func (a *app) hints(err error) []string {
	var (
		usage        *usageError
		conf         *config.Error
		file         *aludel.FileError
		graph        *aludel.GraphError
		request      *aludel.RequestError
		unknown      *aludel.UnknownRevisionError
		heads        *aludel.MultipleHeadsError
		irreversible *aludel.IrreversibleError
		noServer     *shadow.NotFoundError
		hook         *hookError
		models       *aludel.ModelsError
		deleted      *aludel.DeletedError
	)
	switch {
	case errors.As(err, &deleted):
		return []string{
			deleted.Revision + " is " + deleted.WrittenBy, "nothing ran; bring the file back from version control:",
			"  git log --diff-filter=D --name-only | grep " + deleted.Revision,
		}
	case errors.As(err, &usage):
		return []string{"see \"" + usage.cmd.CommandPath() + " --help\""}
	case errors.As(err, &conf):
		return split(conf.Hint)
	case errors.As(err, &file):
		return split(file.Hint)
	case errors.As(err, &graph):
		if graph.Line > 0 {
			return append([]string{fmt.Sprintf("at %s:%d:%d", graph.Path, graph.Line, graph.Column)}, graph.Hints...)
		}
		return graph.Hints
	case errors.As(err, &request):
		return request.Hints
	case errors.As(err, &unknown):
		return unknownHints(unknown)
	case errors.As(err, &heads):
		return headsHints(heads)
	case errors.As(err, &irreversible):
		return []string{"nothing ran; to go on without undoing it, restore a backup or write a new revision"}
	case errors.As(err, &hook):
		return []string{"the new file stays: " + a.shown(hook.path), "migrations.hooks in " + a.shown(a.loaded.Path) + " has the command"}
	case errors.As(err, &noServer):
		return []string{"or name a server on which throw-away databases may be made: --shadow-url, or shadow.on_target = true"}
	case errors.As(err, &models):
		return a.modelsHints(models)
	}
	if hints := autogenerateHints(err); hints != nil {
		return hints
	}
	if hints := historyHints(err); hints != nil {
		return hints
	}
	return databaseHints(err)
}

// modelsHints tell of a path that isn't there where it stands.
func (a *app) modelsHints(e *aludel.ModelsError) []string {
	if e.Hint != "" || e.Line > 0 || a.loaded == nil {
		return split(e.Hint)
	}
	for _, path := range a.loaded.Models.SQL {
		if a.shown(path) == e.Path {
			return []string{"models.sql in " + a.shown(a.loaded.Path) + " names it; paths there count from the folder of that file"}
		}
	}
	return nil
}

// historyHints explain what the history has against the files.
func historyHints(err error) []string {
	var (
		edited *aludel.TamperedError
		ahead  *aludel.AheadError
	)
	switch {
	case errors.As(err, &edited):
		return []string{
			"nothing ran; databases that are made from now on get something else than this one has:",
			"bring the file back as it was and write a new revision, or, where it is right as it is:",
			"  aludel repair --accept " + edited.Revisions[0].ID,
			"--allow-tampered upgrades in spite of it",
		}
	case errors.As(err, &ahead):
		var hints []string
		for i, id := range ahead.Rows {
			if ahead.WrittenBy[i] != "" {
				hints = append(hints, id+" is "+ahead.WrittenBy[i])
			}
		}
		return append(hints, "a newer version has migrated it, as after a deployment that was rolled back: there is nothing to upgrade,",
			"and \"aludel upgrade --ok-if-ahead\" says so with status 0")
	}
	return nil
}

func autogenerateHints(err error) []string {
	var (
		ambiguous *aludel.AmbiguousRenameError
		behind    *aludel.NotUpToDateError
		proof     *aludel.ProofError
		version   *aludel.ShadowVersionError
		rows      *aludel.DataStatementError
		server    *pgconn.PgError
		process   *processError
	)
	switch {
	case errors.As(err, &ambiguous):
		hints := []string{"nothing was written; say which it is:"}
		for _, c := range ambiguous.Candidates {
			hints = append(hints, fmt.Sprintf("  --rename '%s'", c))
		}
		return append(hints, "  --no-rename where what goes is to be dropped, with what it holds, and what comes is new")
	case errors.As(err, &process):
		return append([]string{"nothing was written"}, split(process.advice)...)
	case errors.As(err, &behind):
		var hints []string
		for _, s := range behind.Pending {
			hints = append(hints, fmt.Sprintf("pending: %s, %s", s.Revision.ID, s.Revision.Message))
		}
		return append(hints, "run \"aludel upgrade heads\" first, or compare with what the revisions make: --against migrations")
	case errors.As(err, &proof) && proof.Dismissed:
		return []string{"nothing was written; autogenerate.process has left out changes, and what is left may need them"}
	case errors.As(err, &proof):
		return []string{"nothing was written; this is a fault of aludel's: please report it with the two schemas", "\"aludel diff\" shows the statements, to start a revision by hand"}
	case errors.As(err, &server) && strings.HasPrefix(server.Message, "extension \"") && strings.HasSuffix(server.Message, "is not available"):
		return []string{"the server for throw-away databases has no such extension: install its package there,", "or name a server that has it: --shadow-url"}
	case errors.As(err, &rows):
		return []string{"nothing was written: the difference of definitions would lose it; --concatenate keeps all statements as they are"}
	case errors.As(err, &version):
		return []string{fmt.Sprintf("name a server of PostgreSQL %d with --shadow-url, or install that one here: aludel finds it", version.Wanted)}
	}
	return nil
}

func split(hint string) []string {
	if hint == "" {
		return nil
	}
	return strings.Split(hint, "\n")
}

func unknownHints(e *aludel.UnknownRevisionError) []string {
	var hints []string
	if e.Reason != "" {
		hints = append(hints, e.Reason)
	}
	for _, r := range e.Candidates {
		hints = append(hints, fmt.Sprintf("candidate: %s, %s", r.ID, r.Message))
	}
	switch {
	case e.ReplacedBy != "":
		hints = append(hints, fmt.Sprintf("'%s' was squashed into %s, together with others", e.Argument, e.ReplacedBy))
		if e.InDatabase {
			hints = append(hints, "the database stands in the middle of them: with the files from before the squash,",
				"\"aludel upgrade "+e.ReplacedBy+"\" brings it to the end, and from there these go on")
		}
	case e.InDatabase:
		hints = append(hints, fmt.Sprintf("'%s' stands in the version table of the database, but no file has it", e.Argument))
		if e.WrittenBy != "" {
			hints = append(hints, "it is "+e.WrittenBy)
		}
		hints = append(hints,
			"bring the file back (another branch of the code may have it), or, when the database is known to be at a revision that is here,",
			"\"aludel stamp --purge REVISION\"")
	case e.Suggestion != "":
		hints = append(hints, "did you mean '"+e.Suggestion+"'?")
	case len(e.Candidates) == 0 && e.Reason == "":
		hints = append(hints, "\"aludel history\" lists the revisions")
	}
	return hints
}

func headsHints(e *aludel.MultipleHeadsError) []string {
	return []string{
		"the heads are " + strings.Join(e.Heads, ", "),
		"to join them: aludel merge -m \"merge heads\" " + strings.Join(e.Heads, " "),
	}
}

// stallHints say how a statement lets others go on.
func stallHints(e *aludel.StallError) []string {
	hints := []string{"nothing of this revision was applied"}
	text := strings.ToUpper(strings.Join(strings.Fields(e.Statement), " "))
	has := func(words ...string) bool {
		for _, w := range words {
			if strings.Contains(text, w) {
				return true
			}
		}
		return false
	}
	switch {
	case has("CREATE INDEX", "CREATE UNIQUE INDEX"):
		hints = append(hints, "CREATE INDEX CONCURRENTLY, in a section with transaction:false, lets them go on")
	case has("FOREIGN KEY", "REFERENCES", " CHECK "):
		hints = append(hints, "add it NOT VALID, and VALIDATE CONSTRAINT in a revision of its own")
	case has("ADD CONSTRAINT", "ADD UNIQUE", "ADD PRIMARY KEY"):
		hints = append(hints, "build the index CONCURRENTLY first, then ADD CONSTRAINT … USING INDEX")
	case has("SET NOT NULL"):
		hints = append(hints, "add CHECK (… IS NOT NULL) NOT VALID, VALIDATE it, then SET NOT NULL reads nothing")
	case has("UPDATE ", "DELETE ", "INSERT "):
		hints = append(hints, "\"-- migrate:batch table=…\" runs it over a stretch of the table at a time (docs/batches.md)")
	case has("ALTER TABLE"):
		hints = append(hints, "it rewrites or reads the table under its lock: do it by a new column that is filled in batches, and swap them")
	}
	return append(hints, "\"aludel diff --online\" and \"revision --autogenerate --online\" write such forms; \"--max-stall 0\" is for a quiet hour")
}

// databaseHints explain errors that the server, the network or the database's
// state gives.
func databaseHints(err error) []string {
	var (
		schema  *aludel.SchemaError
		locked  *aludel.LockedError
		timeout *aludel.LockTimeoutError
		stall   *aludel.StallError
		partial *aludel.PartialError
		state   *aludel.StatementError
		connect *unreachable
		lost    *aludel.UnresolvedError
		pooler  *aludel.PoolerError
	)
	switch {
	case errors.As(err, &pooler):
		return []string{
			"nothing ran: its statements need one session of the server for all of them;",
			"connect to the server itself, or through a pool in session mode",
		}
	case errors.As(err, &lost):
		return []string{"the database is sound: \"aludel status\" shows where it stands, and the same command goes on from there"}
	case errors.As(err, &schema):
		return []string{
			"the schemas there are: " + strings.Join(schema.Schemas, ", "),
			"to create it: aludel ensure_version --create-schema, or aludel upgrade --create-schema",
		}
	case errors.As(err, &locked):
		return []string{"nothing ran; try again when the other run has ended, or wait longer (run.lock_wait)"}
	case errors.As(err, &partial) && partial.Rows > 0:
		return []string{
			fmt.Sprintf("what the batches have done to %d rows stands, and so do the %d statements in front:", partial.Rows, partial.Done),
			"the same command goes on with the row behind",
		}
	case errors.As(err, &partial):
		return []string{
			fmt.Sprintf("the first %d of %d statements stand; mend the rest in the file and run the same command again:", partial.Done, partial.Total),
			"it goes on at the statement that failed",
		}
	case errors.As(err, &stall):
		return stallHints(stall)
	case errors.As(err, &timeout):
		return []string{"nothing of this revision was applied; somebody else holds a lock that it needs"}
	case errors.As(err, &state):
		return []string{"nothing of revision " + state.Revision + " was applied"}
	case errors.As(err, &connect):
		return connectHints(err)
	}
	return nil
}

// connectError says in one line what pgx says in one for each address and TLS
// mode that it tried.
func connectError(c *pgx.ConnConfig, err error) error {
	reason := err.Error()
	var pgErr *pgconn.PgError
	var network *net.OpError
	var dns *net.DNSError
	switch {
	case errors.Is(err, context.Canceled):
		reason = "interrupted"
	case errors.Is(err, context.DeadlineExceeded):
		reason = "no answer in time"
	case errors.As(err, &pgErr):
		reason = fmt.Sprintf("%s (SQLSTATE %s)", pgErr.Message, pgErr.Code)
	case errors.As(err, &dns):
		reason = "the host " + dns.Name + " is not known"
	case errors.As(err, &network):
		reason = network.Err.Error()
	}
	return &unreachable{
		text: fmt.Sprintf("connecting to database %q on %s:%d as %s: %s", c.Database, c.Host, c.Port, c.User, reason), err: err,
	}
}

// unreachable is a connection that could not be made.
type unreachable struct {
	text string
	err  error
}

func (e *unreachable) Error() string { return e.text }
func (e *unreachable) Unwrap() error { return e.err }

func connectHints(err error) []string {
	var pgErr *pgconn.PgError
	if !errors.As(err, &pgErr) {
		return []string{"is the server running, and are host and port right?"}
	}
	switch pgErr.Code {
	case "28P01", "28000":
		return []string{"check the user and the password (POSTGRES_USER, POSTGRES_PASSWORD, DATABASE_URL, .pgpass)"}
	case "3D000":
		return []string{"check the database's name (POSTGRES_DB, DATABASE_URL), or create it"}
	}
	return nil
}
