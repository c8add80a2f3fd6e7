-- Create initial schema
--
-- revision: 8bd4a1290ff7
-- down_revision:
-- created: 2026-01-12T09:15:32Z

-- migrate:up
CREATE TYPE experiment_status AS ENUM ('draft', 'running', 'paused', 'completed');

COMMENT ON TYPE experiment_status IS 'Where an experiment stands in its life, in order';

CREATE TABLE users (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    email text NOT NULL,
    display_name text NOT NULL,
    is_active boolean NOT NULL DEFAULT true,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT users_email_check CHECK (position('@' IN email) > 1)
);

COMMENT ON TABLE users IS 'People who run experiments; the people taking part are subjects, known by subject_id alone';

CREATE UNIQUE INDEX users_lower_email_idx ON users (lower(email));

CREATE TABLE experiments (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    owner_id bigint NOT NULL REFERENCES users (id),
    name text NOT NULL,
    hypothesis text NOT NULL DEFAULT '',
    status experiment_status NOT NULL DEFAULT 'draft',
    traffic_percent numeric(5, 2) NOT NULL DEFAULT 100,
    starts_at timestamptz,
    ends_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT experiments_name_check CHECK (btrim(name) <> ''),
    CONSTRAINT experiments_traffic_percent_check CHECK (traffic_percent BETWEEN 0 AND 100)
);

COMMENT ON COLUMN experiments.traffic_percent IS 'Share of all subjects that takes part, 0 to 100';

CREATE INDEX experiments_owner_id_idx ON experiments (owner_id);

CREATE TABLE variants (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    experiment_id bigint NOT NULL REFERENCES experiments (id) ON DELETE CASCADE,
    name text NOT NULL,
    is_control boolean NOT NULL DEFAULT false,
    weight integer NOT NULL,
    parameters jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT variants_experiment_id_name_key UNIQUE (experiment_id, name),
    CONSTRAINT variants_weight_check CHECK (weight >= 0)
);

COMMENT ON COLUMN variants.weight IS 'Share of the experiment''s traffic, relative to the other variants';

CREATE UNIQUE INDEX variants_one_control_idx ON variants (experiment_id) WHERE is_control;

CREATE TABLE assignments (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    experiment_id bigint NOT NULL REFERENCES experiments (id),
    variant_id bigint NOT NULL REFERENCES variants (id),
    subject_id text NOT NULL,
    assigned_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT assignments_experiment_id_subject_id_key UNIQUE (experiment_id, subject_id)
);

COMMENT ON TABLE assignments IS 'Which variant a subject sees; never changed once made';

CREATE INDEX assignments_variant_id_idx ON assignments (variant_id);

-- The key of a partitioned table must contain the column it is partitioned by.
CREATE TABLE events (
    id bigint GENERATED ALWAYS AS IDENTITY,
    experiment_id bigint NOT NULL REFERENCES experiments (id),
    variant_id bigint NOT NULL REFERENCES variants (id),
    subject_id text NOT NULL,
    name text NOT NULL,
    value numeric,
    properties jsonb NOT NULL DEFAULT '{}',
    occurred_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (occurred_at, id)
) PARTITION BY RANGE (occurred_at);

COMMENT ON TABLE events IS 'What subjects did, as sent by the SDKs; one partition a quarter (UTC)';

CREATE TABLE events_2026q1 PARTITION OF events
    FOR VALUES FROM ('2026-01-01 00:00:00+00') TO ('2026-04-01 00:00:00+00');
CREATE TABLE events_2026q2 PARTITION OF events
    FOR VALUES FROM ('2026-04-01 00:00:00+00') TO ('2026-07-01 00:00:00+00');
CREATE TABLE events_2026q3 PARTITION OF events
    FOR VALUES FROM ('2026-07-01 00:00:00+00') TO ('2026-10-01 00:00:00+00');
CREATE TABLE events_2026q4 PARTITION OF events
    FOR VALUES FROM ('2026-10-01 00:00:00+00') TO ('2027-01-01 00:00:00+00');
-- A device's clock can be anywhere: an event is kept even when no quarter fits.
CREATE TABLE events_default PARTITION OF events DEFAULT;

CREATE INDEX events_variant_id_name_idx ON events (variant_id, name);

-- migrate:down
DROP TABLE events;
DROP TABLE assignments;
DROP TABLE variants;
DROP TABLE experiments;
DROP TABLE users;
DROP TYPE experiment_status;
