-- Keep updated_at current
--
-- revision: 1f5bfcbc576b
-- down_revision: 8bd4a1290ff7
-- created: 2026-01-21T10:33:47Z

-- migrate:up
CREATE FUNCTION set_updated_at() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    -- An UPDATE that changes nothing is no edit.
    IF NEW IS DISTINCT FROM OLD THEN
        NEW.updated_at := now();
    END IF;
    RETURN NEW;
END;
$$;

COMMENT ON FUNCTION set_updated_at() IS 'Trigger for tables with a column updated_at';

CREATE TRIGGER experiments_set_updated_at
    BEFORE UPDATE ON experiments
    FOR EACH ROW EXECUTE FUNCTION set_updated_at();

CREATE TRIGGER variants_set_updated_at
    BEFORE UPDATE ON variants
    FOR EACH ROW EXECUTE FUNCTION set_updated_at();

-- migrate:down
DROP TRIGGER variants_set_updated_at ON variants;
DROP TRIGGER experiments_set_updated_at ON experiments;
DROP FUNCTION set_updated_at();
