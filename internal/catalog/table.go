package catalog

import (
	"slices"
	"strings"
)

// A Table is an ordinary, a partitioned or a foreign table.
type Table struct {
	Common
	Unlogged bool
	// PartitionKey is that of a partitioned table: RANGE (created_at).
	PartitionKey string
	// KeyColumns are those that it speaks of.
	KeyColumns []string
	OfType     string // of a typed table
	// Options are storage parameters, name=value, sorted; those of the TOAST
	// table begin with "toast.".
	Options      Parameters
	AccessMethod string // empty: heap
	Tablespace   string // empty: the database's
	// ReplicaIdentity is DEFAULT, NOTHING, FULL, or USING INDEX with a name.
	ReplicaIdentity string
	ClusterOn       string // an index
	// RowSecurity and ForceRowSecurity are those of ALTER TABLE … ROW LEVEL
	// SECURITY.
	RowSecurity, ForceRowSecurity bool
	Server                        string   // of a foreign table
	ForeignOptions                []string // name=value, as they stand
}

func (r *reader) tables() []query {
	return []query{
		{
			"tables", `SELECT c.oid, c.reltype, n.nspname::text, c.relname::text, pg_catalog.pg_get_userbyid(c.relowner)::text,
  coalesce(c.relacl, pg_catalog.acldefault('r', c.relowner))::text[], c.relpersistence = 'u',
  CASE WHEN c.relkind = 'p' THEN pg_catalog.pg_get_partkeydef(c.oid) ELSE '' END,
  CASE WHEN c.relkind = 'p' THEN (SELECT pg_catalog.array_agg(DISTINCT ka.attname::text) FROM pg_catalog.pg_attribute ka WHERE ka.attrelid = c.oid AND ka.attnum > 0
    AND (ka.attnum = ANY ((SELECT pt.partattrs FROM pg_catalog.pg_partitioned_table pt WHERE pt.partrelid = c.oid)::pg_catalog.int2[])
      OR EXISTS (SELECT FROM pg_catalog.pg_depend kd WHERE kd.classid = 1259 AND kd.objid = c.oid AND kd.objsubid = 0 AND kd.refclassid = 1259 AND kd.refobjid = c.oid AND kd.refobjsubid = ka.attnum))) END,
  CASE WHEN c.reloftype <> 0 THEN pg_catalog.format_type(c.reloftype, NULL) ELSE '' END,
  coalesce(c.reloptions, '{}'), coalesce(toast.reloptions, '{}'), CASE WHEN am.amname = 'heap' THEN '' ELSE coalesce(am.amname::text, '') END, coalesce(ts.spcname::text, ''),
  c.relreplident::text, coalesce((SELECT ic.relname::text FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class ic ON ic.oid = i.indexrelid WHERE i.indrelid = c.oid AND i.indisreplident), ''),
  coalesce((SELECT ic.relname::text FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class ic ON ic.oid = i.indexrelid WHERE i.indrelid = c.oid AND i.indisclustered), ''),
  c.relrowsecurity, c.relforcerowsecurity, coalesce(fs.srvname::text, ''), coalesce(ft.ftoptions, '{}')
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_class toast ON toast.oid = c.reltoastrelid LEFT JOIN pg_catalog.pg_am am ON am.oid = c.relam
LEFT JOIN pg_catalog.pg_tablespace ts ON ts.oid = c.reltablespace
LEFT JOIN pg_catalog.pg_foreign_table ft ON ft.ftrelid = c.oid LEFT JOIN pg_catalog.pg_foreign_server fs ON fs.oid = ft.ftserver
WHERE c.relkind IN ('r', 'p', 'f') AND c.relpersistence <> 't' AND n.nspname` + userSchemas + `AND` + notMember("pg_class", "c.oid") + r.picked("c.oid"),
			func(row *row) error {
				t := &Table{}
				var oid, rowType uint32
				var acl, options, toast []string
				var identity, index string
				var at named
				if err := row.scan(&oid, &rowType, &at.schema, &at.name, &t.Owner, &acl, &t.Unlogged, &t.PartitionKey, &t.KeyColumns, &t.OfType,
					&options, &toast, &t.AccessMethod, &t.Tablespace, &identity, &index, &t.ClusterOn, &t.RowSecurity, &t.ForceRowSecurity,
					&t.Server, &t.ForeignOptions); err != nil {
					return err
				}
				t.ID, t.Grants = at.id(KindTable), grants(acl)
				t.Options = storageOptions(options, toast)
				slices.Sort(t.ForeignOptions)
				t.ReplicaIdentity = replicaIdentity(identity, index)
				if t.Server != "" { // which has none, though its column says so
					t.ReplicaIdentity = "DEFAULT"
				}
				r.add(t, classClass, oid)
				r.alias(classType, rowType, t)
				return nil
			},
		},
		{
			"array types of rows", `SELECT a.oid, a.typelem FROM pg_catalog.pg_type a JOIN pg_catalog.pg_type e ON e.typarray = a.oid WHERE e.typrelid <> 0 AND a.oid >= 16384` + r.picked("e.typrelid"),
			func(row *row) error {
				var array, element uint32
				err := row.scan(&array, &element)
				if o := r.resolve(addressOf(classType, element, 0)); o != nil {
					r.alias(classType, array, o)
				}
				return err
			},
		},
	}
}

func replicaIdentity(letter, index string) string {
	return map[string]string{"d": "DEFAULT", "n": "NOTHING", "f": "FULL", "i": index}[letter]
}

// Parameters are those of storage, or a view's, as they were written, sorted.
type Parameters []string

// Equal compares them by what they mean: on, true and yes are the same.
func (p Parameters) Equal(other Parameters) bool {
	return slices.EqualFunc(p, other, func(a, b string) bool { return normalOption(a) == normalOption(b) })
}

func storageOptions(options, toast []string) Parameters {
	var all Parameters
	all = append(all, options...)
	for _, o := range toast {
		all = append(all, "toast."+o)
	}
	slices.Sort(all)
	return all
}

func normalOption(option string) string {
	name, value, _ := strings.Cut(option, "=")
	switch strings.ToLower(value) {
	case "on", "true", "yes":
		value = "true"
	case "off", "false", "no":
		value = "false"
	}
	return name + "=" + value
}
