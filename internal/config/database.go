package config

import (
	"errors"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"
)

// connectTimeout bounds the connection where nobody says otherwise.
const connectTimeout = 10 * time.Second

// cancelWait is how long a cancelled statement has to end before its
// connection is given up.
const cancelWait = 10 * time.Second

// Database answers how to connect. What is missing is a [NoDatabaseError].
//
// pgx's own parser reads connection strings, and fills in what they leave open
// from libpq's variables, .pgpass and service files. It asks the process's
// environment for these, which is the Input's in the program.
func (c *Config) Database() (*pgx.ConnConfig, error) {
	source, text, err := c.connectionString()
	if err != nil {
		return nil, err
	}
	settings, err := pgx.ParseConfig(text)
	if err != nil {
		return nil, c.parseError(source, err)
	}
	if settings.Password == "" || source == "" {
		password, err := c.password()
		if err != nil {
			return nil, err
		}
		settings.Password = first(password, settings.Password)
	}
	if settings.ConnectTimeout == 0 {
		settings.ConnectTimeout = connectTimeout
	}
	if settings.RuntimeParams["application_name"] == "" {
		settings.RuntimeParams["application_name"] = "aludel"
	}
	// Each transaction sets its own search path; one that the URL brings along
	// must not make reading differ from writing.
	delete(settings.RuntimeParams, "search_path")
	// When the context ends, the statement is cancelled on the server before
	// anything else: closing the connection alone would leave it running.
	settings.BuildContextWatcherHandler = func(conn *pgconn.PgConn) ctxwatch.Handler {
		return &pgconn.CancelRequestContextWatcherHandler{Conn: conn, DeadlineDelay: cancelWait}
	}
	return settings, nil
}

// connectionString answers what pgx is to parse. source names where a whole
// URL comes from, and is empty where the text is put together from parts.
func (c *Config) connectionString() (source, text string, err error) {
	if flag := c.input.Flags.URL; flag != "" {
		return "--database-url", flag, nil
	}
	if err := c.contradictions(); err != nil {
		return "", "", err
	}
	if fromEnv := c.env["DATABASE_URL"]; fromEnv != "" {
		return "DATABASE_URL", fromEnv, nil
	}
	parts, err := c.parts()
	if err != nil {
		return "", "", err
	}
	if len(parts) == 0 {
		if d := c.settings.Database; d != nil && d.URL != nil {
			return c.Path + ": database.url", *d.URL, nil
		}
	}
	if parts["host"] == "" && parts["service"] == "" && parts["dbname"] == "" {
		return "", "", &NoDatabaseError{}
	}
	var b strings.Builder
	for _, key := range []string{"host", "port", "user", "dbname", "sslmode", "sslrootcert", "service"} {
		if v := parts[key]; v != "" {
			b.WriteString(key + "='" + keywordQuoter.Replace(v) + "' ")
		}
	}
	return "", b.String(), nil
}

var keywordQuoter = strings.NewReplacer(`\`, `\\`, `'`, `\'`)

// parts puts the connection together from single variables and keys.
func (c *Config) parts() (map[string]string, error) {
	env, parts := c.env, map[string]string{}
	set := func(key string, values ...string) {
		if v := first(values...); v != "" {
			parts[key] = v
		}
	}
	set("host", env["POSTGRES_SERVER"], env["PGHOST"])
	set("port", env["POSTGRES_PORT"], env["PGPORT"])
	set("user", env["POSTGRES_USER"], env["PGUSER"])
	set("dbname", env["POSTGRES_DB"], env["PGDATABASE"])
	set("sslmode", env["PGSSLMODE"])
	set("sslrootcert", env["PGSSLROOTCERT"])
	set("service", env["PGSERVICE"])
	if d := c.settings.Database; d != nil && d.URL == nil {
		port := ""
		if d.Port != nil {
			port = strconv.Itoa(*d.Port)
		}
		set("host", parts["host"], value(d.Host, ""))
		set("port", parts["port"], port)
		set("user", parts["user"], value(d.User, ""))
		set("dbname", parts["dbname"], value(d.Name, ""))
		set("sslmode", parts["sslmode"], value(d.SSLMode, ""))
		set("sslrootcert", parts["sslrootcert"], value(d.SSLRootCert, ""))
		set("service", parts["service"], value(d.Service, ""))
	}
	return parts, c.complete(parts)
}

// complete refuses half of the platform's variables: libpq's defaults, the
// login name for user and database, would hide the slip.
func (c *Config) complete(parts map[string]string) error {
	platform := false
	for _, name := range []string{"POSTGRES_SERVER", "POSTGRES_USER", "POSTGRES_DB", "POSTGRES_PASSWORD", "POSTGRES_PASSWORD_FILE"} {
		platform = platform || c.env[name] != ""
	}
	if !platform || parts["service"] != "" {
		return nil
	}
	var missing []string
	for _, p := range []struct{ key, name string }{{"host", "POSTGRES_SERVER"}, {"user", "POSTGRES_USER"}, {"dbname", "POSTGRES_DB"}} {
		if parts[p.key] == "" {
			missing = append(missing, p.name)
		}
	}
	if len(missing) > 0 && (c.settings.Database == nil || c.settings.Database.URL == nil) {
		return &NoDatabaseError{Missing: missing}
	}
	return nil
}

// password is that of POSTGRES_PASSWORD, POSTGRES_PASSWORD_FILE or
// database.password_file; empty where none is set.
func (c *Config) password() (string, error) {
	direct, path, source := c.env["POSTGRES_PASSWORD"], c.env["POSTGRES_PASSWORD_FILE"], "POSTGRES_PASSWORD_FILE"
	if direct != "" && path != "" {
		return "", errorf("POSTGRES_PASSWORD and POSTGRES_PASSWORD_FILE are both set").hint("unset one of them")
	}
	if direct != "" {
		return direct, nil
	}
	if path != "" {
		path = c.input.absolute(path)
	} else if d := c.settings.Database; d != nil && d.PasswordFile != nil {
		path, source = c.relative(*d.PasswordFile), c.Path+": database.password_file"
	}
	if path == "" {
		return "", nil
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return "", errorf("reading %s: %v", source, err)
	}
	return strings.TrimRight(string(data), "\r\n"), nil
}

// contradictions refuses variables that name different databases. Each may be
// right, and a migration in the wrong one can't be taken back.
func (c *Config) contradictions() error {
	fromURL := c.urlParts()
	for _, field := range []struct {
		key   string
		names []string
	}{
		{"host", []string{"POSTGRES_SERVER", "PGHOST"}},
		{"port", []string{"POSTGRES_PORT", "PGPORT"}},
		{"user", []string{"POSTGRES_USER", "PGUSER"}},
		{"password", []string{"POSTGRES_PASSWORD", "PGPASSWORD"}},
		{"dbname", []string{"POSTGRES_DB", "PGDATABASE"}},
	} {
		name, v := "DATABASE_URL", fromURL[field.key]
		for _, other := range field.names {
			w := c.env[other]
			switch {
			case w == "":
			case v == "":
				name, v = other, w
			case v != w && field.key == "password":
				return errorf("%s and %s hold different passwords", name, other).hint("unset one of them")
			case v != w:
				return errorf("%s says %s %q, but %s says %q", name, what[field.key], v, other, w).hint("unset one of them")
			}
		}
	}
	return nil
}

var what = map[string]string{"host": "host", "port": "port", "user": "user", "dbname": "database"}

// urlParts are what DATABASE_URL says, as far as it can be read; what can't be
// is left to pgx to refuse.
func (c *Config) urlParts() map[string]string {
	parts := map[string]string{}
	text := c.env["DATABASE_URL"]
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" {
		return parts
	}
	parts["host"], parts["port"] = u.Hostname(), u.Port()
	parts["user"] = u.User.Username()
	parts["password"], _ = u.User.Password()
	parts["dbname"] = strings.TrimPrefix(u.Path, "/")
	for key, values := range u.Query() {
		if _, known := parts[key]; known || key == "host" {
			parts[key] = values[0]
		}
	}
	return parts
}

// parseError says what pgx could not read, without the text: whatever part of
// it pgx quotes may be a part of the password.
func (c *Config) parseError(source string, err error) error {
	if source == "" {
		var parse *pgconn.ParseConfigError
		if errors.As(err, &parse) {
			return errorf("the settings of the database can't be used: %s", c.redact(parse.Error()))
		}
		return errorf("the settings of the database can't be used: %s", c.redact(err.Error()))
	}
	return errorf("%s is not a connection string that can be read", source).
		hint("write it as postgres://user:password@host:5432/database; special characters in the password as %%23 for #, %%40 for @, %%2F for /")
}

// redact takes the known passwords out of a text.
func (c *Config) redact(text string) string {
	for _, name := range []string{"POSTGRES_PASSWORD", "PGPASSWORD"} {
		if v := c.env[name]; v != "" {
			text = strings.ReplaceAll(text, v, "*****")
		}
	}
	return text
}
