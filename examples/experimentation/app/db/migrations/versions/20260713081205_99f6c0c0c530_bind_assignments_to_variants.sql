-- Bind assignments to their experiment's variants
--
-- revision: 99f6c0c0c530
-- down_revision: bc74e01ab3c0
-- created: 2026-07-13T08:12:05Z

-- migrate:up
-- So far an assignment could name a variant of another experiment. A foreign
-- key over both columns needs a unique constraint over both.
ALTER TABLE variants ADD CONSTRAINT variants_experiment_id_id_key UNIQUE (experiment_id, id);

-- NOT VALID: new rows are checked from now on, old ones not yet, so that the
-- lock, which keeps writers out, is held for a moment only.
ALTER TABLE assignments
    ADD CONSTRAINT assignments_experiment_id_variant_id_fkey
    FOREIGN KEY (experiment_id, variant_id) REFERENCES variants (experiment_id, id) NOT VALID;

-- migrate:down
ALTER TABLE assignments DROP CONSTRAINT assignments_experiment_id_variant_id_fkey;
ALTER TABLE variants DROP CONSTRAINT variants_experiment_id_id_key;
