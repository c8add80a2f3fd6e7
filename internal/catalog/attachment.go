package catalog

import "github.com/jackc/pgx/v5"

// An Attachment is what makes a table a partition, or has it inherit from
// others. Its ID is its table's, of another kind.
type Attachment struct {
	Common
	// Parents are those above, in their order; of a partition one.
	Parents []ID
	// Bound is that of a partition: FOR VALUES IN (1), DEFAULT.
	Bound string
}

// IsPartition tells a partition from a table that inherits.
func (a *Attachment) IsPartition() bool { return a.Bound != "" }

func (r *reader) attachments() []query {
	return []query{{
		"attachments", `SELECT i.inhrelid, i.inhparent, CASE WHEN c.relispartition THEN pg_catalog.pg_get_expr(c.relpartbound, c.oid) ELSE '' END
FROM pg_catalog.pg_inherits i JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid WHERE c.relkind IN ('r', 'p', 'f') ORDER BY i.inhrelid, i.inhseqno`,
		func(rows pgx.Rows) error {
			var child, parent uint32
			var bound string
			if err := rows.Scan(&child, &parent, &bound); err != nil {
				return err
			}
			table, isTable := r.relations[child].(*Table)
			above, known := r.relations[parent]
			if !isTable || !known {
				return nil
			}
			id := ID{Kind: KindAttachment, Schema: table.ID.Schema, Name: table.ID.Name}
			a, ok := r.catalog.objects[id].(*Attachment)
			if !ok {
				a = &Attachment{Common: Common{ID: id}, Bound: bound}
				r.catalog.objects[id] = a
			}
			a.Parents = append(a.Parents, above.Base().ID)
			return nil
		},
	}}
}

// Parents are the tables above one, nil where it stands by itself.
func (c *Catalog) Parents(table ID) []ID {
	if a, ok := c.objects[ID{Kind: KindAttachment, Schema: table.Schema, Name: table.Name}].(*Attachment); ok {
		return a.Parents
	}
	return nil
}

// joinAttachments adds what each attachment needs: both tables with all their
// columns, and the checks that the table above demands.
func (r *reader) joinAttachments() {
	byTable := map[[2]string][]ID{}
	for id, o := range r.catalog.objects {
		if _, isColumn := o.(*Column); isColumn {
			byTable[[2]string{id.Schema, id.Name}] = append(byTable[[2]string{id.Schema, id.Name}], id)
		}
		if k, ok := o.(*Constraint); ok && k.Type == Check {
			byTable[[2]string{id.Schema, id.Name}] = append(byTable[[2]string{id.Schema, id.Name}], id)
			for _, parent := range r.catalog.Parents(id) {
				above := ID{Kind: KindConstraint, Schema: parent.Schema, Name: parent.Name, Sub: id.Sub}
				if k.Inherited && r.catalog.objects[above] != nil {
					k.Above = above
				}
			}
		}
	}
	for _, o := range r.catalog.objects {
		a, ok := o.(*Attachment)
		if !ok {
			continue
		}
		a.Needs = append(a.Needs, byTable[[2]string{a.ID.Schema, a.ID.Name}]...)
		for _, parent := range a.Parents {
			a.Needs = append(a.Needs, parent)
			for _, id := range byTable[[2]string{parent.Schema, parent.Name}] {
				if id.Kind == KindColumn {
					a.Needs = append(a.Needs, id)
				}
			}
		}
	}
}
