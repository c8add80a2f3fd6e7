-- Add archived to experiment_status
--
-- revision: 7eabdc9b0cdf
-- down_revision: 2ae99d448679
-- created: 2026-05-18T14:09:27Z

-- migrate:up
-- PostgreSQL lets no statement use the new value before this transaction has
-- committed. What needs the value is therefore in the next revision.
ALTER TYPE experiment_status ADD VALUE 'archived' AFTER 'completed';

-- migrate:down
-- PostgreSQL can't take a value out of an enum, so the type is built anew and
-- the column moved over. The column's default and whatever compares it with a
-- value of the old type can't move along: they go first and come back last.
ALTER TABLE experiments
    ALTER COLUMN status DROP DEFAULT,
    DROP CONSTRAINT experiments_started_check;
DROP INDEX experiments_running_idx;

ALTER TYPE experiment_status RENAME TO experiment_status_with_archived;
CREATE TYPE experiment_status AS ENUM ('draft', 'running', 'paused', 'completed');
COMMENT ON TYPE experiment_status IS 'Where an experiment stands in its life, in order';

-- hazard: data loss: an archived experiment becomes a completed one
ALTER TABLE experiments
    ALTER COLUMN status TYPE experiment_status
    USING (CASE status WHEN 'archived' THEN 'completed' ELSE status::text END)::experiment_status;

DROP TYPE experiment_status_with_archived;

ALTER TABLE experiments
    ALTER COLUMN status SET DEFAULT 'draft',
    ADD CONSTRAINT experiments_started_check CHECK (status = 'draft' OR starts_at IS NOT NULL);
COMMENT ON CONSTRAINT experiments_started_check ON experiments IS 'Only a draft has no start';

CREATE INDEX experiments_running_idx ON experiments (starts_at) WHERE status = 'running';
COMMENT ON INDEX experiments_running_idx IS 'For the poll of the assignment service';
