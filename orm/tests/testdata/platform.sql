-- The schema of an experimentation platform, after examples/experimentation.
-- The models of each ORM are to make the same; platform_test.go lists what one
-- of them can't say.

CREATE TYPE experiment_status AS ENUM ('draft', 'running', 'completed');
COMMENT ON TYPE experiment_status IS 'Where an experiment stands in its life, in order';

CREATE SCHEMA audit;

CREATE TABLE users (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    email text NOT NULL,
    display_name text NOT NULL,
    manager_id bigint REFERENCES users (id) ON DELETE SET NULL,
    is_active boolean NOT NULL DEFAULT true,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT users_email_check CHECK (position('@' IN email) > 1)
);
COMMENT ON TABLE users IS 'People who run experiments';
CREATE UNIQUE INDEX users_lower_email_idx ON users (lower(email));
COMMENT ON INDEX users_lower_email_idx IS 'Nobody twice, however it is spelled';

CREATE TABLE teams (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL,
    CONSTRAINT teams_name_key UNIQUE (name)
);

CREATE TABLE team_members (
    team_id bigint NOT NULL REFERENCES teams (id) ON DELETE CASCADE,
    user_id bigint NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    PRIMARY KEY (team_id, user_id)
);

CREATE TABLE experiments (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    owner_id bigint NOT NULL REFERENCES users (id),
    name text NOT NULL,
    hypothesis text NOT NULL DEFAULT '',
    status experiment_status NOT NULL DEFAULT 'draft',
    traffic_percent numeric(5, 2) NOT NULL DEFAULT 100,
    labels text[] NOT NULL DEFAULT '{}',
    settings jsonb NOT NULL DEFAULT '{}',
    winner_id bigint,
    starts_at timestamptz,
    ends_at timestamptz,
    CONSTRAINT experiments_name_check CHECK (btrim(name) <> ''),
    CONSTRAINT experiments_traffic_percent_check CHECK (traffic_percent BETWEEN 0 AND 100),
    CONSTRAINT experiments_schedule_check CHECK (ends_at > starts_at)
);
COMMENT ON COLUMN experiments.traffic_percent IS 'Share of all subjects that takes part, 0 to 100%';
CREATE INDEX experiments_owner_id_idx ON experiments (owner_id, starts_at DESC);
CREATE INDEX experiments_running_idx ON experiments (name) WHERE status = 'running';
CREATE INDEX experiments_labels_idx ON experiments USING gin (labels);

CREATE TABLE variants (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    experiment_id bigint NOT NULL REFERENCES experiments (id) ON DELETE CASCADE,
    name text NOT NULL,
    is_control boolean NOT NULL DEFAULT false,
    weight integer NOT NULL,
    parameters jsonb NOT NULL DEFAULT '{}',
    label text GENERATED ALWAYS AS (upper(name)) STORED,
    CONSTRAINT variants_experiment_id_name_key UNIQUE (experiment_id, name),
    CONSTRAINT variants_experiment_id_id_key UNIQUE (experiment_id, id),
    CONSTRAINT variants_weight_check CHECK (weight >= 0)
);
COMMENT ON COLUMN variants.weight IS 'Share of the experiment''s traffic, relative to the other variants';
CREATE UNIQUE INDEX variants_one_control_idx ON variants (experiment_id) WHERE is_control;

ALTER TABLE experiments ADD CONSTRAINT experiments_winner_id_fkey
    FOREIGN KEY (winner_id) REFERENCES variants (id) ON DELETE SET NULL;

CREATE TABLE tags (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name varchar(40) NOT NULL,
    CONSTRAINT tags_name_key UNIQUE (name)
);

CREATE TABLE experiment_tags (
    experiment_id bigint NOT NULL REFERENCES experiments (id) ON DELETE CASCADE,
    tag_id bigint NOT NULL REFERENCES tags (id) ON DELETE CASCADE,
    added_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (experiment_id, tag_id)
);

CREATE TABLE assignments (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    experiment_id bigint NOT NULL,
    variant_id bigint NOT NULL,
    subject_id text NOT NULL,
    assigned_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT assignments_experiment_id_subject_id_key UNIQUE (experiment_id, subject_id),
    CONSTRAINT assignments_experiment_id_variant_id_fkey
        FOREIGN KEY (experiment_id, variant_id) REFERENCES variants (experiment_id, id)
);
COMMENT ON TABLE assignments IS 'Which variant a subject sees; never changed once made';

CREATE TABLE feature_flags (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key text NOT NULL,
    experiment_id bigint REFERENCES experiments (id) ON DELETE SET NULL,
    rollout_percent numeric(5, 2) NOT NULL DEFAULT 0,
    CONSTRAINT feature_flags_key_key UNIQUE (key),
    CONSTRAINT feature_flags_key_check CHECK (key ~ '^[a-z0-9]+(-[a-z0-9]+)*$')
);
CREATE INDEX feature_flags_experiment_id_idx ON feature_flags (experiment_id) WHERE experiment_id IS NOT NULL;

CREATE TABLE audit.entries (
    id bigserial PRIMARY KEY,
    actor_id bigint REFERENCES users (id),
    action varchar(40) NOT NULL,
    address inet,
    details jsonb,
    happened_at timestamptz NOT NULL
);
CREATE INDEX entries_happened_at_idx ON audit.entries USING brin (happened_at);
