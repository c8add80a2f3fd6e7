-- Record when experiments are archived
--
-- revision: 95dc962fb6b0
-- down_revision: 7eabdc9b0cdf
-- created: 2026-05-20T09:30:55Z

-- migrate:up
ALTER TABLE experiments ADD COLUMN archived_at timestamptz;

-- Archiving was the last edit of those archived since the value exists.
ALTER TABLE experiments DISABLE TRIGGER experiments_set_updated_at;

UPDATE experiments SET archived_at = updated_at WHERE status = 'archived';

ALTER TABLE experiments ENABLE TRIGGER experiments_set_updated_at;

ALTER TABLE experiments
    ADD CONSTRAINT experiments_archived_check CHECK ((status = 'archived') = (archived_at IS NOT NULL));

-- migrate:down
-- The constraint goes with the column, having no meaning without it.
-- hazard: data loss: when experiments were archived; upgrading again takes updated_at
ALTER TABLE experiments DROP COLUMN archived_at;
