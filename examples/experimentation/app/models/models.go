// Package models are the tables of the platform as GORM knows them. What tags
// can't say (enum types, partitions, triggers, the view, comments on tables) is
// in ../db/schema/schema.sql: the two add up to the schema that is wanted.
package models

import "time"

// A User runs experiments.
type User struct {
	ID          int64     `gorm:"primaryKey;generated:identity always"`
	Email       string    `gorm:"not null;check:position('@' IN email) > 1;uniqueIndex:users_lower_email_idx,expression:lower(email)"`
	DisplayName string    `gorm:"not null"`
	IsActive    bool      `gorm:"not null;default:true"`
	CreatedAt   time.Time `gorm:"not null;default:now()"`
}

// A Status is where an experiment stands in its life.
type Status string

// An AnalysisMethod is how an experiment's numbers are read.
type AnalysisMethod string

// An Experiment compares variants.
type Experiment struct {
	ID             int64          `gorm:"primaryKey;generated:identity always"`
	OwnerID        int64          `gorm:"not null;index"`
	Owner          User           //
	Name           string         `gorm:"not null;check:btrim(name) <> ''"`
	Hypothesis     string         `gorm:"not null;default:''"`
	Status         Status         `gorm:"type:experiment_status;not null;default:draft"`
	TrafficPercent float64        `gorm:"type:numeric(5,2);not null;default:100;check:traffic_percent BETWEEN 0 AND 100;comment:Share of all subjects that takes part, 0 to 100"`
	StartsAt       *time.Time     `gorm:"index:experiments_running_idx,where:status = 'running';check:experiments_started_check,status = 'draft' OR starts_at IS NOT NULL"`
	EndsAt         *time.Time     `gorm:"check:experiments_schedule_check,ends_at > starts_at"`
	CreatedAt      time.Time      `gorm:"not null;default:now()"`
	UpdatedAt      time.Time      `gorm:"not null;default:now()"`
	SplitURLConfig map[string]any `gorm:"type:jsonb;serializer:json;check:jsonb_typeof(split_url_config) = 'object'"`
	Key            string         `gorm:"not null;unique;check:key ~ '^[a-z0-9]+(-[a-z0-9]+)*$';comment:What SDKs call the experiment by\\; never changes, unlike its name"`
	AnalysisMethod AnalysisMethod `gorm:"type:analysis_method;not null;default:frequentist"`
	ArchivedAt     *time.Time     `gorm:"check:experiments_archived_check,(status = 'archived') = (archived_at IS NOT NULL)"`
}

// A Variant is one of those that an experiment compares.
type Variant struct {
	ID           int64          `gorm:"primaryKey;generated:identity always"`
	ExperimentID int64          `gorm:"not null;uniqueIndex:variants_one_control_idx,where:is_control"`
	Experiment   Experiment     `gorm:"constraint:OnDelete:CASCADE"`
	Name         string         `gorm:"not null"`
	IsControl    bool           `gorm:"not null;default:false"`
	Weight       int32          `gorm:"not null;check:weight >= 0;comment:Share of the experiment's traffic, relative to the other variants"`
	Parameters   map[string]any `gorm:"type:jsonb;serializer:json;not null;default:'{}'"`
	CreatedAt    time.Time      `gorm:"not null;default:now()"`
	UpdatedAt    time.Time      `gorm:"not null;default:now()"`
}

// An Assignment is the variant that a subject sees. Bound keeps it one of the
// experiment's own.
type Assignment struct {
	ID           int64      `gorm:"primaryKey;generated:identity always"`
	ExperimentID int64      `gorm:"not null"`
	Experiment   Experiment //
	VariantID    int64      `gorm:"not null;index"`
	Variant      Variant    //
	Bound        *Variant   `gorm:"foreignKey:ExperimentID,VariantID;references:ExperimentID,ID"`
	SubjectID    string     `gorm:"not null;index:assignments_subject_id_assigned_at_idx"`
	AssignedAt   time.Time  `gorm:"not null;default:now();index:assignments_subject_id_assigned_at_idx,sort:desc"`
}

// A FeatureFlag may be decided on by an experiment.
type FeatureFlag struct {
	ID             int64       `gorm:"primaryKey;generated:identity always"`
	Key            string      `gorm:"not null;unique;check:key ~ '^[a-z0-9]+(-[a-z0-9]+)*$'"`
	Description    string      `gorm:"not null;default:''"`
	OwnerID        int64       `gorm:"not null;index"`
	Owner          User        //
	ExperimentID   *int64      `gorm:"index:,where:experiment_id IS NOT NULL;comment:The experiment that decides on the flag, if any\\; it then overrules rollout_percent"`
	Experiment     *Experiment `gorm:"constraint:OnDelete:SET NULL"`
	IsEnabled      bool        `gorm:"not null;default:false"`
	RolloutPercent float64     `gorm:"type:numeric(5,2);not null;default:0;check:rollout_percent BETWEEN 0 AND 100"`
	CreatedAt      time.Time   `gorm:"not null;default:now()"`
	UpdatedAt      time.Time   `gorm:"not null;default:now()"`
}

// A FeatureFlagOverride is a subject for whom a flag is on or off.
type FeatureFlagOverride struct {
	FlagID    int64       `gorm:"primaryKey"`
	Flag      FeatureFlag `gorm:"constraint:OnDelete:CASCADE"`
	SubjectID string      `gorm:"primaryKey"`
	IsEnabled bool        `gorm:"not null"`
	Reason    string      `gorm:"not null;default:''"`
	CreatedAt time.Time   `gorm:"not null;default:now()"`
}

// A BayesianConfig says how to analyse an experiment.
type BayesianConfig struct {
	ExperimentID          int64      `gorm:"primaryKey;autoIncrement:false"`
	Experiment            Experiment `gorm:"constraint:OnDelete:CASCADE"`
	PriorAlpha            float64    `gorm:"type:double precision;not null;default:1;check:bayesian_configs_prior_check,prior_alpha > 0 AND prior_beta > 0;comment:First parameter of the Beta prior of the conversion rate\\; 1 and 1 is the uniform one"`
	PriorBeta             float64    `gorm:"type:double precision;not null;default:1"`
	CredibleLevel         float64    `gorm:"type:numeric(4,3);not null;default:0.95;check:credible_level > 0.5 AND credible_level < 1"`
	MaxExpectedLoss       float64    `gorm:"type:numeric(8,6);not null;default:0.001;check:max_expected_loss > 0;comment:A variant wins once choosing it is expected to cost less than this conversion rate"`
	MinSubjectsPerVariant int32      `gorm:"not null;default:500;check:min_subjects_per_variant > 0"`
	CreatedAt             time.Time  `gorm:"not null;default:now()"`
	UpdatedAt             time.Time  `gorm:"not null;default:now()"`
}

// A Metric counts events.
type Metric struct {
	ID             int64     `gorm:"primaryKey;generated:identity always"`
	Key            string    `gorm:"not null;unique;check:key ~ '^[a-z0-9]+(-[a-z0-9]+)*$'"`
	Name           string    `gorm:"not null"`
	EventName      string    `gorm:"not null;comment:The events that count, by events.name"`
	Aggregation    string    `gorm:"not null;check:aggregation IN ('conversion', 'count', 'sum', 'mean')"`
	HigherIsBetter bool      `gorm:"not null;default:true"`
	CreatedAt      time.Time `gorm:"not null;default:now()"`
	UpdatedAt      time.Time `gorm:"not null;default:now()"`
}

// An ExperimentMetric is what an experiment is judged by.
type ExperimentMetric struct {
	ExperimentID  int64      `gorm:"primaryKey;uniqueIndex:experiment_metrics_one_primary_idx,where:role = 'primary'"`
	Experiment    Experiment `gorm:"constraint:OnDelete:CASCADE"`
	MetricID      int64      `gorm:"primaryKey;index"`
	Metric        Metric     //
	Role          string     `gorm:"not null;check:role IN ('primary', 'secondary', 'guardrail')"`
	MaxRegression *float64   `gorm:"type:numeric(6,4);check:(role = 'guardrail') = (max_regression IS NOT NULL) AND max_regression > 0"`
}

// A SafetySetting says when to pause an experiment.
type SafetySetting struct {
	ExperimentID           int64      `gorm:"primaryKey;autoIncrement:false"`
	Experiment             Experiment `gorm:"constraint:OnDelete:CASCADE"`
	PausesAutomatically    bool       `gorm:"not null;default:true"`
	MaxExposedSubjects     *int32     `gorm:"check:max_exposed_subjects > 0;comment:No more are assigned than this\\; null is no limit"`
	MinSubjectsBeforePause int32      `gorm:"not null;default:200;check:min_subjects_before_pause > 0;comment:Per variant\\; with fewer, a broken guardrail may be chance"`
	CheckInterval          string     `gorm:"type:interval;not null;default:'5 minutes';check:check_interval >= interval '1 minute'"`
	UpdatedByID            int64      `gorm:"column:updated_by;not null;index:safety_settings_updated_by_idx"`
	UpdatedBy              User       //
	CreatedAt              time.Time  `gorm:"not null;default:now()"`
	UpdatedAt              time.Time  `gorm:"not null;default:now()"`
}

// All are the models.
func All() []any {
	return []any{
		&User{}, &Experiment{}, &Variant{}, &Assignment{}, &FeatureFlag{}, &FeatureFlagOverride{}, &BayesianConfig{}, &Metric{}, &ExperimentMetric{}, &SafetySetting{},
	}
}
