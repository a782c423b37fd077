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
REVOKE UPDATE ON holds, held FROM flowledger_worker;  -- holds are added; who may delete ends them
REVOKE ALL ON secrets, credentials, passwords, sessions, sign_in_tries FROM flowledger_worker;  -- see contract/users.md

-- Who maintains deletes what is old, but no audit lines one by one, and lets whole weeks go (docs/contract/retention.md).
GRANT SELECT ON ALL TABLES IN SCHEMA public TO flowledger_maintainer;
REVOKE ALL ON secrets, credentials, passwords, sessions, sign_in_tries FROM flowledger_maintainer;
GRANT SELECT (id, expires_at, revoked_at), DELETE ON sessions TO flowledger_maintainer;
GRANT DELETE ON executions, execution_logs, execution_failures, tasks, task_failures, task_logs TO flowledger_maintainer;
GRANT DELETE ON messages, message_deliveries, metrics, events, event_texts, outbox, drains TO flowledger_maintainer;
GRANT DELETE ON dead_letters, dead_letter_actions, held, holds TO flowledger_maintainer;
GRANT INSERT, UPDATE ON holds, held, horizons, departed, rounds, checkpoints TO flowledger_maintainer;
GRANT INSERT ON events, event_texts, audit_logs TO flowledger_maintainer;  -- that a hold was added or ended
GRANT UPDATE ON executions, tasks, messages, dead_letters TO flowledger_maintainer;  -- to lock a row before it goes
GRANT EXECUTE ON FUNCTION ledger_let_go, ledger_make_partitions TO flowledger_maintainer;

-- Flower and people read.
GRANT SELECT ON ALL TABLES IN SCHEMA public TO flowledger_flower;
REVOKE ALL ON secrets, credentials, passwords, sessions, sign_in_tries FROM flowledger_flower;
