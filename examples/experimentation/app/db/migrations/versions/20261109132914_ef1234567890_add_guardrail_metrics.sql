-- Add guardrail metrics
--
-- revision: ef1234567890
-- down_revision: 98791de4d3b3
-- created: 2026-11-09T13:29:14Z

-- migrate:up
CREATE TABLE metrics (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key text NOT NULL,
    name text NOT NULL,
    event_name text NOT NULL,
    aggregation text NOT NULL,
    higher_is_better boolean NOT NULL DEFAULT true,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT metrics_key_key UNIQUE (key),
    CONSTRAINT metrics_key_check CHECK (key ~ '^[a-z0-9]+(-[a-z0-9]+)*$'),
    CONSTRAINT metrics_aggregation_check CHECK (aggregation IN ('conversion', 'count', 'sum', 'mean'))
);

COMMENT ON COLUMN metrics.event_name IS 'The events that count, by events.name';

CREATE TRIGGER metrics_set_updated_at
    BEFORE UPDATE ON metrics
    FOR EACH ROW EXECUTE FUNCTION set_updated_at();

CREATE TABLE experiment_metrics (
    experiment_id bigint NOT NULL REFERENCES experiments (id) ON DELETE CASCADE,
    metric_id bigint NOT NULL REFERENCES metrics (id),
    role text NOT NULL,
    max_regression numeric(6, 4),
    PRIMARY KEY (experiment_id, metric_id),
    CONSTRAINT experiment_metrics_role_check CHECK (role IN ('primary', 'secondary', 'guardrail')),
    CONSTRAINT experiment_metrics_max_regression_check
        CHECK ((role = 'guardrail') = (max_regression IS NOT NULL) AND max_regression > 0)
);

COMMENT ON COLUMN experiment_metrics.max_regression IS
    'How much worse than control a guardrail may become, as a share: 0.02 is two per cent';

CREATE UNIQUE INDEX experiment_metrics_one_primary_idx ON experiment_metrics (experiment_id) WHERE role = 'primary';
CREATE INDEX experiment_metrics_metric_id_idx ON experiment_metrics (metric_id);

-- migrate:down
DROP TABLE experiment_metrics;
DROP TABLE metrics;
