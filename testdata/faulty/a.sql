-- Broken
--
-- revison: abc

-- migrate:up
SELECT 1;
