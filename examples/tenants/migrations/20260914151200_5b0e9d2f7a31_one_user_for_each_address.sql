-- One user for each address
--
-- revision: 5b0e9d2f7a31
-- down_revision: 27c6f3e1a0b4
-- created: 2026-09-14T15:12:00Z

-- migrate:up transaction:false
CREATE UNIQUE INDEX CONCURRENTLY users_email_key ON users (lower(email));

-- migrate:down transaction:false
DROP INDEX CONCURRENTLY users_email_key;
