package catalog

// A TextSearch is a configuration, a dictionary, a parser or a template: its
// Form says which.
type TextSearch struct {
	Common
	Form string // CONFIGURATION, DICTIONARY, PARSER or TEMPLATE
	// Definition is what stands in the parentheses of CREATE TEXT SEARCH.
	Definition string
	// Mappings are those of a configuration: a token type and its dictionaries.
	Mappings []string
}

func (r *reader) textSearch() []query {
	byOID := map[uint32]*TextSearch{}
	read := func(form string, class uint32) func(*row) error {
		return func(row *row) error {
			t := &TextSearch{Form: form}
			var oid uint32
			var at named
			if err := row.scan(&oid, &at.schema, &at.name, &t.Definition, &t.Owner); err != nil {
				return err
			}
			at.sub = form
			t.ID = at.id(KindTextSearch)
			if form == "CONFIGURATION" {
				byOID[oid] = t
			}
			r.add(t, class, oid)
			return nil
		}
	}
	return []query{
		{
			"text search parsers", `SELECT p.oid, n.nspname::text, p.prsname::text, pg_catalog.concat_ws(', ', 'START = ' || p.prsstart, 'GETTOKEN = ' || p.prstoken, 'END = ' || p.prsend, 'LEXTYPES = ' || p.prslextype,
  CASE WHEN p.prsheadline <> 0 THEN 'HEADLINE = ' || p.prsheadline END), '' FROM pg_catalog.pg_ts_parser p JOIN pg_catalog.pg_namespace n ON n.oid = p.prsnamespace WHERE n.nspname` + userSchemas + `AND` + notMember("pg_ts_parser", "p.oid"),
			read("PARSER", classTextSearchParser),
		},
		{
			"text search templates", `SELECT t.oid, n.nspname::text, t.tmplname::text, pg_catalog.concat_ws(', ', CASE WHEN t.tmplinit <> 0 THEN 'INIT = ' || t.tmplinit END, 'LEXIZE = ' || t.tmpllexize), ''
FROM pg_catalog.pg_ts_template t JOIN pg_catalog.pg_namespace n ON n.oid = t.tmplnamespace WHERE n.nspname` + userSchemas + `AND` + notMember("pg_ts_template", "t.oid"),
			read("TEMPLATE", classTextSearchTemplate),
		},
		{
			"text search dictionaries", `SELECT d.oid, n.nspname::text, d.dictname::text, 'TEMPLATE = ' || pg_catalog.quote_ident(tn.nspname) || '.' || pg_catalog.quote_ident(t.tmplname) || coalesce(', ' || d.dictinitoption, ''), pg_catalog.pg_get_userbyid(d.dictowner)::text
FROM pg_catalog.pg_ts_dict d JOIN pg_catalog.pg_namespace n ON n.oid = d.dictnamespace JOIN pg_catalog.pg_ts_template t ON t.oid = d.dicttemplate JOIN pg_catalog.pg_namespace tn ON tn.oid = t.tmplnamespace WHERE n.nspname` + userSchemas + `AND` + notMember("pg_ts_dict", "d.oid"),
			read("DICTIONARY", classTextSearchDictionary),
		},
		{
			"text search configurations", `SELECT c.oid, n.nspname::text, c.cfgname::text, 'PARSER = ' || pg_catalog.quote_ident(pn.nspname) || '.' || pg_catalog.quote_ident(p.prsname), pg_catalog.pg_get_userbyid(c.cfgowner)::text
FROM pg_catalog.pg_ts_config c JOIN pg_catalog.pg_namespace n ON n.oid = c.cfgnamespace JOIN pg_catalog.pg_ts_parser p ON p.oid = c.cfgparser JOIN pg_catalog.pg_namespace pn ON pn.oid = p.prsnamespace WHERE n.nspname` + userSchemas + `AND` + notMember("pg_ts_config", "c.oid"),
			read("CONFIGURATION", classTextSearchConfiguration),
		},
		{
			"text search mappings", `SELECT m.mapcfg, pg_catalog.quote_ident(t.alias) || ' WITH ' || pg_catalog.string_agg(m.mapdict::pg_catalog.regdictionary::text, ', ' ORDER BY m.mapseqno)
FROM pg_catalog.pg_ts_config_map m JOIN pg_catalog.pg_ts_config c ON c.oid = m.mapcfg CROSS JOIN LATERAL pg_catalog.ts_token_type(c.cfgparser) t
WHERE t.tokid = m.maptokentype AND c.oid >= 16384 GROUP BY m.mapcfg, t.alias ORDER BY 1, 2`,
			func(row *row) error {
				var oid uint32
				var mapping string
				err := row.scan(&oid, &mapping)
				if t := byOID[oid]; t != nil {
					t.Mappings = append(t.Mappings, mapping)
				}
				return err
			},
		},
	}
}
