-- Add Bayesian analysis
--
-- revision: 4efd407a421c
-- down_revision: 82169ac6b957
-- created: 2026-04-16T17:02:11Z

-- migrate:up
CREATE TYPE analysis_method AS ENUM ('frequentist', 'bayesian');

-- With a constant default this changes the catalog alone: no row is rewritten.
ALTER TABLE experiments ADD COLUMN analysis_method analysis_method NOT NULL DEFAULT 'frequentist';

CREATE TABLE bayesian_configs (
    experiment_id bigint PRIMARY KEY REFERENCES experiments (id) ON DELETE CASCADE,
    prior_alpha double precision NOT NULL DEFAULT 1,
    prior_beta double precision NOT NULL DEFAULT 1,
    credible_level numeric(4, 3) NOT NULL DEFAULT 0.95,
    max_expected_loss numeric(8, 6) NOT NULL DEFAULT 0.001,
    min_subjects_per_variant integer NOT NULL DEFAULT 500,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT bayesian_configs_prior_check CHECK (prior_alpha > 0 AND prior_beta > 0),
    CONSTRAINT bayesian_configs_credible_level_check CHECK (credible_level > 0.5 AND credible_level < 1),
    CONSTRAINT bayesian_configs_max_expected_loss_check CHECK (max_expected_loss > 0),
    CONSTRAINT bayesian_configs_min_subjects_per_variant_check CHECK (min_subjects_per_variant > 0)
);

COMMENT ON TABLE bayesian_configs IS 'How to analyse an experiment whose analysis_method is bayesian; no row means the defaults';
COMMENT ON COLUMN bayesian_configs.prior_alpha IS 'First parameter of the Beta prior of the conversion rate; 1 and 1 is the uniform one';
COMMENT ON COLUMN bayesian_configs.max_expected_loss IS 'A variant wins once choosing it is expected to cost less than this conversion rate';

CREATE TRIGGER bayesian_configs_set_updated_at
    BEFORE UPDATE ON bayesian_configs
    FOR EACH ROW EXECUTE FUNCTION set_updated_at();

-- migrate:down
DROP TABLE bayesian_configs;
-- hazard: data loss: which experiments are analysed the Bayesian way
ALTER TABLE experiments DROP COLUMN analysis_method;
DROP TYPE analysis_method;
