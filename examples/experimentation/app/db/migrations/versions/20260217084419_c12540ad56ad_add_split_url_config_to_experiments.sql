-- Add split_url_config to experiments
--
-- revision: c12540ad56ad
-- down_revision: 3e252584cc59
-- created: 2026-02-17T08:44:19Z

-- migrate:up
ALTER TABLE experiments
    ADD COLUMN split_url_config jsonb,
    ADD CONSTRAINT experiments_split_url_config_check CHECK (jsonb_typeof(split_url_config) = 'object');

COMMENT ON COLUMN experiments.split_url_config IS
    'Address of each variant, by name, where variants are pages: {"control": "/pricing", "b": "/pricing-b"}; null for all others';

-- migrate:down
-- The constraint goes with its column.
-- hazard: data loss: the addresses of split URL experiments
ALTER TABLE experiments DROP COLUMN split_url_config;
