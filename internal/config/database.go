package config

import (
	"context"
	"os"
	"os/user"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"
)

// cancelWait is how long a cancelled statement has to end before its
// connection is given up.
const cancelWait = 10 * time.Second

// Database answers how to connect: from --database-url, DATABASE_URL, the
// POSTGRES_* and PG* variables, a service and [database]. Files with passwords
// are read now and not before. What is missing is a [NoDatabaseError].
func (c *Config) Database() (*pgx.ConnConfig, error) {
	p, err := c.params()
	if err != nil {
		return nil, err
	}
	if err := c.complete(p); err != nil {
		return nil, err
	}
	if err := c.checkSearchPath(p); err != nil {
		return nil, err
	}
	if err := c.addDefaults(p); err != nil {
		return nil, err
	}
	return connConfig(p)
}

// complete refuses half a database. libpq's defaults, a socket and the login
// name for user and database, hold where only libpq's own ways are used; beside
// POSTGRES_* variables or keys of the file they would hide a slip.
func (c *Config) complete(p params) error {
	given, file := c.variables(platformVariables), &c.settings.Database
	delete(given, "port") // says nothing alone
	switch {
	case c.input.Flags.URL != "":
	case len(given) > 0 || file.Host != nil || file.User != nil || file.Name != nil:
		var missing []string
		for _, v := range []struct{ key, name string }{{"host", "POSTGRES_SERVER"}, {"user", "POSTGRES_USER"}, {"dbname", "POSTGRES_DB"}} {
			if p.value(v.key) == "" {
				missing = append(missing, v.name)
			}
		}
		if len(missing) > 0 {
			// A file may hold what all machines share, and so no whole database.
			return &NoDatabaseError{Missing: missing, partly: len(given) > 0 || p.value("host") != ""}
		}
	}
	switch {
	case p.value("host") != "" || p.value("dbname") != "":
		return nil
	case c.input.Flags.URL != "" || c.env.value("DATABASE_URL") != "" || file.URL != nil || p.value("service") != "":
		return &NoDatabaseError{Missing: []string{"a host or a database's name"}, partly: true}
	}
	return &NoDatabaseError{}
}

// checkSearchPath refuses a search path that begins with another schema than
// the configured one. Each transaction sets its own path, so that it would have
// no effect; but who wrote it expects the migrations there. --schema is such an
// expectation too, and a flag goes before the environment.
func (c *Config) checkSearchPath(p params) error {
	source, schema := p["search_path"], ""
	if source.value != "" {
		schema = firstSchema(source.value)
	} else {
		source = p["options"]
		schema = firstSchema(optionsSearchPath(source.value))
	}
	if schema == "" || schema == c.Schema || c.input.Flags.Schema != "" && source.from != "--database-url" {
		return nil
	}
	return errorf("%s sets search_path to %q, but the schema is %q", source.from, schema, c.Schema).
		hint("remove it there, or set the schema: POSTGRES_SCHEMA, or schema in %s", FileName)
}

// firstSchema is the first name of a search path that isn't "$user", which
// stands for whoever connects.
func firstSchema(path string) string {
	for name := range strings.SplitSeq(path, ",") {
		name = strings.TrimSpace(name)
		if quoted := strings.Trim(name, `"`); quoted != name {
			name = quoted
		} else {
			name = strings.ToLower(name) // as the server folds names
		}
		if name != "" && name != "$user" {
			return name
		}
	}
	return ""
}

// optionsSearchPath finds search_path among server options: -c name=value,
// -cname=value or --name=value, a backslash in front of a space within.
func optionsSearchPath(options string) string {
	found := ""
	words := strings.Fields(strings.ReplaceAll(options, `\ `, "\x00"))
	for i, word := range words {
		name, path, ok := strings.Cut(strings.ReplaceAll(word, "\x00", " "), "=")
		name = strings.ReplaceAll(strings.TrimPrefix(strings.TrimPrefix(name, "--"), "-c"), "-", "_")
		bare := i > 0 && words[i-1] == "-c"
		if ok && name == "search_path" && (bare || strings.HasPrefix(word, "-")) {
			found = path // the last one counts
		}
	}
	return found
}

// addDefaults makes explicit what libpq would take from the user's account.
func (c *Config) addDefaults(p params) error {
	set := func(key, value string) {
		if value != "" {
			p.fill(params{key: {value, "default"}})
		}
	}
	if p.value("user") == "" {
		account, err := user.Current()
		if err != nil {
			return &NoDatabaseError{Missing: []string{"PGUSER"}}
		}
		set("user", account.Username)
	}
	set("dbname", p.value("user"))
	set("port", "5432")
	set("application_name", "aludel")
	set("connect_timeout", "10")
	set("passfile", c.home(".pgpass"))
	cert, key, root := c.home(".postgresql", "postgresql.crt"), c.home(".postgresql", "postgresql.key"), c.home(".postgresql", "root.crt")
	if p.value("sslcert") == "" && p.value("sslkey") == "" && exists(cert) && exists(key) {
		set("sslcert", cert)
		set("sslkey", key)
	}
	if exists(root) {
		set("sslrootcert", root)
	}
	return nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return path != "" && err == nil
}

// explicit are the keywords that pgx would otherwise look up in the process's
// environment and home, with what asks for its default. That way the outcome
// hangs on the Input alone. The exception is PGSERVICE: no value of "service"
// means none. In the program it is in the Input as well, and then passed on; a
// test whose own environment has it fails.
func explicit() map[string]string {
	return map[string]string{
		"host": "", "password": "", "passfile": "", "servicefile": "",
		"sslmode": "prefer", "sslkey": "", "sslcert": "", "sslcertmode": "allow", "sslsni": "", "sslrootcert": "",
		"sslpassword": "", "sslnegotiation": "", "target_session_attrs": "any",
		"min_protocol_version": "", "max_protocol_version": "", "channel_binding": "", "require_auth": "",
	}
}

// connConfig has pgx make the configuration. Secrets don't pass its parser,
// whose errors quote what they were given.
func connConfig(p params) (*pgx.ConnConfig, error) {
	values := explicit()
	for key, v := range p {
		values[key] = v.value
	}
	password, keyPassword := values["password"], values["sslpassword"]
	values["password"], values["sslpassword"] = "", ""
	if password != "" {
		values["passfile"] = ""
	}
	options := pgx.ParseConfigOptions{ParseConfigOptions: pgconn.ParseConfigOptions{
		GetSSLPassword: func(context.Context) string { return keyPassword },
	}}
	settings, err := pgx.ParseConfigWithOptions(keywords(values), options)
	if err != nil {
		return nil, errorf("the settings of the database can't be used: %s", reason(err))
	}
	if password != "" {
		settings.Password = password
	}
	for key := range settings.RuntimeParams {
		// Each transaction sets its own search path; one that a URL brings
		// along must not make reading differ from writing. What is not ours is
		// from the process's environment.
		if _, ours := p[key]; !ours || key == "search_path" {
			delete(settings.RuntimeParams, key)
		}
	}
	// When the context ends, the statement is cancelled on the server before
	// anything else: closing the connection alone would leave it running.
	settings.BuildContextWatcherHandler = func(conn *pgconn.PgConn) ctxwatch.Handler {
		return &pgconn.CancelRequestContextWatcherHandler{Conn: conn, DeadlineDelay: cancelWait}
	}
	return settings, nil
}

// reason leaves out the long connection string in front of pgx's messages.
func reason(err error) string {
	text := err.Error()
	if at := strings.LastIndex(text, "`: "); at >= 0 {
		return text[at+len("`: "):]
	}
	return text
}
