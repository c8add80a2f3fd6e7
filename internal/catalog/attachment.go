package catalog

import "slices"

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
		func(row *row) error {
			var child, parent uint32
			var bound string
			if err := row.scan(&child, &parent, &bound); err != nil {
				return err
			}
			table, isTable := r.relations[child].(*Table)
			above, known := r.relations[parent]
			if !isTable || !known {
				return nil
			}
			id := table.ID.As(KindAttachment)
			a, ok := r.catalog.Get(id).(*Attachment)
			if !ok {
				a = &Attachment{Common: Common{ID: id}, Bound: bound}
				r.catalog.put(a)
				r.needsOwn(a)
			}
			a.Parents = append(a.Parents, above.Base().ID)
			return nil
		},
	}}
}

// Parents are the tables above one, nil where it stands by itself.
func (c *Catalog) Parents(table ID) []ID {
	if a, ok := c.Get(table.As(KindAttachment)).(*Attachment); ok {
		return a.Parents
	}
	return nil
}

// joinAttachments adds what each attachment needs: both tables with all their
// columns, and the checks that the table above demands.
func (r *reader) joinAttachments() {
	var attachments []*Attachment
	parts := map[ID][]ID{} // columns and checks, by the table
	for _, o := range r.catalog.objects {
		if a, ok := o.(*Attachment); ok {
			attachments = append(attachments, a)
			parts[a.ID.As(KindTable)] = nil
			for _, parent := range a.Parents {
				parts[parent] = nil
			}
		}
	}
	if len(attachments) == 0 {
		return
	}
	for _, o := range r.catalog.objects {
		id := o.Base().ID
		k, isConstraint := o.(*Constraint)
		if _, isColumn := o.(*Column); !isColumn && (!isConstraint || k.Type != Check) {
			continue
		}
		table := id.As(KindTable)
		if _, attached := parts[table]; !attached {
			continue
		}
		parts[table] = append(parts[table], id)
		for _, parent := range r.catalog.Parents(id) {
			above := parent.With(KindConstraint, id.Sub())
			if isConstraint && k.Inherited && r.catalog.Get(above) != nil {
				k.Above = above
			}
		}
	}
	for _, a := range attachments {
		a.Needs = append(a.Needs, parts[a.ID.As(KindTable)]...)
		for _, parent := range a.Parents {
			a.Needs = append(a.Needs, parent)
			for _, id := range parts[parent] {
				if id.Kind() == KindColumn {
					a.Needs = append(a.Needs, id)
				}
			}
		}
		slices.SortFunc(a.Needs, ID.Compare)
		a.Needs = slices.Compact(a.Needs)
	}
}
