package config

import (
	"errors"
	"strconv"
	"strings"
)

// A param is what one source says for one of libpq's keywords.
type param struct {
	value string
	from  string // the variable, flag or key, as messages name it
}

// params are parameters of a connection by libpq's keyword.
type params map[string]param

func (p params) value(key string) string { return p[key].value }

// fill adds what p leaves open.
func (p params) fill(more params) {
	for key, m := range more {
		if _, ok := p[key]; !ok {
			p[key] = m
		}
	}
}

// parseConnString reads a connection string by libpq's rules: a URL, or
// keyword=value pairs. pgx's parser does the same, but can't be asked what the
// string itself says; what comes from elsewhere is then indistinguishable.
//
// The errors quote nothing: in a string that can't be read, any part may be
// part of the password.
func parseConnString(from, text string) (params, error) {
	values, isURL, err := splitConnString(text)
	if err != nil {
		e := errorf("%s can't be read: %v", from, err)
		if isURL {
			e.hint("write it as postgres://user:password@host:5432/database, special characters of the password in percent form:\n" +
				"%%40 for @, %%3A for :, %%2F for /, %%23 for #, %%25 for %%")
		}
		return nil, e
	}
	p := params{}
	for key, value := range values {
		switch {
		case key == "database":
			key = "dbname"
		case key == "ssl" && value == "true": // JDBC's way, which libpq takes in URLs
			if values["sslmode"] != "" {
				continue
			}
			key, value = "sslmode", "require"
		}
		// An empty value asks for the default, as does no value.
		if value != "" && !clientOnly(key, value) {
			p[key] = param{value, from}
		}
	}
	return p, nil
}

func splitConnString(text string) (values map[string]string, isURL bool, err error) {
	if strings.ContainsRune(text, 0) {
		return nil, false, errors.New("it holds a NUL byte")
	}
	scheme, rest, found := strings.Cut(text, "://")
	// SQLAlchemy names its driver in the scheme: postgresql+psycopg.
	scheme, _, _ = strings.Cut(scheme, "+")
	switch {
	case found && (scheme == "postgres" || scheme == "postgresql"):
		values, err = splitURL(rest)
		return values, true, err
	case found && !strings.ContainsAny(scheme, "= \t\r\n"):
		return nil, true, errors.New("it is not a postgres:// URL")
	}
	values, err = splitKeywords(text)
	return values, false, err
}

// clientOnly tells the parameters that other clients keep for themselves. The
// server would refuse them as unknown, and the same DATABASE_URL serves the
// application.
func clientOnly(key, value string) bool {
	switch key {
	case "keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count",
		"tcp_user_timeout", "sslcompression", "fallback_application_name":
		return true
	case "gssencmode":
		return value != "require"
	}
	return strings.HasPrefix(key, "pool_") // of pgxpool
}

// splitURL reads what follows the scheme, as conninfo_uri_parse_options does:
// several hosts may stand where a URL has one, and only a slash ends the search
// for the @ behind the password.
func splitURL(rest string) (map[string]string, error) {
	raw := map[string]string{}
	if at := strings.IndexAny(rest, "@/"); at >= 0 && rest[at] == '@' {
		raw["user"], raw["password"], _ = strings.Cut(rest[:at], ":")
		rest = rest[at+1:]
	} else if strings.Contains(rest, "@") {
		return nil, errors.New("there is an @ behind the host")
	}
	end := strings.IndexAny(rest, "/?")
	if end < 0 {
		end = len(rest)
	}
	authority, path := rest[:end], rest[end:]
	path, query, _ := strings.Cut(path, "?")
	if strings.Contains(authority+path, "@") {
		return nil, errors.New("there is a second @")
	}
	raw["dbname"] = strings.TrimPrefix(path, "/")
	var err error
	if raw["host"], raw["port"], err = splitHosts(authority); err != nil {
		return nil, err
	}
	values := map[string]string{}
	for key, text := range raw {
		if values[key], err = percentDecode(text); err != nil {
			return nil, err
		}
	}
	if !isPortList(values["port"]) {
		return nil, errors.New("the port is not a number")
	}
	return values, splitQuery(query, values)
}

// splitHosts reads host:port,host:port into two lists of one length. A port
// list that says nothing is empty.
func splitHosts(authority string) (hosts, ports string, err error) {
	var hostList, portList []string
	for one := range strings.SplitSeq(authority, ",") {
		var host, port string
		if strings.HasPrefix(one, "[") {
			end := strings.IndexByte(one, ']')
			if end < 2 {
				return "", "", errors.New("the address in [] is not complete")
			}
			host, port = one[1:end], one[end+1:]
			if port != "" && port[0] != ':' {
				return "", "", errors.New("something stands behind the address in []")
			}
			port = strings.TrimPrefix(port, ":")
		} else {
			host, port, _ = strings.Cut(one, ":")
		}
		hostList, portList = append(hostList, host), append(portList, port)
	}
	ports = strings.Join(portList, ",")
	if strings.Trim(ports, ",") == "" {
		ports = ""
	}
	return strings.Join(hostList, ","), ports, nil
}

func splitQuery(query string, values map[string]string) error {
	for pair := range strings.SplitSeq(query, "&") {
		if pair == "" {
			continue
		}
		key, value, found := strings.Cut(pair, "=")
		if !found || strings.Contains(value, "=") {
			return errors.New("behind the ? it wants name=value pairs with an & between them")
		}
		key, err := percentDecode(key)
		if err != nil {
			return err
		}
		if !isKeyword(key) {
			return errors.New("behind the ? there is something that is no name")
		}
		if key == "database" {
			key = "dbname"
		}
		if values[key], err = percentDecode(value); err != nil {
			return err
		}
	}
	return nil
}

// percentDecode follows conninfo_uri_decode: spaces around are dropped, spaces
// within refused, %00 too.
func percentDecode(s string) (string, error) {
	s = strings.Trim(s, " ")
	if strings.Contains(s, " ") {
		return "", errors.New("there is a space in it; write it as %20")
	}
	if !strings.Contains(s, "%") {
		return s, nil
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			b.WriteByte(s[i])
			continue
		}
		if i+2 >= len(s) {
			return "", errors.New("a % wants two hexadecimal digits behind it")
		}
		c, err := strconv.ParseUint(s[i+1:i+3], 16, 8)
		if err != nil || c == 0 {
			return "", errors.New("a % wants two hexadecimal digits behind it, and not 00")
		}
		b.WriteByte(byte(c))
		i += 2
	}
	return b.String(), nil
}

const spaces = " \t\n\r\v\f"

// splitKeywords follows conninfo_parse.
func splitKeywords(s string) (map[string]string, error) {
	values := map[string]string{}
	for s = strings.Trim(s, spaces); s != ""; s = strings.TrimLeft(s, spaces) {
		key, rest, found := strings.Cut(s, "=")
		key = strings.TrimRight(key, spaces)
		if !found || !isKeyword(key) {
			return nil, errors.New("it is neither a postgres:// URL nor a list of keyword=value pairs")
		}
		if key == "database" {
			key = "dbname"
		}
		var err error
		if values[key], s, err = keywordValue(strings.TrimLeft(rest, spaces)); err != nil {
			return nil, err
		}
	}
	return values, nil
}

// keywordValue reads a value, in quotes or up to a space; a backslash takes
// the next character as it is.
func keywordValue(s string) (value, rest string, err error) {
	quoted := strings.HasPrefix(s, "'")
	var b strings.Builder
	i := 0
	if quoted {
		i = 1
	}
	for ; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\':
			if i++; i < len(s) {
				b.WriteByte(s[i])
			}
		case quoted && c == '\'':
			return b.String(), s[i+1:], nil
		case !quoted && strings.IndexByte(spaces, c) >= 0:
			return b.String(), s[i:], nil
		default:
			b.WriteByte(c)
		}
	}
	if quoted {
		return "", "", errors.New("a quote is not closed")
	}
	return b.String(), "", nil
}

// isKeyword tells libpq's keywords and the server's parameters, which may have
// a dot.
func isKeyword(s string) bool {
	for _, c := range s {
		if c != '_' && c != '.' && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') {
			return false
		}
	}
	return s != ""
}

// isPortList takes the empty list; an empty element asks for the default.
func isPortList(s string) bool {
	for port := range strings.SplitSeq(s, ",") {
		if n, err := strconv.ParseUint(port, 10, 16); port != "" && (err != nil || n == 0) {
			return false
		}
	}
	return true
}

// keywords writes parameters as keyword='value' pairs.
func keywords(values map[string]string) string {
	quoter := strings.NewReplacer(`\`, `\\`, `'`, `\'`)
	var b strings.Builder
	for key, value := range values {
		b.WriteString(key + "='" + quoter.Replace(value) + "' ")
	}
	return b.String()
}
