package config

import (
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
)

// passwordFile is a keyword of ours: the file that holds the password.
const passwordFile = "password_file"

// which are the keywords that say which database it is, and as whom. The
// others say how to get there.
func which(key string) bool {
	switch key {
	case "host", "port", "dbname", "user", "password", passwordFile, "service", "servicefile", "passfile":
		return true
	}
	return false
}

// platformVariables are the names that Docker's and most platforms' images
// use, libpqVariables those of libpq, as far as pgx has what they ask for.
var (
	platformVariables = map[string]string{
		"POSTGRES_SERVER": "host", "POSTGRES_PORT": "port", "POSTGRES_USER": "user", "POSTGRES_PASSWORD": "password",
		"POSTGRES_PASSWORD_FILE": passwordFile, "POSTGRES_DB": "dbname",
	}
	libpqVariables = map[string]string{
		"PGHOST": "host", "PGHOSTADDR": "hostaddr", "PGPORT": "port", "PGDATABASE": "dbname", "PGUSER": "user",
		"PGPASSWORD": "password", "PGPASSFILE": "passfile", "PGSERVICE": "service", "PGSERVICEFILE": "servicefile",
		"PGAPPNAME": "application_name", "PGCONNECT_TIMEOUT": "connect_timeout", "PGOPTIONS": "options", "PGTZ": "timezone",
		"PGSSLMODE": "sslmode", "PGSSLKEY": "sslkey", "PGSSLCERT": "sslcert", "PGSSLCERTMODE": "sslcertmode",
		"PGSSLSNI": "sslsni", "PGSSLROOTCERT": "sslrootcert", "PGSSLPASSWORD": "sslpassword",
		"PGSSLNEGOTIATION": "sslnegotiation", "PGTARGETSESSIONATTRS": "target_session_attrs",
		"PGMINPROTOCOLVERSION": "min_protocol_version", "PGMAXPROTOCOLVERSION": "max_protocol_version",
		"PGCHANNELBINDING": "channel_binding", "PGREQUIREAUTH": "require_auth", "PGKRBSRVNAME": "krbsrvname",
	}
)

// variables are the parameters that variables of the environment set. An empty
// one sets nothing, as in libpq.
func (c *Config) variables(names map[string]string) params {
	p := params{}
	for name, key := range names {
		if value := c.env.value(name); value != "" {
			p[key] = param{value, c.env.label(name)}
		}
	}
	return p
}

// params puts the connection together, the highest rank first.
//
// --database-url is a whole database: what it leaves open comes from libpq's
// variables alone, as for psql. The user and password of another database's
// variables or file are no use there; how the file wants to connect (sslmode)
// still is.
func (c *Config) params() (params, error) {
	p := params{}
	for _, rank := range []func() ([]params, error){
		c.flagSources, c.environmentSources,
		func() ([]params, error) { return c.fileSources(c.overlay) },
		func() ([]params, error) { return c.fileSources(c.base) },
	} {
		sources, err := rank()
		if err != nil {
			return nil, err
		}
		if err := c.add(p, sources); err != nil {
			return nil, err
		}
	}
	return p, nil
}

func (c *Config) flagSources() ([]params, error) {
	if c.input.Flags.URL == "" {
		return nil, nil
	}
	p, err := parseConnString("--database-url", c.input.Flags.URL)
	return []params{p}, err
}

func (c *Config) environmentSources() ([]params, error) {
	libpq := c.variables(libpqVariables)
	if c.input.Flags.URL != "" {
		return []params{libpq}, nil
	}
	url := params{}
	if text := c.env.value("DATABASE_URL"); text != "" {
		var err error
		if url, err = parseConnString(c.env.label("DATABASE_URL"), text); err != nil {
			return nil, err
		}
	}
	platform := c.variables(platformVariables)
	if file, ok := platform[passwordFile]; ok {
		if password, both := platform["password"]; both {
			return nil, errorf("%s and %s are both set", password.from, file.from).hint("unset one of them")
		}
		platform[passwordFile] = param{c.input.absolute(file.value), file.from}
	}
	return []params{url, platform, libpq}, nil
}

// fileSources are [database] and its url, of the file itself or of one of its
// environments.
func (c *Config) fileSources(s *settings) ([]params, error) {
	if s == nil {
		return nil, nil
	}
	d, keys, url := &s.Database, params{}, params{}
	set := func(key, name, value string) {
		if value != "" {
			keys[key] = param{value, c.fileLabel(s, "database."+name)}
		}
	}
	port := ""
	if d.Port != nil {
		port = strconv.Itoa(*d.Port)
	}
	set("host", "host", or(d.Host, ""))
	set("port", "port", port)
	set("user", "user", or(d.User, ""))
	set("dbname", "name", or(d.Name, ""))
	set("sslmode", "sslmode", or(d.SSLMode, ""))
	set("service", "service", or(d.Service, ""))
	if file := or(d.PasswordFile, ""); file != "" {
		set(passwordFile, "password_file", c.relative(file))
	}
	if file := or(d.SSLRootCert, ""); file == "system" {
		set("sslrootcert", "sslrootcert", file)
	} else if file != "" {
		set("sslrootcert", "sslrootcert", c.relative(file))
	}
	if text := or(d.URL, databaseURL{}).text; text != "" {
		var err error
		if url, err = parseConnString(c.fileLabel(s, "database.url"), text); err != nil {
			return nil, err
		}
	}
	if c.input.Flags.URL != "" {
		for _, p := range []params{keys, url} {
			maps.DeleteFunc(p, func(key string, _ param) bool { return which(key) })
		}
	}
	return []params{url, keys}, nil
}

// add decides what higher ranks have left open. Sources of one rank that
// disagree on something are refused: each may be right, and a migration of the
// wrong database can't be taken back.
func (c *Config) add(p params, sources []params) error {
	_, named := p["service"] // by a higher rank, and read there
	if err := p.decide(sources, "service"); err != nil {
		return err
	}
	if asked, here := p["service"]; here && !named {
		var err error
		if sources, err = c.addService(p, sources, asked); err != nil {
			return err
		}
	}
	if _, known := p["password"]; !known {
		if err := readPassword(sources); err != nil {
			return err
		}
	}
	for _, key := range keysIn(sources) {
		if err := p.decide(sources, key); err != nil {
			return err
		}
	}
	return nil
}

// addService adds what a service says. Where a connection string or a file
// names the service, what they say beside it goes before, as in libpq. For
// variables libpq has it the other way round; that is refused instead.
func (c *Config) addService(p params, sources []params, asked param) ([]params, error) {
	file := ""
	for _, s := range append([]params{p}, sources...) {
		file = first(file, s.value("servicefile"))
	}
	service, path, err := c.service(asked, file)
	if err != nil {
		return nil, err
	}
	p["servicefile"] = param{path, asked.from}
	if asked.from == c.env.label("PGSERVICE") {
		return append(sources, service), nil
	}
	for _, s := range sources {
		if s["service"] == asked {
			s.fill(service)
		}
	}
	return sources, nil
}

// readPassword takes the password from the file that a source names. Editors
// and secret stores end it with a newline.
func readPassword(sources []params) error {
	for _, s := range sources {
		file, ok := s[passwordFile]
		if !ok {
			continue
		}
		data, err := os.ReadFile(file.value)
		if err != nil {
			return errorf("reading %s: %v", file.from, err)
		}
		password := strings.TrimRight(string(data), "\r\n")
		if password == "" {
			return errorf("%s is %s, which is empty", file.from, file.value)
		}
		s["password"] = param{password, file.from}
	}
	return nil
}

// decide sets one keyword that is not set yet.
func (p params) decide(sources []params, key string) error {
	if _, ok := p[key]; ok {
		return nil
	}
	for _, s := range sources {
		next, ok := s[key]
		if !ok {
			continue
		}
		if err := next.check(key); err != nil {
			return err
		}
		chosen, ok := p[key]
		if !ok {
			p[key] = next
			continue
		}
		if chosen.value == next.value || key == "host" && strings.EqualFold(chosen.value, next.value) {
			continue
		}
		if strings.Contains(key, "password") {
			return errorf("%s and %s hold different passwords", chosen.from, next.from).hint("unset one of them")
		}
		return errorf("%s says %s %q, but %s says %q", chosen.from, spoken(key), chosen.value, next.from, next.value).
			hint("unset one of them")
	}
	return nil
}

func spoken(key string) string {
	if key == "dbname" {
		return "database"
	}
	return key
}

// check refuses values that would fail late or be misread. Those of a host
// may be a whole URL, and are not shown.
func (v param) check(key string) error {
	switch key {
	case "host":
		switch {
		case strings.ContainsAny(v.value, "@?") || strings.Contains(v.value, "://"):
			return errorf("%s is not the name of a host", v.from).hint("a URL goes into DATABASE_URL")
		case strings.Count(v.value, ":") == 1 && !strings.ContainsAny(v.value, "/\\,"):
			return errorf("%s holds a port: %q", v.from, v.value).hint("the port has a variable or key of its own")
		}
	case "port":
		if !isPortList(v.value) {
			return errorf("%s is not a port: it wants a number from 1 to 65535", v.from)
		}
	case "connect_timeout":
		if n, err := strconv.Atoi(v.value); err != nil || n < 0 {
			return errorf("%s: connect_timeout is %q, and wants seconds", v.from, v.value)
		}
	case "sslmode":
		modes := []string{"disable", "allow", "prefer", "require", "verify-ca", "verify-full"}
		if !slices.Contains(modes, v.value) {
			return errorf("%s: sslmode is %q", v.from, v.value).hint("it is one of %s", strings.Join(modes, ", "))
		}
	case "hostaddr":
		return errorf("%s: hostaddr is not supported", v.from).hint("give the address as the host")
	}
	return nil
}

// keysIn lists what sources say, what people would look at first in front.
func keysIn(sources []params) []string {
	order := []string{"host", "port", "dbname", "user", "password"}
	all := map[string]bool{}
	for _, s := range sources {
		for key := range s {
			all[key] = true
		}
	}
	for _, key := range slices.Sorted(maps.Keys(all)) {
		if key != passwordFile && !slices.Contains(order, key) {
			order = append(order, key)
		}
	}
	return order
}
