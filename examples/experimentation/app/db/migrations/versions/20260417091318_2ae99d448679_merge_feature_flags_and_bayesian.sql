-- Merge feature flags and Bayesian analysis
--
-- revision: 2ae99d448679
-- down_revision: 44b456e5be2d, 4efd407a421c
-- created: 2026-04-17T09:13:18Z

-- migrate:up
-- Nothing to do: the two branches touch different tables and columns.

-- migrate:down
