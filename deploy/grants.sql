-- Two roles and what each may do:
--
--   app_migrator  runs aludel: owns what migrations make, in the one schema
--   app_user      is the application: reads and writes rows, alters nothing
--   app_schema    is the schema of the migrations (schema in aludel.toml)
--
-- These three names are the only ones in this file; put your own in their place:
--
--   sed -e s/app_migrator/shop_migrator/g -e s/app_user/shop/g -e s/app_schema/shop/g deploy/grants.sql | psql -v ON_ERROR_STOP=1 -d shop
--
-- Run it on the application's database as a superuser, or as the role that a provider gives out as administrator (one with CREATEROLE,
-- that owns the database). It can be run any number of times, and wants to be run twice: before the first migration, and once
-- more when "aludel ensure_version" has made the version table. The application gets nothing before that: what it were given by
-- default would be the version table as well.
--
-- It sets no password. In psql: \password app_migrator, \password app_user.

BEGIN;

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['app_migrator', 'app_user'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
            EXECUTE format('CREATE ROLE %I LOGIN', name);
        END IF;
        EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), name);
    END LOOP;
    -- Default privileges are set by members of the role that they are of alone. Who has CREATEROLE makes itself one.
    IF NOT pg_has_role(current_user, 'app_migrator', 'USAGE') THEN
        EXECUTE format('GRANT app_migrator TO %I', current_user);
    END IF;
END
$$;

-- Before PostgreSQL 15 everybody may create in the schema public. Where you see the warning "no privileges could be revoked", its owner
-- has to say this.
REVOKE CREATE ON SCHEMA public FROM PUBLIC;

CREATE SCHEMA IF NOT EXISTS app_schema;
GRANT USAGE, CREATE ON SCHEMA app_schema TO app_migrator;
GRANT USAGE ON SCHEMA app_schema TO app_user;

DO $$
BEGIN
    IF to_regclass('app_schema.alembic_version') IS NULL THEN
        RAISE NOTICE 'next: run "aludel ensure_version" as app_migrator, and then this file once more';
        RETURN;
    END IF;
    -- What is there, and what app_migrator will make.
    GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA app_schema TO app_user;
    GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA app_schema TO app_user;
    ALTER DEFAULT PRIVILEGES FOR ROLE app_migrator IN SCHEMA app_schema GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO app_user;
    ALTER DEFAULT PRIVILEGES FOR ROLE app_migrator IN SCHEMA app_schema GRANT USAGE, SELECT ON SEQUENCES TO app_user;
    -- The application may see which version it runs on, and not say it.
    REVOKE ALL ON app_schema.alembic_version FROM app_user;
    GRANT SELECT ON app_schema.alembic_version TO app_user;
    IF to_regclass('app_schema.aludel_history') IS NOT NULL THEN
        REVOKE ALL ON app_schema.aludel_history FROM app_user;
        GRANT SELECT ON app_schema.aludel_history TO app_user;
        REVOKE ALL ON SEQUENCE app_schema.aludel_history_id_seq FROM app_user;
    END IF;
END
$$;

COMMIT;

-- More than the least, and each a choice. Take the mark away.
-- To see who is in the way of a migration, with query and age, and not their pid alone:
--optional: GRANT pg_read_all_stats TO app_migrator;
-- For migrations that say CREATE EXTENSION (of trusted ones) or CREATE SCHEMA:
--optional: DO $$ BEGIN EXECUTE format('GRANT CREATE ON DATABASE %I TO app_migrator', current_database()); END $$;
-- To have an autovacuum give way at once, PostgreSQL 15 and newer, as a superuser:
--optional 15: GRANT SET ON PARAMETER deadlock_timeout TO app_migrator;
