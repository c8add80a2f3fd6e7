package catalog

import (
	"cmp"
	"slices"
	"strings"
)

// grants takes aclitems apart: role=letters/grantor, an asterisk behind a
// letter that may be passed on. Who granted is left out.
func grants(items []string) []Grant {
	var list []Grant
	for _, item := range items {
		role, rest := cutRole(item)
		letters, _, _ := strings.Cut(strings.TrimPrefix(rest, "="), "/")
		for i := 0; i < len(letters); i++ {
			g := Grant{Role: role, Privilege: privileges[letters[i]]}
			if i+1 < len(letters) && letters[i+1] == '*' {
				g.Grantable = true
				i++
			}
			list = append(list, g)
		}
	}
	sortGrants(list)
	return slices.Compact(list)
}

func sortGrants(list []Grant) {
	slices.SortFunc(list, func(a, b Grant) int {
		return cmp.Or(strings.Compare(a.Role, b.Role), strings.Compare(a.Privilege, b.Privilege))
	})
}

// cutRole reads the role in front of the =, which is in double quotes where it
// needs to be.
func cutRole(item string) (role, rest string) {
	if !strings.HasPrefix(item, `"`) {
		at := strings.IndexByte(item, '=')
		return item[:max(at, 0)], item[max(at, 0):]
	}
	var b strings.Builder
	for i := 1; i < len(item); i++ {
		if item[i] != '"' {
			b.WriteByte(item[i])
			continue
		}
		if i+1 < len(item) && item[i+1] == '"' {
			b.WriteByte('"')
			i++
			continue
		}
		return b.String(), item[i+1:]
	}
	return b.String(), ""
}

// privileges are the letters of aclitem, see the chapter on privileges.
var privileges = map[byte]string{
	'r': "SELECT", 'a': "INSERT", 'w': "UPDATE", 'd': "DELETE", 'D': "TRUNCATE", 'x': "REFERENCES", 't': "TRIGGER",
	'C': "CREATE", 'c': "CONNECT", 'T': "TEMPORARY", 'X': "EXECUTE", 'U': "USAGE", 's': "SET", 'A': "ALTER SYSTEM", 'm': "MAINTAIN",
}
