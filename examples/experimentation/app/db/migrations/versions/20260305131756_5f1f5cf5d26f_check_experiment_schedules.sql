-- Check experiment schedules
--
-- revision: 5f1f5cf5d26f
-- down_revision: c12540ad56ad
-- created: 2026-03-05T13:17:56Z

-- migrate:up
-- Every row is checked here. One that doesn't fit fails the migration, which
-- then leaves everything as it was.
ALTER TABLE experiments
    ADD CONSTRAINT experiments_schedule_check CHECK (ends_at > starts_at),
    ADD CONSTRAINT experiments_started_check CHECK (status = 'draft' OR starts_at IS NOT NULL);

COMMENT ON CONSTRAINT experiments_started_check ON experiments IS 'Only a draft has no start';

-- migrate:down
ALTER TABLE experiments
    DROP CONSTRAINT experiments_started_check,
    DROP CONSTRAINT experiments_schedule_check;
