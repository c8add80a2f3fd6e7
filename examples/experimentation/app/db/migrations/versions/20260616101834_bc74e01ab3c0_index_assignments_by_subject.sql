-- Index assignments by subject
--
-- revision: bc74e01ab3c0
-- down_revision: 95dc962fb6b0
-- created: 2026-06-16T10:18:34Z

-- migrate:up transaction:false
-- The table is large and always written to. CONCURRENTLY keeps it writable, and
-- PostgreSQL refuses it inside a transaction: the statement is alone in its file.
CREATE INDEX CONCURRENTLY assignments_subject_id_assigned_at_idx ON assignments (subject_id, assigned_at DESC);

-- migrate:down transaction:false
DROP INDEX CONCURRENTLY assignments_subject_id_assigned_at_idx;
