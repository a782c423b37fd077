-- The database and its roles. psql runs it as a superuser, as often as one likes; it gives the roles the passwords
-- of the environment (OWNER_PASSWORD, WORKER_PASSWORD, FLOWER_PASSWORD, MAINTAINER_PASSWORD; without the last one, the
-- role that maintains cannot log in). It needs a psql of version 15 or newer:
--
--   psql --no-psqlrc --file deploy/postgresql/roles.sql
--
-- Then `flowledger migrate` as flowledger_owner, and grants.sql.
\set ON_ERROR_STOP on
\getenv owner_password OWNER_PASSWORD
\getenv worker_password WORKER_PASSWORD
\getenv flower_password FLOWER_PASSWORD
\getenv maintainer_password MAINTAINER_PASSWORD

-- Passwords must not get into the server's log, not even with a statement that fails.
SET log_statement = 'none';
SET log_min_duration_statement = -1;
SET log_min_error_statement = 'panic';

SELECT format('CREATE ROLE %I LOGIN', name)
FROM (VALUES ('flowledger_owner'), ('flowledger_worker'), ('flowledger_flower'), ('flowledger_maintainer')) AS wanted (name)
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) \gexec
ALTER ROLE flowledger_owner PASSWORD :'owner_password';
ALTER ROLE flowledger_worker PASSWORD :'worker_password';
ALTER ROLE flowledger_flower PASSWORD :'flower_password';
\if :{?maintainer_password}
ALTER ROLE flowledger_maintainer PASSWORD :'maintainer_password';
\endif

SELECT 'CREATE DATABASE flowledger OWNER flowledger_owner ENCODING ''UTF8'' TEMPLATE template0'
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'flowledger') \gexec
REVOKE ALL ON DATABASE flowledger FROM PUBLIC;
GRANT CONNECT ON DATABASE flowledger TO flowledger_worker, flowledger_flower, flowledger_maintainer;

-- Before PostgreSQL 15 everybody may make tables and functions in the schema `public`.
\connect flowledger
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE, CREATE ON SCHEMA public TO flowledger_owner;
