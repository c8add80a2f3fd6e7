package ddl

import (
	"slices"
	"strings"

	"github.com/aludel-db/aludel/internal/catalog"
)

func (w *writer) createPolicy(p *catalog.Policy) {
	sql := "CREATE " + name(p)
	if p.Restrictive {
		sql += " AS RESTRICTIVE"
	}
	if p.Command != "ALL" {
		sql += " FOR " + p.Command
	}
	w.add(sql + policyClauses(p))
}

func policyClauses(p *catalog.Policy) string {
	sql := " TO " + roles(p.Roles)
	if p.Using != "" {
		sql += " USING (" + p.Using + ")"
	}
	if p.WithCheck != "" {
		sql += " WITH CHECK (" + p.WithCheck + ")"
	}
	return sql
}

func roles(names []string) string {
	list := make([]string, len(names))
	for i, n := range names {
		if list[i] = ident(n); n == "public" {
			list[i] = "PUBLIC"
		}
	}
	return strings.Join(list, ", ")
}

func (w *writer) alterPolicy(from, to *catalog.Policy) {
	if !slices.Equal(from.Roles, to.Roles) || from.Using != to.Using || from.WithCheck != to.WithCheck {
		w.add("ALTER " + name(to) + policyClauses(to))
	}
}
