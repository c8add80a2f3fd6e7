-- Add events partition for 2027 Q1
--
-- revision: 98791de4d3b3
-- down_revision: 3bd643ac233a
-- created: 2026-10-19T09:02:33Z

-- migrate:up lock_timeout:5s
-- A partition can't be added while the default one holds rows of its range, and
-- wrong clocks have sent some. They move over first, with writers kept out.
LOCK TABLE events_default IN ACCESS EXCLUSIVE MODE;

CREATE TABLE events_2027q1 (LIKE events INCLUDING DEFAULTS INCLUDING CONSTRAINTS);

WITH moved AS (
    DELETE FROM events_default
    WHERE occurred_at >= '2027-01-01 00:00:00+00' AND occurred_at < '2027-04-01 00:00:00+00'
    RETURNING *
)
INSERT INTO events_2027q1 SELECT * FROM moved;

ALTER TABLE events ATTACH PARTITION events_2027q1
    FOR VALUES FROM ('2027-01-01 00:00:00+00') TO ('2027-04-01 00:00:00+00');

-- migrate:down lock_timeout:5s
-- The rows go back to the default partition, with the ids they have.
ALTER TABLE events DETACH PARTITION events_2027q1;

INSERT INTO events OVERRIDING SYSTEM VALUE SELECT * FROM events_2027q1;

DROP TABLE events_2027q1;
