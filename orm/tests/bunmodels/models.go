// Package bunmodels has the platform's schema as bun models. What bun has no
// tags for is in the hooks.
package bunmodels

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	bunddl "github.com/aludel-db/aludel/orm/bun"
)

// execute runs statements that need no more than bun's own.
func execute(ctx context.Context, query *bun.CreateTableQuery, statements ...string) error {
	for _, sql := range statements {
		if _, err := query.DB().ExecContext(ctx, sql); err != nil {
			return err
		}
	}
	return nil
}

// User runs experiments.
type User struct {
	bun.BaseModel `bun:"table:users,alias:u"`

	ID          int64     `bun:",pk,type:bigint GENERATED ALWAYS AS IDENTITY"`
	Email       string    `bun:"type:text,notnull"`
	DisplayName string    `bun:"type:text,notnull"`
	ManagerID   *int64    //
	Manager     *User     `bun:"rel:belongs-to,join:manager_id=id,on_delete:SET NULL"`
	IsActive    bool      `bun:",notnull,default:true"`
	CreatedAt   time.Time `bun:",notnull,default:now()"`
}

// BeforeCreateTable adds what belongs into the table.
func (*User) BeforeCreateTable(_ context.Context, query *bun.CreateTableQuery) error {
	query.ColumnExpr("CONSTRAINT users_email_check CHECK (position('@' IN email) > 1)")
	return nil
}

// AfterCreateTable adds an index and comments.
func (*User) AfterCreateTable(ctx context.Context, query *bun.CreateTableQuery) error {
	_, err := query.DB().NewCreateIndex().Model((*User)(nil)).Unique().IfNotExists().
		Index("users_lower_email_idx").ColumnExpr("lower(email)").Exec(ctx)
	if err != nil {
		return err
	}
	return execute(ctx, query,
		"COMMENT ON TABLE users IS 'People who run experiments'",
		"COMMENT ON INDEX users_lower_email_idx IS 'Nobody twice, however it is spelled'")
}

// Team has members.
type Team struct {
	ID      int64  `bun:",pk,type:bigint GENERATED ALWAYS AS IDENTITY"`
	Name    string `bun:"type:text,notnull,unique"`
	Members []User `bun:"m2m:team_members,join:Team=User"`
}

// TeamMember is the join of these.
type TeamMember struct {
	TeamID int64 `bun:",pk"`
	Team   *Team `bun:"rel:belongs-to,join:team_id=id,on_delete:CASCADE"`
	UserID int64 `bun:",pk"`
	User   *User `bun:"rel:belongs-to,join:user_id=id,on_delete:CASCADE"`
}

// Experiment and Variant refer to each other.
type Experiment struct {
	ID             int64          `bun:",pk,type:bigint GENERATED ALWAYS AS IDENTITY"`
	OwnerID        int64          `bun:",notnull"`
	Owner          *User          `bun:"rel:belongs-to,join:owner_id=id"`
	Name           string         `bun:"type:text,notnull"`
	Hypothesis     string         `bun:"type:text,notnull,default:''"`
	Status         string         `bun:"type:experiment_status,notnull,default:'draft'"`
	TrafficPercent float64        `bun:"type:numeric(5,2),notnull,default:100"`
	Labels         []string       `bun:"type:text[],notnull,default:'{}'"`
	Settings       map[string]any `bun:",notnull,default:'{}'"`
	WinnerID       *int64         //
	Winner         *Variant       `bun:"rel:belongs-to,join:winner_id=id,on_delete:SET NULL"`
	StartsAt       *time.Time     //
	EndsAt         *time.Time     //
	Tags           []Tag          `bun:"m2m:experiment_tags,join:Experiment=Tag"`
}

// BeforeCreateTable adds what belongs into the table.
func (*Experiment) BeforeCreateTable(_ context.Context, query *bun.CreateTableQuery) error {
	query.ColumnExpr("CONSTRAINT experiments_name_check CHECK (btrim(name) <> '')").
		ColumnExpr("CONSTRAINT experiments_traffic_percent_check CHECK (traffic_percent BETWEEN 0 AND 100)").
		ColumnExpr("CONSTRAINT experiments_schedule_check CHECK (ends_at > starts_at)")
	return nil
}

// AfterCreateTable adds indexes and a comment.
func (*Experiment) AfterCreateTable(ctx context.Context, query *bun.CreateTableQuery) error {
	return execute(ctx, query,
		"CREATE INDEX experiments_owner_id_idx ON experiments (owner_id, starts_at DESC)",
		"CREATE INDEX experiments_running_idx ON experiments (name) WHERE status = 'running'",
		"CREATE INDEX CONCURRENTLY experiments_labels_idx ON experiments USING gin (labels)",
		"COMMENT ON COLUMN experiments.traffic_percent IS 'Share of all subjects that takes part, 0 to 100%'")
}

// Variant is one of an experiment's.
type Variant struct {
	ID           int64          `bun:",pk,type:bigint GENERATED ALWAYS AS IDENTITY,unique:variants_experiment_id_id_key"`
	ExperimentID int64          `bun:",notnull,unique:variants_experiment_id_name_key,unique:variants_experiment_id_id_key"`
	Experiment   *Experiment    `bun:"rel:belongs-to,join:experiment_id=id,on_delete:CASCADE"`
	Name         string         `bun:"type:text,notnull,unique:variants_experiment_id_name_key"`
	IsControl    bool           `bun:",notnull,default:false"`
	Weight       int32          `bun:",notnull"`
	Parameters   map[string]any `bun:",notnull,default:'{}'"`
	Label        string         `bun:",scanonly"`
}

// BeforeCreateTable adds what belongs into the table: a column that is only
// read, too, which bun leaves out.
func (*Variant) BeforeCreateTable(_ context.Context, query *bun.CreateTableQuery) error {
	query.ColumnExpr("label text GENERATED ALWAYS AS (upper(name)) STORED").
		ColumnExpr("CONSTRAINT variants_weight_check CHECK (weight >= 0)")
	return nil
}

// AfterCreateTable adds an index and a comment.
func (*Variant) AfterCreateTable(ctx context.Context, query *bun.CreateTableQuery) error {
	return execute(ctx, query,
		"CREATE UNIQUE INDEX variants_one_control_idx ON variants (experiment_id) WHERE is_control",
		"COMMENT ON COLUMN variants.weight IS 'Share of the experiment''s traffic, relative to the other variants'")
}

// Tag has a length.
type Tag struct {
	ID   int64  `bun:",pk,type:bigint GENERATED ALWAYS AS IDENTITY"`
	Name string `bun:"type:varchar(40),notnull,unique"`
}

// ExperimentTag is a join table with a column of its own.
type ExperimentTag struct {
	ExperimentID int64       `bun:",pk"`
	Experiment   *Experiment `bun:"rel:belongs-to,join:experiment_id=id,on_delete:CASCADE"`
	TagID        int64       `bun:",pk"`
	Tag          *Tag        `bun:"rel:belongs-to,join:tag_id=id,on_delete:CASCADE"`
	AddedAt      time.Time   `bun:",notnull,default:now()"`
}

// Assignment has a foreign key of two columns.
type Assignment struct {
	ID           int64     `bun:",pk,type:bigint GENERATED ALWAYS AS IDENTITY"`
	ExperimentID int64     `bun:",notnull,unique:assignments_experiment_id_subject_id_key"`
	VariantID    int64     `bun:",notnull"`
	Variant      *Variant  `bun:"rel:belongs-to,join:experiment_id=experiment_id,join:variant_id=id"`
	SubjectID    string    `bun:"type:text,notnull,unique:assignments_experiment_id_subject_id_key"`
	AssignedAt   time.Time `bun:",notnull,default:now()"`
}

// AfterCreateTable adds a comment.
func (*Assignment) AfterCreateTable(ctx context.Context, query *bun.CreateTableQuery) error {
	return execute(ctx, query, "COMMENT ON TABLE assignments IS 'Which variant a subject sees; never changed once made'")
}

// FeatureFlag may follow an experiment. Its foreign key is a hook's.
type FeatureFlag struct {
	ID             int64   `bun:",pk,type:bigint GENERATED ALWAYS AS IDENTITY"`
	Key            string  `bun:"type:text,notnull,unique"`
	ExperimentID   *int64  //
	RolloutPercent float64 `bun:"type:numeric(5,2),notnull,default:0"`
}

// BeforeCreateTable adds what belongs into the table.
func (*FeatureFlag) BeforeCreateTable(_ context.Context, query *bun.CreateTableQuery) error {
	query.ColumnExpr("CONSTRAINT feature_flags_key_check CHECK (key ~ '^[a-z0-9]+(-[a-z0-9]+)*$')").
		ForeignKey("(experiment_id) REFERENCES experiments (id) ON DELETE SET NULL")
	return nil
}

// AfterCreateTable adds an index.
func (*FeatureFlag) AfterCreateTable(ctx context.Context, query *bun.CreateTableQuery) error {
	_, err := query.DB().NewCreateIndex().Model((*FeatureFlag)(nil)).
		Index("feature_flags_experiment_id_idx").Column("experiment_id").Where("experiment_id IS NOT NULL").Exec(ctx)
	return err
}

// Entry is in a schema of its own.
type Entry struct {
	bun.BaseModel `bun:"table:audit.entries"`

	ID         int64          `bun:",pk,autoincrement"`
	ActorID    *int64         //
	Actor      *User          `bun:"rel:belongs-to,join:actor_id=id"`
	Action     string         `bun:"type:varchar(40),notnull"`
	Address    *string        `bun:"type:inet"`
	Details    map[string]any //
	HappenedAt time.Time      `bun:",notnull"`
}

// AfterCreateTable adds an index.
func (*Entry) AfterCreateTable(ctx context.Context, query *bun.CreateTableQuery) error {
	_, err := query.DB().NewCreateIndex().Model((*Entry)(nil)).
		Index("entries_happened_at_idx").Using("brin").Column("happened_at").Exec(ctx)
	return err
}

// All are the models, in no useful order.
func All() []any {
	return []any{
		(*Assignment)(nil), (*Team)(nil), (*Experiment)(nil), (*Variant)(nil), (*FeatureFlag)(nil),
		(*Entry)(nil), (*ExperimentTag)(nil), (*TeamMember)(nil), (*Tag)(nil), (*User)(nil),
	}
}

// Options make the type.
func Options() bunddl.Options {
	return bunddl.Options{PreSQL: `
		CREATE TYPE experiment_status AS ENUM ('draft', 'running', 'completed');
		COMMENT ON TYPE experiment_status IS 'Where an experiment stands in its life, in order';`}
}
