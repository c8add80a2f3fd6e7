-- Index orders by user
--
-- revision: 9f4c1d8e6b20
-- down_revision: 5b0e9d2f7a31
-- created: 2026-10-02T10:15:00Z

-- migrate:up transaction:false
CREATE INDEX CONCURRENTLY orders_user_id_idx ON orders (user_id);

-- migrate:down transaction:false
DROP INDEX CONCURRENTLY orders_user_id_idx;
