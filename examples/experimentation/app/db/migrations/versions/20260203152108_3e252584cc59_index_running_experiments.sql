-- Index running experiments
--
-- revision: 3e252584cc59
-- down_revision: 1f5bfcbc576b
-- created: 2026-02-03T15:21:08Z

-- migrate:up
-- The assignment service polls for these; a few out of all that ever were.
-- The table is small, so a plain CREATE INDEX is over before a writer notices.
CREATE INDEX experiments_running_idx ON experiments (starts_at) WHERE status = 'running';

COMMENT ON INDEX experiments_running_idx IS 'For the poll of the assignment service';

-- migrate:down
DROP INDEX experiments_running_idx;
