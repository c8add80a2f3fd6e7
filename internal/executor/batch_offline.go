package executor

import (
	"fmt"
	"strings"

	"github.com/aludel-db/aludel/internal/revision"
	"github.com/aludel-db/aludel/internal/sqltext"
)

// offlineSQL is the text of a section for a script, in which each statement that
// runs in batches stands in a loop.
func offlineSQL(s *revision.Section) string {
	var b strings.Builder
	at := 0
	for i := range s.Statements {
		if spec := s.Batches[i]; spec != nil {
			statement := &s.Statements[i]
			b.WriteString(s.SQL[at:statement.Offset] + batchLoop(spec, statement.Text))
			at = statement.Offset + len(statement.Text)
		}
	}
	b.WriteString(s.SQL[at:])
	return strings.TrimSpace(b.String())
}

// batchLoop is a block that does what [batches] does, as far as a script can:
// the primary key is not known before it runs, batches keep their size, and no
// place is kept.
func batchLoop(spec *revision.Batch, statement string) string {
	pieces, at := []string{}, 0
	for _, b := range spec.Bounds {
		value := "low"
		if b.Upper {
			value = "high"
		}
		pieces = append(pieces, sqltext.QuoteLiteral(statement[at:b.Start]), value)
		at = b.End
	}
	pieces = append(pieces, sqltext.QuoteLiteral(statement[at:]))
	body := fmt.Sprintf(offlineLoop, sqltext.QuoteLiteral(spec.Table), sqltext.QuoteLiteral(" FROM "+spec.Table), spec.Size, strings.Join(pieces, " || "))
	tag := "$aludel$"
	for strings.Contains(body, tag) {
		tag = strings.TrimSuffix(tag, "$") + "_$"
	}
	return "-- Each batch is committed: psql has to be in autocommit, and not in --single-transaction.\n" +
		"-- If this is interrupted and run again, it begins with the first batch.\n" +
		"SET datestyle = ISO;\nSET extra_float_digits = 1;\nDO " + tag + body + tag
}

// offlineLoop is the block: the table's name and " FROM " with it as literals,
// the size of a batch, and the statement as an expression over low and high.
const offlineLoop = `
DECLARE
    keys text;   -- the columns of the primary key
    back text;   -- the same for ORDER BY, from the end
    key text;    -- the same as something to compare with
    value text;  -- an expression that writes a key as SQL
    low text;
    high text;
    last text;
    began timestamptz;
BEGIN
    SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY k.place),
        string_agg(quote_ident(a.attname) || ' DESC', ', ' ORDER BY k.place),
        format(CASE count(*) WHEN 1 THEN '%%s' ELSE 'ROW(%%s)' END, string_agg(quote_ident(a.attname), ', ' ORDER BY k.place)),
        format(CASE count(*) WHEN 1 THEN '%%s' ELSE '''ROW('' || %%s || '')''' END,
            string_agg(format('quote_literal(%%I) || %%L', a.attname, CASE t.typtype WHEN 'd' THEN '' ELSE '::' || format_type(t.oid, -1) END),
                ' || '', '' || ' ORDER BY k.place))
    INTO keys, back, key, value
    FROM pg_index i CROSS JOIN LATERAL unnest(i.indkey[0:i.indnkeyatts - 1]) WITH ORDINALITY AS k (attnum, place)
        JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum JOIN pg_type t ON t.oid = a.atttypid
    WHERE i.indrelid = to_regclass(%[1]s) AND i.indisprimary;
    IF keys IS NULL THEN
        RAISE EXCEPTION USING MESSAGE = %[1]s || ' is not a table with a primary key for batches to follow';
    END IF;
    EXECUTE 'SELECT ' || value || %[2]s || ' ORDER BY ' || back || ' LIMIT 1' INTO last;
    WHILE last IS NOT NULL LOOP
        began := clock_timestamp();
        EXECUTE 'WITH batch AS MATERIALIZED (SELECT ' || keys || %[2]s || ' WHERE ' || key || ' <= ' || last || coalesce(' AND ' || key || ' > ' || high, '')
            || ' ORDER BY ' || keys || ' LIMIT %[3]d) SELECT (SELECT ' || value || ' FROM batch ORDER BY ' || keys || ' LIMIT 1), (SELECT '
            || value || ' FROM batch ORDER BY ' || back || ' LIMIT 1)' INTO low, high;
        EXIT WHEN high IS NULL;
        EXECUTE %[4]s;
        COMMIT;
        EXIT WHEN high = last;
        PERFORM pg_sleep(extract(epoch FROM clock_timestamp() - began) / 2);
    END LOOP;
END
`
