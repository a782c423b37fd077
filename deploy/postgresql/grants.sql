-- The rights on the tables, for the owner of the tables to give after each `flowledger migrate`:
--
--   psql --no-psqlrc --single-transaction --set ON_ERROR_STOP=1 --file deploy/postgresql/grants.sql "$OWNER_URL"
--
-- Workers record: they add rows, change them, and need no DDL.
GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA public TO flowledger_worker;
GRANT DELETE ON outbox TO flowledger_worker;  -- a delivered message leaves the outbox
GRANT DELETE ON schedule_changes, schedule_due TO flowledger_worker;  -- a change that the scheduler has seen
GRANT EXECUTE ON FUNCTION ledger_make_partitions TO flowledger_worker;  -- partitions in advance, and no other DDL
REVOKE UPDATE ON erasures FROM flowledger_worker;  -- what is erased, by whom and why, is added to, and no more
REVOKE UPDATE ON audit_logs FROM flowledger_worker;  -- lines are added, and neither changed nor deleted
REVOKE ALL ON secrets, credentials, passwords, sessions, sign_in_tries FROM flowledger_worker;  -- see contract/users.md

-- Flower and people read.
GRANT SELECT ON ALL TABLES IN SCHEMA public TO flowledger_flower;
REVOKE ALL ON secrets, credentials, passwords, sessions, sign_in_tries FROM flowledger_flower;
