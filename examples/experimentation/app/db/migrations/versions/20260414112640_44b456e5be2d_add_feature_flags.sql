-- Add feature flags
--
-- revision: 44b456e5be2d
-- down_revision: 82169ac6b957
-- created: 2026-04-14T11:26:40Z

-- migrate:up
CREATE TABLE feature_flags (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key text NOT NULL,
    description text NOT NULL DEFAULT '',
    owner_id bigint NOT NULL REFERENCES users (id),
    experiment_id bigint REFERENCES experiments (id) ON DELETE SET NULL,
    is_enabled boolean NOT NULL DEFAULT false,
    rollout_percent numeric(5, 2) NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT feature_flags_key_key UNIQUE (key),
    CONSTRAINT feature_flags_key_check CHECK (key ~ '^[a-z0-9]+(-[a-z0-9]+)*$'),
    CONSTRAINT feature_flags_rollout_percent_check CHECK (rollout_percent BETWEEN 0 AND 100)
);

COMMENT ON COLUMN feature_flags.experiment_id IS 'The experiment that decides on the flag, if any; it then overrules rollout_percent';

CREATE INDEX feature_flags_owner_id_idx ON feature_flags (owner_id);
CREATE INDEX feature_flags_experiment_id_idx ON feature_flags (experiment_id) WHERE experiment_id IS NOT NULL;

CREATE TRIGGER feature_flags_set_updated_at
    BEFORE UPDATE ON feature_flags
    FOR EACH ROW EXECUTE FUNCTION set_updated_at();

CREATE TABLE feature_flag_overrides (
    flag_id bigint NOT NULL REFERENCES feature_flags (id) ON DELETE CASCADE,
    subject_id text NOT NULL,
    is_enabled boolean NOT NULL,
    reason text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (flag_id, subject_id)
);

COMMENT ON TABLE feature_flag_overrides IS 'Subjects for whom a flag is on or off whatever its rollout says';

-- migrate:down
DROP TABLE feature_flag_overrides;
DROP TABLE feature_flags;
