"""A ledger with many executions, made by PostgreSQL itself, and one execution, `big`, with many tasks.

One execution in twenty failed, one in a thousand runs; the tables beside them have as many rows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from sqlalchemy import Connection, text

from flowledger.domain.keys import earliest_key, event_key, order_key
from flowledger.storage.schema.partitions import make_partitions

BIG: Final = "big"
WORKFLOW: Final = "wf_7"
SANDBOX: Final = "sb_7"

_TIME: Final = "2026-01-01 00:00:00.000000"
_KEYS: Final = {
    "key": event_key(1, 4, order_key(None, _TIME, "/engine", "e")),
    "order": order_key(None, _TIME, "/engine", "e"),
    "first": earliest_key(_TIME),
}
_STATUS: Final = (
    "CASE WHEN n % 1000 = 1 THEN 'running' WHEN n % 20 = 0 THEN 'failed' WHEN n % 50 = 3 THEN 'cancelled'"
    " ELSE 'completed' END"
)
_AT: Final = "timestamptz '2026-01-01' + n * interval '10 seconds'"
_ERROR: Final = """'{"type": "ToolError", "message": "the tool did not answer in time"}'::jsonb"""
_USAGE: Final = "jsonb_build_object('input_tokens', n % 5000, 'output_tokens', n % 700, 'cost_usd', 0.0001 * (n % 90))"

_ROWS: Final = {
    "executions": f"""
        INSERT INTO executions (id, status, workflow_id, workspace_id, agent_id, user_id, parent_execution_id,
            trigger_type, error, usage, created_at, started_at, finished_at, status_key, created_at_key, started_at_key)
        SELECT 'ex_' || n, {_STATUS}, 'wf_' || n % 50, 'ws_' || n % 20, 'ag_' || n % 200, 'us_' || n % 500,
            CASE WHEN n % 100 = 9 THEN 'ex_' || n - 1 END, 'api', CASE WHEN n % 20 = 0 THEN {_ERROR} END, {_USAGE},
            {_AT}, {_AT} + interval '1 second', CASE WHEN n % 1000 <> 1 THEN {_AT} + interval '40 seconds' END,
            :key, :first, :first
        FROM generate_series(1, :rows) n""",
    "execution_failures": f"""
        INSERT INTO execution_failures (execution_id, failed_at, status_key)
        SELECT 'ex_' || n, {_AT} + interval '40 seconds', :key FROM generate_series(20, :rows, 20) n""",
    "execution_logs": f"""
        INSERT INTO execution_logs (execution_id, node, iteration, attempt, status, usage, started_at, finished_at,
            status_key, started_at_key)
        SELECT 'ex_' || n, 'plan', 1, 1, 'completed', {_USAGE}, {_AT}, {_AT} + interval '20 seconds', :key, :first
        FROM generate_series(1, :rows) n""",
    "tasks": f"""
        INSERT INTO tasks (id, status, name, kind, execution_id, workspace_id, agent_id, user_id, error, usage,
            created_at, started_at, finished_at, status_key, created_at_key, started_at_key)
        SELECT 'ta_' || n, {_STATUS}, 'summarise', 'llm', 'ex_' || n, 'ws_' || n % 20, 'ag_' || n % 200,
            'us_' || n % 500, CASE WHEN n % 20 = 0 THEN {_ERROR} END, {_USAGE}, {_AT}, {_AT} + interval '2 seconds',
            CASE WHEN n % 1000 <> 1 THEN {_AT} + interval '30 seconds' END, :key, :first, :first
        FROM generate_series(1, :rows) n""",
    "task_failures": f"""
        INSERT INTO task_failures (task_id, failed_at, status_key)
        SELECT 'ta_' || n, {_AT} + interval '30 seconds', :key FROM generate_series(20, :rows, 20) n""",
    "messages": f"""
        INSERT INTO messages (id, from_sandbox_id, workspace_id, message_type, content, thread_id, execution_id,
            created_at, sent_key, created_at_key)
        SELECT 'me_' || n, 'sb_' || n % 1000, 'ws_' || n % 20, 'request', '{{"body": "please look"}}'::jsonb,
            'th_' || n % 5000, CASE WHEN n % 10 = 0 THEN 'ex_' || n END, {_AT}, :key, :first
        FROM generate_series(1, :rows) n""",
    "message_deliveries": f"""
        INSERT INTO message_deliveries (message_id, to_sandbox_id, status, delivered_at, status_key)
        SELECT 'me_' || n, 'sb_' || (n + 1) % 1000, CASE WHEN n % 500 = 0 THEN 'sent' ELSE 'delivered' END,
            {_AT} + interval '1 second', :key FROM generate_series(1, :rows) n""",
    "events": f"""
        INSERT INTO events (source, id, type, subject, time, partition, meaning, recorded_at)
        SELECT '/engine', 'e' || n, CASE WHEN n % 20 = 0 THEN 'execution.failed' ELSE 'execution.started' END,
            'ex_' || n, {_AT}, n % 8, decode(md5('e' || n), 'hex'), {_AT} + interval '0.1 seconds'
        FROM generate_series(1, :rows) n""",
}
_BIG_AT: Final = "timestamptz '2026-03-01' + n * interval '0.1 seconds'"
_BIG_ROWS: Final = (
    f"""
        INSERT INTO executions (id, status, workflow_id, error, usage, created_at, started_at, finished_at, status_key,
            created_at_key, started_at_key)
        VALUES ('{BIG}', 'failed', 'wf_7', {_ERROR}, '{{"cost_usd": 12.5}}', '2026-03-01 00:00Z', '2026-03-01 00:00Z',
            '2026-03-01 00:20Z', :key, :first, :first)""",
    f"INSERT INTO execution_failures VALUES ('{BIG}', '2026-03-01 00:20Z', :key)",
    f"""
        INSERT INTO execution_logs (execution_id, node, iteration, attempt, status, usage, started_at, finished_at,
            status_key, started_at_key)
        SELECT '{BIG}', 'step_' || n % 7, n, 1, 'completed', {_USAGE}, {_BIG_AT}, {_BIG_AT} + interval '2 seconds',
            :key, :first FROM generate_series(1, 200) n""",
    f"""
        INSERT INTO tasks (id, status, name, execution_id, error, usage, created_at, started_at, finished_at,
            status_key, created_at_key, started_at_key)
        SELECT '{BIG}_' || n, CASE WHEN n % 50 = 0 THEN 'failed' ELSE 'completed' END, 'fetch', '{BIG}',
            CASE WHEN n % 50 = 0 THEN {_ERROR} END, {_USAGE}, {_BIG_AT}, {_BIG_AT} + interval '0.5 seconds',
            {_BIG_AT} + interval '9 seconds', :key, :first, :first FROM generate_series(1, :tasks) n""",
    f"""
        INSERT INTO task_failures SELECT '{BIG}_' || n, {_BIG_AT} + interval '9 seconds', :key
        FROM generate_series(50, :tasks, 50) n""",
    f"""
        INSERT INTO task_logs (source, event_id, recorded_at, task_id, level, message, time, order_key)
        SELECT '/worker', 'l' || n, {_BIG_AT}, '{BIG}_' || n / 3 + 1, CASE n % 3 WHEN 2 THEN 'error' ELSE 'info' END,
            'line ' || n || ' of the work', {_BIG_AT}, :order || n FROM generate_series(0, 3 * :tasks - 1) n""",
    f"""
        INSERT INTO events (source, id, type, subject, time, partition, meaning, recorded_at)
        SELECT '/worker', 't' || n, 'task.started', '{BIG}_' || n / 4 + 1, {_BIG_AT}, 0, decode(md5('t' || n), 'hex'),
            {_BIG_AT}
        FROM generate_series(0, 4 * :tasks - 1) n""",
    f"""
        INSERT INTO dead_letters (id, stream, entry_id, raw, reason, field, detail, subject, first_seen)
        SELECT 'dead_' || n, 'ledger:events:0', n || '-0', '{{}}', 'invalid_data', 'data.error', 'error: missing',
            '{BIG}_' || n * 50, {_BIG_AT} FROM generate_series(1, :tasks / 500) n""",
)


def fill(connection: Connection, rows: int, tasks: int, tell: Callable[[str], None] = lambda _: None) -> None:
    """Fill the tables of a migrated database: so many rows each, and so many tasks of `big`; `tell` hears of each."""
    make_partitions(connection, "2026-01-01", 30)
    values = {**_KEYS, "rows": rows, "tasks": tasks}
    for table, statement in (*_ROWS.items(), *((BIG, statement) for statement in _BIG_ROWS)):
        tell(table)
        connection.execute(text(statement), {name: value for name, value in values.items() if f":{name}" in statement})
