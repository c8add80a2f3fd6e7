package ddl

import (
	"slices"
	"strconv"
	"strings"

	"github.com/aludel-db/aludel/internal/catalog"
)

func (w *writer) createView(v *catalog.View) {
	query := strings.TrimSuffix(strings.TrimSpace(v.Query), ";")
	if !v.Materialized {
		w.add("CREATE VIEW " + qualified(v.ID.Schema(), v.ID.Name()) + viewOptions(v) + " AS\n" + query)
	} else {
		sql := "CREATE MATERIALIZED VIEW " + qualified(v.ID.Schema(), v.ID.Name())
		if v.AccessMethod != "" {
			sql += " USING " + ident(v.AccessMethod)
		}
		sql += viewOptions(v)
		if v.Tablespace != "" {
			sql += " TABLESPACE " + ident(v.Tablespace)
		}
		sql += " AS\n" + query
		if !v.Populated {
			sql += "\nWITH NO DATA"
		}
		w.add(sql)
		if v.ClusterOn != "" {
			w.later("ALTER "+name(v)+" CLUSTER ON "+ident(v.ClusterOn), ShareUpdateExclusive, v.ID)
		}
		w.replicaIdentity(&catalog.View{ReplicaIdentity: "DEFAULT"}, v)
	}
	w.viewColumns(&catalog.View{}, v)
}

func viewOptions(v *catalog.View) string {
	if len(v.Options) == 0 {
		return ""
	}
	return " WITH (" + strings.Join(v.Options, ", ") + ")"
}

// replicaIdentity says by what the rows of a materialized view are known. An
// index for that is made after the view.
func (w *writer) replicaIdentity(from, to *catalog.View) {
	if from.ReplicaIdentity == to.ReplicaIdentity {
		return
	}
	sql := "ALTER TABLE " + qualified(to.ID.Schema(), to.ID.Name()) + " REPLICA IDENTITY "
	switch to.ReplicaIdentity {
	case "DEFAULT", "NOTHING", "FULL":
		w.later(sql+to.ReplicaIdentity, AccessExclusive, to.ID)
	default:
		w.later(sql+"USING INDEX "+ident(to.ReplicaIdentity), AccessExclusive, to.ID)
	}
}

// viewColumns writes what columns were given besides the query.
func (w *writer) viewColumns(from, to *catalog.View) {
	before := map[string]catalog.ViewColumn{}
	for _, c := range from.Columns {
		before[c.Name] = c
	}
	for _, c := range to.Columns {
		old, had := before[c.Name]
		if !had {
			old.Statistics = -1
		}
		column := qualified(to.ID.Schema(), to.ID.Name()) + "." + ident(c.Name)
		alter := "ALTER " + name(to) + " ALTER COLUMN " + ident(c.Name) + " "
		switch {
		case old.Default == c.Default:
		case c.Default == "":
			w.add(alter + "DROP DEFAULT")
		default:
			w.add(alter + "SET DEFAULT " + c.Default)
		}
		switch {
		case old.Comment == c.Comment:
		case c.Comment == "":
			w.add("COMMENT ON COLUMN " + column + " IS NULL")
			w.lock(ShareUpdateExclusive, to.ID)
		default:
			w.add("COMMENT ON COLUMN " + column + " IS " + literal(c.Comment))
			w.lock(ShareUpdateExclusive, to.ID)
		}
		if old.Statistics != c.Statistics {
			w.add(alter + "SET STATISTICS " + strconv.Itoa(c.Statistics))
			w.lock(ShareUpdateExclusive, to.ID)
		}
		if old.Storage != c.Storage {
			w.add(alter + "SET STORAGE " + orDefault(c.Storage, c.TypeStorage))
		}
		if old.Compression != c.Compression {
			w.add(alter + "SET COMPRESSION " + orDefault(c.Compression, "default"))
		}
		w.storage(ShareUpdateExclusive, to.ID, strings.TrimSpace(alter), old.Options, c.Options)
	}
}

// viewColumnPrivileges writes those on a view's columns, after the view's own:
// REVOKE on the view takes them away too.
func (w *writer) viewColumnPrivileges(from, to *catalog.View) {
	before := map[string][]catalog.Grant{}
	for _, c := range from.Columns {
		before[c.Name] = slices.DeleteFunc(slices.Clone(c.Grants), revoked(from.Grants, to.Grants))
	}
	for _, c := range to.Columns {
		if !slices.Equal(before[c.Name], c.Grants) {
			w.grantsOn("TABLE "+qualified(to.ID.Schema(), to.ID.Name()), "("+ident(c.Name)+")", "CURRENT_USER", before[c.Name], c.Grants)
		}
	}
}

func (w *writer) alterView(from, to *catalog.View) {
	alter := "ALTER " + name(to)
	if from.Query != to.Query && !to.Materialized {
		w.add("CREATE OR REPLACE VIEW " + qualified(to.ID.Schema(), to.ID.Name()) + viewOptions(to) + " AS\n" + strings.TrimSuffix(strings.TrimSpace(to.Query), ";"))
	} else {
		mode := AccessExclusive
		if to.Materialized {
			mode = ShareUpdateExclusive
		}
		w.storage(mode, to.ID, alter, from.Options, to.Options)
	}
	if from.AccessMethod != to.AccessMethod {
		w.add(alter + " SET ACCESS METHOD " + ident(orDefault(to.AccessMethod, "heap")))
	}
	if from.Tablespace != to.Tablespace {
		w.add(alter + " SET TABLESPACE " + ident(orDefault(to.Tablespace, "pg_default")))
	}
	switch {
	case from.ClusterOn == to.ClusterOn:
	case to.ClusterOn == "":
		w.add(alter + " SET WITHOUT CLUSTER")
		w.lock(ShareUpdateExclusive, to.ID)
	default:
		w.later(alter+" CLUSTER ON "+ident(to.ClusterOn), ShareUpdateExclusive, to.ID)
	}
	if from.Populated != to.Populated {
		w.add("REFRESH MATERIALIZED VIEW " + qualified(to.ID.Schema(), to.ID.Name()) + map[bool]string{true: "", false: " WITH NO DATA"}[to.Populated])
	}
	if to.Materialized {
		w.replicaIdentity(from, to)
	}
	w.viewColumns(from, to)
}
