-- Add safety_settings table
--
-- revision: ab1234567890
-- down_revision: ef1234567890
-- created: 2026-11-23T14:06:26Z

-- migrate:up
CREATE TABLE safety_settings (
    experiment_id bigint PRIMARY KEY REFERENCES experiments (id) ON DELETE CASCADE,
    pauses_automatically boolean NOT NULL DEFAULT true,
    max_exposed_subjects integer,
    min_subjects_before_pause integer NOT NULL DEFAULT 200,
    check_interval interval NOT NULL DEFAULT '5 minutes',
    updated_by bigint NOT NULL REFERENCES users (id),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT safety_settings_max_exposed_subjects_check CHECK (max_exposed_subjects > 0),
    CONSTRAINT safety_settings_min_subjects_before_pause_check CHECK (min_subjects_before_pause > 0),
    CONSTRAINT safety_settings_check_interval_check CHECK (check_interval >= interval '1 minute')
);

COMMENT ON TABLE safety_settings IS 'When to pause an experiment that does harm; no row means the defaults';
COMMENT ON COLUMN safety_settings.max_exposed_subjects IS 'No more are assigned than this; null is no limit';
COMMENT ON COLUMN safety_settings.min_subjects_before_pause IS 'Per variant; with fewer, a broken guardrail may be chance';

CREATE INDEX safety_settings_updated_by_idx ON safety_settings (updated_by);

CREATE TRIGGER safety_settings_set_updated_at
    BEFORE UPDATE ON safety_settings
    FOR EACH ROW EXECUTE FUNCTION set_updated_at();

-- migrate:down
DROP TABLE safety_settings;
