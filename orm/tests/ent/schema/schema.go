// Package schema has the platform's schema as ent has it. There is no audit:
// with a table in a second schema, ent's command writes a CREATE SCHEMA without
// a name.
package schema

import (
	"time"

	"entgo.io/ent"
	"entgo.io/ent/dialect"
	"entgo.io/ent/dialect/entsql"
	entschema "entgo.io/ent/schema"
	"entgo.io/ent/schema/edge"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"
)

func id() ent.Field { return field.Int64("id") }

func is(postgres string) map[string]string { return map[string]string{dialect.Postgres: postgres} }

func now(name string) ent.Field {
	return field.Time(name).Default(time.Now).Annotations(entsql.DefaultExpr("now()"))
}

// to is an edge to another table, whose key is this table's column.
func to(name string, typ any, column, symbol string, required bool, onDelete entsql.ReferenceOption) ent.Edge {
	e := edge.To(name, typ).Unique().Field(column).StorageKey(edge.Symbol(symbol)).Annotations(entsql.OnDelete(onDelete))
	if required {
		e = e.Required()
	}
	return e
}

// User runs experiments.
type User struct{ ent.Schema }

// Fields are the columns.
func (User) Fields() []ent.Field {
	return []ent.Field{
		id(), field.Text("email"), field.Text("display_name"),
		field.Int64("manager_id").Optional().Nillable(),
		field.Bool("is_active").Default(true),
		now("created_at"),
	}
}

// Edges are the foreign keys.
func (User) Edges() []ent.Edge {
	return []ent.Edge{
		edge.To("reports", User.Type).Annotations(entsql.OnDelete(entsql.SetNull)).StorageKey(edge.Symbol("users_manager_id_fkey")),
		edge.From("manager", User.Type).Ref("reports").Unique().Field("manager_id"),
		edge.From("teams", Team.Type).Ref("members"),
	}
}

// Annotations are the rest.
func (User) Annotations() []entschema.Annotation {
	return []entschema.Annotation{
		entschema.Comment("People who run experiments"), entsql.WithComments(true),
		entsql.Checks(map[string]string{"users_email_check": "position('@' IN email) > 1"}),
	}
}

// Team has members.
type Team struct{ ent.Schema }

// Fields are the columns.
func (Team) Fields() []ent.Field { return []ent.Field{id(), field.Text("name").Unique()} }

// Edges are the foreign keys.
func (Team) Edges() []ent.Edge {
	return []ent.Edge{
		edge.To("members", User.Type).StorageKey(
			edge.Table("team_members"), edge.Columns("team_id", "user_id"), edge.Symbols("team_members_team_id_fkey", "team_members_user_id_fkey")),
	}
}

// Experiment and Variant refer to each other.
type Experiment struct{ ent.Schema }

// Fields are the columns.
func (Experiment) Fields() []ent.Field {
	return []ent.Field{
		id(), field.Int64("owner_id"), field.Text("name"), field.Text("hypothesis").Default(""),
		field.Enum("status").Values("draft", "running", "completed").Default("draft").SchemaType(is("experiment_status")),
		field.Float("traffic_percent").Default(100).SchemaType(is("numeric(5,2)")).
			Comment("Share of all subjects that takes part, 0 to 100%"),
		field.Strings("labels").SchemaType(is("text[]")).Annotations(entsql.Default("{}")),
		field.JSON("settings", map[string]any{}).Annotations(entsql.Default("{}")),
		field.Int64("winner_id").Optional().Nillable(),
		field.Time("starts_at").Optional().Nillable(),
		field.Time("ends_at").Optional().Nillable(),
	}
}

// Edges are the foreign keys.
func (Experiment) Edges() []ent.Edge {
	return []ent.Edge{
		to("owner", User.Type, "owner_id", "experiments_owner_id_fkey", true, entsql.NoAction),
		to("winner", Variant.Type, "winner_id", "experiments_winner_id_fkey", false, entsql.SetNull),
		edge.To("tags", Tag.Type).Through("experiment_tags", ExperimentTag.Type),
	}
}

// Indexes are the indexes.
func (Experiment) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("owner_id", "starts_at").StorageKey("experiments_owner_id_idx").Annotations(entsql.DescColumns("starts_at")),
		index.Fields("name").StorageKey("experiments_running_idx").Annotations(entsql.IndexWhere("status = 'running'")),
		index.Fields("labels").StorageKey("experiments_labels_idx").Annotations(entsql.IndexType("GIN")),
	}
}

// Annotations are the rest.
func (Experiment) Annotations() []entschema.Annotation {
	return []entschema.Annotation{entsql.WithComments(true), entsql.Checks(map[string]string{
		"experiments_name_check":            "btrim(name) <> ''",
		"experiments_traffic_percent_check": "traffic_percent BETWEEN 0 AND 100",
		"experiments_schedule_check":        "ends_at > starts_at",
	})}
}

// Variant is one of an experiment's.
type Variant struct{ ent.Schema }

// Fields are the columns.
func (Variant) Fields() []ent.Field {
	return []ent.Field{
		id(), field.Int64("experiment_id"), field.Text("name"), field.Bool("is_control").Default(false),
		field.Int32("weight").Comment("Share of the experiment's traffic, relative to the other variants"),
		field.JSON("parameters", map[string]any{}).Annotations(entsql.Default("{}")),
		field.Text("label").Optional().SchemaType(is("text")),
	}
}

// Edges are the foreign keys.
func (Variant) Edges() []ent.Edge {
	return []ent.Edge{to("experiment", Experiment.Type, "experiment_id", "variants_experiment_id_fkey", true, entsql.Cascade)}
}

// Indexes are the indexes.
func (Variant) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("experiment_id", "name").Unique().StorageKey("variants_experiment_id_name_key"),
		index.Fields("experiment_id", "id").Unique().StorageKey("variants_experiment_id_id_key"),
		index.Fields("experiment_id").Unique().StorageKey("variants_one_control_idx").Annotations(entsql.IndexWhere("is_control")),
	}
}

// Annotations are the rest.
func (Variant) Annotations() []entschema.Annotation {
	return []entschema.Annotation{entsql.WithComments(true), entsql.Checks(map[string]string{"variants_weight_check": "weight >= 0"})}
}

// Tag has a length.
type Tag struct{ ent.Schema }

// Fields are the columns.
func (Tag) Fields() []ent.Field {
	return []ent.Field{id(), field.String("name").Unique().SchemaType(is("varchar(40)"))}
}

// Edges make it many to many.
func (Tag) Edges() []ent.Edge {
	return []ent.Edge{edge.From("experiments", Experiment.Type).Ref("tags").Through("experiment_tags", ExperimentTag.Type)}
}

// ExperimentTag is a join table with a column of its own.
type ExperimentTag struct{ ent.Schema }

// Fields are the columns.
func (ExperimentTag) Fields() []ent.Field {
	return []ent.Field{field.Int64("experiment_id"), field.Int64("tag_id"), now("added_at")}
}

// Edges are the foreign keys.
func (ExperimentTag) Edges() []ent.Edge {
	return []ent.Edge{
		to("experiment", Experiment.Type, "experiment_id", "experiment_tags_experiment_id_fkey", true, entsql.Cascade),
		to("tag", Tag.Type, "tag_id", "experiment_tags_tag_id_fkey", true, entsql.Cascade),
	}
}

// Annotations are the rest.
func (ExperimentTag) Annotations() []entschema.Annotation {
	return []entschema.Annotation{field.ID("experiment_id", "tag_id"), entsql.Table("experiment_tags")}
}

// Assignment lacks its foreign key: ent has none of two columns.
type Assignment struct{ ent.Schema }

// Fields are the columns.
func (Assignment) Fields() []ent.Field {
	return []ent.Field{id(), field.Int64("experiment_id"), field.Int64("variant_id"), field.Text("subject_id"), now("assigned_at")}
}

// Indexes are the indexes.
func (Assignment) Indexes() []ent.Index {
	return []ent.Index{index.Fields("experiment_id", "subject_id").Unique().StorageKey("assignments_experiment_id_subject_id_key")}
}

// Annotations are the rest.
func (Assignment) Annotations() []entschema.Annotation {
	return []entschema.Annotation{entschema.Comment("Which variant a subject sees; never changed once made"), entsql.WithComments(true)}
}

// FeatureFlag may follow an experiment.
type FeatureFlag struct{ ent.Schema }

// Fields are the columns.
func (FeatureFlag) Fields() []ent.Field {
	return []ent.Field{
		id(), field.Text("key").Unique(), field.Int64("experiment_id").Optional().Nillable(),
		field.Float("rollout_percent").Default(0).SchemaType(is("numeric(5,2)")),
	}
}

// Edges are the foreign keys.
func (FeatureFlag) Edges() []ent.Edge {
	return []ent.Edge{to("experiment", Experiment.Type, "experiment_id", "feature_flags_experiment_id_fkey", false, entsql.SetNull)}
}

// Indexes are the indexes.
func (FeatureFlag) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("experiment_id").StorageKey("feature_flags_experiment_id_idx").Annotations(entsql.IndexWhere("experiment_id IS NOT NULL")),
	}
}

// Annotations are the rest.
func (FeatureFlag) Annotations() []entschema.Annotation {
	return []entschema.Annotation{entsql.Checks(map[string]string{"feature_flags_key_check": "key ~ '^[a-z0-9]+(-[a-z0-9]+)*$'"})}
}
