package config

import "strings"

// loadEmbedded decides between the embedded server and a database. The higher
// rank decides, with one exception: a variable that names a server doesn't
// silently overrule a file that asks for the embedded one, for it may be there
// for another program.
func (c *Config) loadEmbedded() error {
	flags := &c.input.Flags
	switch {
	case flags.Embedded != nil && *flags.Embedded && flags.URL != "":
		return errorf("--embedded asks for the embedded PostgreSQL, but --database-url names a server").hint("give one of them")
	case flags.Embedded != nil:
		c.Embedded = *flags.Embedded
		return nil
	case flags.URL != "":
		return nil
	}
	asked, source, err := c.embeddedAsked()
	if err != nil || !asked {
		return err
	}
	for _, name := range []string{"DATABASE_URL", "POSTGRES_SERVER", "PGHOST", "PGSERVICE"} {
		if c.env.value(name) != "" {
			return errorf("%s asks for the embedded PostgreSQL, but %s names a server", source, c.env.label(name)).
				hint("unset one of them, or say --embedded or --embedded=false")
		}
	}
	c.Embedded = true
	return nil
}

// embeddedAsked answers what variable and file say, and which of them does.
// An environment of the file that names a server needs no embedded = false.
func (c *Config) embeddedAsked() (asked bool, source string, err error) {
	const name = "ALUDEL_EMBEDDED"
	switch text := strings.ToLower(c.env.value(name)); text {
	case "":
	case "1", "true", "yes", "on":
		return true, c.env.label(name), nil
	case "0", "false", "no", "off":
		return false, "", nil
	default:
		return false, "", errorf("%s is %q", c.env.label(name), text).hint("set it to 1 or 0")
	}
	for _, s := range []*settings{c.overlay, c.base} {
		if s == nil {
			continue
		}
		asked, server := or(s.Embedded, false), s.Database.server()
		switch {
		case asked && server != "":
			return false, "", errorf("%s asks for the embedded PostgreSQL, but %s names a server",
				c.fileLabel(s, "embedded"), c.fileLabel(s, server)).hint("keep one of them")
		case s.Embedded != nil:
			return asked, c.fileLabel(s, "embedded"), nil
		case server != "":
			return false, "", nil
		}
	}
	return false, "", nil
}

// server is the key that says which server it is; empty where none does.
func (d *databaseTable) server() string {
	switch {
	case d.URL != nil:
		return "database.url"
	case d.Host != nil:
		return "database.host"
	case d.Service != nil:
		return "database.service"
	}
	return ""
}
