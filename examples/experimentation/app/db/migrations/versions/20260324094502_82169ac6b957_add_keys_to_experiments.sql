-- Add keys to experiments
--
-- revision: 82169ac6b957
-- down_revision: 5f1f5cf5d26f
-- created: 2026-03-24T09:45:02Z

-- migrate:up
ALTER TABLE experiments ADD COLUMN key text;

-- Names may repeat, or hold not one letter of ASCII. The id at the end makes
-- each key unique whatever the rest comes out as.
-- A backfill is not an edit, so updated_at stays as it is.
ALTER TABLE experiments DISABLE TRIGGER experiments_set_updated_at;

UPDATE experiments
SET key = concat_ws('-', nullif(btrim(regexp_replace(lower(name), '[^a-z0-9]+', '-', 'g'), '-'), ''), id);

ALTER TABLE experiments ENABLE TRIGGER experiments_set_updated_at;

ALTER TABLE experiments
    ALTER COLUMN key SET NOT NULL,
    ADD CONSTRAINT experiments_key_key UNIQUE (key),
    ADD CONSTRAINT experiments_key_check CHECK (key ~ '^[a-z0-9]+(-[a-z0-9]+)*$');

COMMENT ON COLUMN experiments.key IS 'What SDKs call the experiment by; never changes, unlike its name';

-- migrate:down
-- hazard: data loss: keys chosen since; upgrading again makes new ones of the names
ALTER TABLE experiments DROP COLUMN key;
