// Package gormmodels has the platform's schema as GORM models.
package gormmodels

import (
	"strings"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	gormddl "github.com/aludel-db/aludel/orm/gorm"
)

// User runs experiments.
type User struct {
	ID          int64     `gorm:"primaryKey;generated:identity always"`
	Email       string    `gorm:"not null;check:position('@' IN email) > 1;uniqueIndex:users_lower_email_idx,expression:lower(email),comment:Nobody twice"`
	DisplayName string    `gorm:"not null"`
	ManagerID   *int64    //
	Manager     *User     `gorm:"constraint:OnDelete:SET NULL"`
	IsActive    bool      `gorm:"not null;default:true"`
	CreatedAt   time.Time `gorm:"not null;default:now()"`
}

// Team has its members in a table that GORM makes up.
type Team struct {
	ID      int64  `gorm:"primaryKey;generated:identity always"`
	Name    string `gorm:"not null;unique"`
	Members []User `gorm:"many2many:team_members;constraint:OnDelete:CASCADE"`
}

// Status is an enum in the database.
type Status string

// Experiment and Variant refer to each other.
type Experiment struct {
	ID             int64          `gorm:"primaryKey;generated:identity always"`
	OwnerID        int64          `gorm:"not null;index:experiments_owner_id_idx"`
	Owner          User           //
	Name           string         `gorm:"not null;check:btrim(name) <> '';index:experiments_running_idx,where:status = 'running'"`
	Hypothesis     string         `gorm:"not null;default:''"`
	Status         Status         `gorm:"type:experiment_status;not null;default:draft"`
	TrafficPercent float64        `gorm:"type:numeric(5,2);not null;default:100;check:traffic_percent BETWEEN 0 AND 100;comment:Share of all subjects that takes part, 0 to 100%"`
	Labels         []string       `gorm:"type:text[];not null;default:'{}';index:experiments_labels_idx,type:gin"`
	Settings       map[string]any `gorm:"type:jsonb;serializer:json;not null;default:'{}'"`
	WinnerID       *int64         //
	Winner         *Variant       `gorm:"foreignKey:WinnerID;constraint:OnDelete:SET NULL"`
	StartsAt       *time.Time     `gorm:"index:experiments_owner_id_idx,sort:desc"`
	EndsAt         *time.Time     `gorm:"check:experiments_schedule_check,ends_at > starts_at"`
	Tags           []Tag          `gorm:"many2many:experiment_tags"`
}

// Variant is one of an experiment's.
type Variant struct {
	ID           int64          `gorm:"primaryKey;generated:identity always;uniqueIndex:variants_experiment_id_id_key,priority:2"`
	ExperimentID int64          `gorm:"not null;uniqueIndex:variants_experiment_id_name_key;uniqueIndex:variants_experiment_id_id_key,priority:1;uniqueIndex:variants_one_control_idx,where:is_control"`
	Experiment   Experiment     `gorm:"constraint:OnDelete:CASCADE"`
	Name         string         `gorm:"not null;uniqueIndex:variants_experiment_id_name_key"`
	IsControl    bool           `gorm:"not null;default:false"`
	Weight       int32          `gorm:"not null;check:weight >= 0;comment:Share of the experiment's traffic, relative to the other variants"`
	Parameters   map[string]any `gorm:"type:jsonb;serializer:json;not null;default:'{}'"`
	Label        string         `gorm:"->;generated:upper(name)"`
}

// Tag has its length from size.
type Tag struct {
	ID   int64  `gorm:"primaryKey;generated:identity always"`
	Name string `gorm:"size:40;not null;unique"`
}

// ExperimentTag is a join table with a column of its own.
type ExperimentTag struct {
	ExperimentID int64      `gorm:"primaryKey"`
	Experiment   Experiment `gorm:"constraint:OnDelete:CASCADE"`
	TagID        int64      `gorm:"primaryKey"`
	Tag          Tag        `gorm:"constraint:OnDelete:CASCADE"`
	AddedAt      time.Time  `gorm:"not null;default:now()"`
}

// Assignment has a foreign key of two columns.
type Assignment struct {
	ID           int64     `gorm:"primaryKey;generated:identity always"`
	ExperimentID int64     `gorm:"not null;uniqueIndex:assignments_experiment_id_subject_id_key"`
	VariantID    int64     `gorm:"not null"`
	Variant      Variant   `gorm:"foreignKey:ExperimentID,VariantID;references:ExperimentID,ID"`
	SubjectID    string    `gorm:"not null;uniqueIndex:assignments_experiment_id_subject_id_key"`
	AssignedAt   time.Time `gorm:"not null;default:now()"`
}

// FeatureFlag may follow an experiment.
type FeatureFlag struct {
	ID             int64       `gorm:"primaryKey;generated:identity always"`
	Key            string      `gorm:"not null;unique;check:key ~ '^[a-z0-9]+(-[a-z0-9]+)*$'"`
	ExperimentID   *int64      `gorm:"index:,where:experiment_id IS NOT NULL"`
	Experiment     *Experiment `gorm:"constraint:OnDelete:SET NULL"`
	RolloutPercent float64     `gorm:"type:numeric(5,2);not null;default:0"`
}

// Entry is in a schema of its own.
type Entry struct {
	ID         int64          //
	ActorID    *int64         //
	Actor      *User          //
	Action     string         `gorm:"size:40;not null"`
	Address    *string        `gorm:"type:inet"`
	Details    map[string]any `gorm:"type:jsonb;serializer:json"`
	HappenedAt time.Time      `gorm:"not null;index:entries_happened_at_idx,type:brin"`
}

// TableName has a schema.
func (Entry) TableName() string { return "audit.entries" }

// All are the models.
func All() []any {
	return []any{&Assignment{}, &Entry{}, &Experiment{}, &ExperimentTag{}, &FeatureFlag{}, &Tag{}, &Team{}, &User{}, &Variant{}}
}

// Options name constraints as PostgreSQL does.
func Options() gormddl.Options {
	return gormddl.Options{
		Config: &gorm.Config{NamingStrategy: naming{}},
		Setup: func(db *gorm.DB) error {
			return db.SetupJoinTable(&Experiment{}, "Tags", &ExperimentTag{})
		},
		PreSQL: "CREATE TYPE experiment_status AS ENUM ('draft', 'running', 'completed')",
	}
}

// naming names constraints and indexes as PostgreSQL does.
type naming struct{ schema.NamingStrategy }

func (naming) UniqueName(table, column string) string  { return table + "_" + column + "_key" }
func (naming) CheckerName(table, column string) string { return table + "_" + column + "_check" }
func (n naming) IndexName(table, column string) string {
	return table + "_" + n.ColumnName(table, column) + "_idx"
}

// RelationshipFKName is that of a relation's foreign key: whichever side the
// relation is written on, the key's own table comes first.
func (n naming) RelationshipFKName(rel schema.Relationship) string {
	var table string
	var columns []string
	for _, ref := range rel.References {
		if rel.JoinTable != nil && !ref.OwnPrimaryKey {
			continue
		}
		table = ref.ForeignKey.Schema.Table
		columns = append(columns, ref.ForeignKey.DBName)
	}
	_, bare, qualified := strings.Cut(table, ".")
	if !qualified {
		bare = table
	}
	return bare + "_" + strings.Join(columns, "_") + "_fkey"
}
