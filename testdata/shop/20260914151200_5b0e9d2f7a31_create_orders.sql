-- Create orders
--
-- revision: 5b0e9d2f7a31
-- down_revision: 27c6f3e1a0b4
-- created: 2026-09-14T15:12:00Z

-- migrate:up
CREATE TABLE orders (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id bigint NOT NULL REFERENCES users,
    cents   integer NOT NULL
);

-- migrate:down
DROP TABLE orders;
