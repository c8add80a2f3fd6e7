-- What the tags of ../../models can't say. The order of statements doesn't matter, here and beside the
-- output of main.go.

CREATE TYPE experiment_status AS ENUM ('draft', 'running', 'paused', 'completed', 'archived');
COMMENT ON TYPE experiment_status IS 'Where an experiment stands in its life, in order';

CREATE TYPE analysis_method AS ENUM ('frequentist', 'bayesian');

-- GORM has unique indexes of several columns, and unique constraints of one.
ALTER TABLE variants
    ADD CONSTRAINT variants_experiment_id_name_key UNIQUE (experiment_id, name),
    ADD CONSTRAINT variants_experiment_id_id_key UNIQUE (experiment_id, id);
ALTER TABLE assignments
    ADD CONSTRAINT assignments_experiment_id_subject_id_key UNIQUE (experiment_id, subject_id);

COMMENT ON TABLE users IS 'People who run experiments; the people taking part are subjects, known by subject_id alone';
COMMENT ON TABLE assignments IS 'Which variant a subject sees; never changed once made';
COMMENT ON TABLE feature_flag_overrides IS 'Subjects for whom a flag is on or off whatever its rollout says';
COMMENT ON TABLE bayesian_configs IS 'How to analyse an experiment whose analysis_method is bayesian; no row means the defaults';
COMMENT ON TABLE safety_settings IS 'When to pause an experiment that does harm; no row means the defaults';
COMMENT ON INDEX experiments_running_idx IS 'For the poll of the assignment service';
COMMENT ON CONSTRAINT experiments_started_check ON experiments IS 'Only a draft has no start';

-- A tag ends at a semicolon, and a quote within one is hard to read.
COMMENT ON COLUMN experiments.split_url_config IS
    'Address of each variant, by name, where variants are pages: {"control": "/pricing", "b": "/pricing-b"}; null for all others';
COMMENT ON COLUMN experiment_metrics.max_regression IS
    'How much worse than control a guardrail may become, as a share: 0.02 is two per cent';

-- Partitioned: one partition a quarter (UTC).
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
CREATE INDEX events_variant_id_name_idx ON events (variant_id, name);

CREATE TABLE events_2026q1 PARTITION OF events FOR VALUES FROM ('2026-01-01 00:00:00+00') TO ('2026-04-01 00:00:00+00');
CREATE TABLE events_2026q2 PARTITION OF events FOR VALUES FROM ('2026-04-01 00:00:00+00') TO ('2026-07-01 00:00:00+00');
CREATE TABLE events_2026q3 PARTITION OF events FOR VALUES FROM ('2026-07-01 00:00:00+00') TO ('2026-10-01 00:00:00+00');
CREATE TABLE events_2026q4 PARTITION OF events FOR VALUES FROM ('2026-10-01 00:00:00+00') TO ('2027-01-01 00:00:00+00');
CREATE TABLE events_2027q1 PARTITION OF events FOR VALUES FROM ('2027-01-01 00:00:00+00') TO ('2027-04-01 00:00:00+00');
CREATE TABLE events_default PARTITION OF events DEFAULT;

CREATE FUNCTION set_updated_at() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    -- An UPDATE that changes nothing is no edit.
    IF NEW IS DISTINCT FROM OLD THEN
        NEW.updated_at := now();
    END IF;
    RETURN NEW;
END;
$$;
COMMENT ON FUNCTION set_updated_at() IS 'Trigger for tables with a column updated_at';

CREATE TRIGGER experiments_set_updated_at BEFORE UPDATE ON experiments FOR EACH ROW EXECUTE FUNCTION set_updated_at();
CREATE TRIGGER variants_set_updated_at BEFORE UPDATE ON variants FOR EACH ROW EXECUTE FUNCTION set_updated_at();
CREATE TRIGGER feature_flags_set_updated_at BEFORE UPDATE ON feature_flags FOR EACH ROW EXECUTE FUNCTION set_updated_at();
CREATE TRIGGER bayesian_configs_set_updated_at BEFORE UPDATE ON bayesian_configs FOR EACH ROW EXECUTE FUNCTION set_updated_at();
CREATE TRIGGER metrics_set_updated_at BEFORE UPDATE ON metrics FOR EACH ROW EXECUTE FUNCTION set_updated_at();
CREATE TRIGGER safety_settings_set_updated_at BEFORE UPDATE ON safety_settings FOR EACH ROW EXECUTE FUNCTION set_updated_at();

CREATE VIEW variant_results AS
SELECT
    experiments.id AS experiment_id,
    experiments.key AS experiment_key,
    variants.id AS variant_id,
    variants.name AS variant_name,
    variants.is_control,
    assigned.subjects,
    happened.active_subjects,
    happened.events
FROM experiments
JOIN variants ON variants.experiment_id = experiments.id
CROSS JOIN LATERAL (
    SELECT count(*) AS subjects
    FROM assignments
    WHERE assignments.variant_id = variants.id
) AS assigned
CROSS JOIN LATERAL (
    SELECT count(DISTINCT events.subject_id) AS active_subjects, count(*) AS events
    FROM events
    WHERE events.variant_id = variants.id
) AS happened
WHERE experiments.status <> 'archived';
COMMENT ON VIEW variant_results IS 'One row a variant, for the dashboard; archived experiments are left out';
