-- Create users
--
-- revision: 27c6f3e1a0b4
-- down_revision:
-- created: 2026-09-01T09:00:00Z

-- migrate:up
CREATE TABLE users (
    id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    email text NOT NULL
);

-- migrate:down
DROP TABLE users;
