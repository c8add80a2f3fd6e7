-- Add variant_results view
--
-- revision: 3bd643ac233a
-- down_revision: 9a9dac717d0a
-- created: 2026-09-08T14:37:21Z

-- migrate:up
CREATE VIEW variant_results AS
SELECT
    experiments.id AS experiment_id,
    experiments.key AS experiment_key,
    variants.id AS variant_id,
    variants.name AS variant_name,
    variants.is_control,
    assigned.subjects,
    happened.active_subjects,
    happened.events
FROM experiments
JOIN variants ON variants.experiment_id = experiments.id
CROSS JOIN LATERAL (
    SELECT count(*) AS subjects
    FROM assignments
    WHERE assignments.variant_id = variants.id
) AS assigned
CROSS JOIN LATERAL (
    SELECT count(DISTINCT events.subject_id) AS active_subjects, count(*) AS events
    FROM events
    WHERE events.variant_id = variants.id
) AS happened
WHERE experiments.status <> 'archived';

COMMENT ON VIEW variant_results IS 'One row a variant, for the dashboard; archived experiments are left out';

-- migrate:down
DROP VIEW variant_results;
