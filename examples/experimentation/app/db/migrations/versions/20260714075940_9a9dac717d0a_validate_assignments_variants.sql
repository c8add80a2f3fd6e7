-- Validate the variants of assignments
--
-- revision: 9a9dac717d0a
-- down_revision: 99f6c0c0c530
-- created: 2026-07-14T07:59:40Z

-- migrate:up statement_timeout:30m
-- Reads the whole table, which takes a while, under a lock that lets both
-- readers and writers through.
ALTER TABLE assignments VALIDATE CONSTRAINT assignments_experiment_id_variant_id_fkey;

-- migrate:down
-- A valid constraint can't be made NOT VALID again, only replaced by one that is.
ALTER TABLE assignments
    DROP CONSTRAINT assignments_experiment_id_variant_id_fkey,
    ADD CONSTRAINT assignments_experiment_id_variant_id_fkey
    FOREIGN KEY (experiment_id, variant_id) REFERENCES variants (experiment_id, id) NOT VALID;
