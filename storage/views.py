"""Views for common queries in SQL (docs/contract/views.md). No code of Flowledger reads them.

Each view counts beside the row that it is about: on PostgreSQL in one pass (LATERAL), on SQLite, which has no LATERAL,
by a query for each count. So a filter on the row, its id or its agent, leaves the other rows uncounted, and each count
goes by an index (tests/storage/test_plans_of_views.py). What agents did is counted in groups on PostgreSQL.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from sqlalchemy import DDL, event

from flowledger.domain.kinds.messages import DeliveryStatus
from flowledger.domain.statuses import Status
from flowledger.storage.schema.columns import metadata

_OF_NODE_RUNS: Final = (Status.RUNNING, Status.RETRYING, Status.COMPLETED, Status.FAILED, Status.SKIPPED)
_OF_AGENTS: Final = (Status.RUNNING, Status.COMPLETED, Status.FAILED, Status.TIMED_OUT)
_WAITING: Final = "one.status IN ('pending', 'sent')"


class _Spelling(NamedTuple):
    """How a dialect writes what the two write differently; `{}` is a column or a table."""

    day: str
    as_in_keys: str
    place: str
    seconds: str


_SPELLINGS: Final = {
    "postgresql": _Spelling(
        "({}.created_at AT TIME ZONE 'UTC')::date",
        "to_char({} AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')",
        "strpos",
        "extract(epoch FROM e.finished_at - e.started_at)::double precision",
    ),
    "sqlite": _Spelling(
        "substr({}.created_at, 1, 10)",
        "{}",
        "instr",
        "((strftime('%s', substr(e.finished_at, 1, 19)) - strftime('%s', substr(e.started_at, 1, 19))) * 1000000\n"
        "            + substr(e.finished_at, 21) - substr(e.started_at, 21)) / 1000000.0",
    ),
}


class _Counts(NamedTuple):
    """Aggregates over the rows `one` of a table that belong to a row of a view."""

    name: str
    table: str
    belongs: str
    columns: dict[str, str]

    def shown(self, dialect: str) -> str:
        """Return the columns of the view."""
        if dialect == "postgresql":
            return ",\n        ".join(f"of_{self.name}.{column}" for column in self.columns)
        query = f"(SELECT {{}} FROM {self.table} one WHERE {self.belongs}) AS {{}}"
        return ",\n        ".join(query.format(value, column) for column, value in self.columns.items())

    def joined(self, dialect: str) -> str:
        """Return what stands behind the tables of the view."""
        if dialect != "postgresql":
            return ""
        values = ",\n            ".join(f"{value} AS {column}" for column, value in self.columns.items())
        source = f"FROM {self.table} one WHERE {self.belongs}"
        return f"\n    CROSS JOIN LATERAL (\n        SELECT {values}\n        {source}\n    ) of_{self.name}"


def _by_status(name: str, statuses: Iterable[str], column: str = "status") -> dict[str, str]:
    """Return the count of all, `name`, and of each status, `name_status`."""
    return {name: f"count(one.{column})"} | {
        f"{name}_{status}": f"count(*) FILTER (WHERE one.{column} = '{status}')" for status in statuses
    }


def _execution_summary(dialect: str) -> str:
    mine = "one.execution_id = e.id"
    tasks = _Counts("tasks", "tasks", mine, _by_status("tasks", Status))
    nodes = _Counts("node_runs", "execution_logs", mine, _by_status("node_runs", _OF_NODE_RUNS))
    return f"""
    SELECT e.id, e.status, e.attempt, e.workflow_id, workflow.name AS workflow_name, e.agent_id,
        agent.name AS agent_name, e.workspace_id, e.sandbox_id, e.user_id, e.parent_execution_id, e.mode,
        e.trigger_type, e.error, e.reason, e.iterations, e.created_at, e.started_at, e.finished_at,
        {_took_seconds(_SPELLINGS[dialect])} AS took_seconds,
        {tasks.shown(dialect)},
        {nodes.shown(dialect)}
    FROM executions e
    LEFT JOIN workflows workflow ON workflow.id = e.workflow_id
    LEFT JOIN agents agent ON agent.id = e.agent_id{tasks.joined(dialect)}{nodes.joined(dialect)}"""


def _took_seconds(spelling: _Spelling) -> str:
    """Return the time between, if both ends have times of their own, as `storage.timed.Timed` has it.

    The event that owns the status has a time of its own if the key holds it (`domain.keys`), in the form of the key.
    """
    return f"""CASE WHEN e.finished_at >= e.started_at AND substr(e.started_at_key, 1, 1) = '0'
            AND {spelling.place}(e.status_key, '1' || {spelling.as_in_keys.format("e.finished_at")}) > 0
        THEN {spelling.seconds} END"""


_AGENT: Final = "known.agent_id, agent.name, agent.status, agent.kind, agent.workspace_id, agent.deleted_at"


def _agent_activity(dialect: str) -> str:
    return _agents_grouped() if dialect == "postgresql" else _agents_one_by_one(dialect)


def _agents_grouped() -> str:
    """Count by a group for each agent: all rows are read once, or, through the group, those of the agents asked for.

    Measured on 100,000 executions and 300,000 tasks of 200 agents: all agents in a tenth of the time.
    """
    counts = _by_status("executions", _OF_AGENTS, "execution") | _by_status("tasks", _OF_AGENTS, "task")
    counts |= {"last_activity_at": "max(one.last_at)"}
    shown = ",\n        ".join(f"known.{column}" for column in counts)
    values = ",\n            ".join(f"{value} AS {column}" for column, value in counts.items())
    return f"""
    SELECT {_AGENT},
        {shown}
    FROM (
        SELECT one.agent_id,
            {values}
        FROM (
            SELECT agent_id, status AS execution, NULL AS task,
                coalesce(finished_at, started_at, created_at) AS last_at
            FROM executions WHERE agent_id IS NOT NULL
            UNION ALL
            SELECT agent_id, NULL, status, coalesce(finished_at, started_at, created_at)
            FROM tasks WHERE agent_id IS NOT NULL
            UNION ALL
            SELECT id, NULL, NULL, NULL FROM agents
        ) one GROUP BY one.agent_id
    ) known
    LEFT JOIN agents agent ON agent.id = known.agent_id"""


def _agents_one_by_one(dialect: str) -> str:
    """Count each agent's rows by themselves: SQLite does not push a filter through a group over a union."""
    mine, last = "one.agent_id = known.agent_id", "coalesce(one.finished_at, one.started_at, one.created_at) AS last_at"
    executions = _Counts("executions", "executions", mine, _by_status("executions", _OF_AGENTS))
    tasks = _Counts("tasks", "tasks", mine, _by_status("tasks", _OF_AGENTS))
    return f"""
    SELECT {_AGENT},
        {executions.shown(dialect)},
        {tasks.shown(dialect)},
        (SELECT max(last_at) FROM (
            SELECT {last} FROM executions one WHERE {mine}
            UNION ALL
            SELECT {last} FROM tasks one WHERE {mine}
        ) work) AS last_activity_at
    FROM (
        SELECT id AS agent_id FROM agents
        UNION
        SELECT agent_id FROM executions WHERE agent_id IS NOT NULL
        UNION
        SELECT agent_id FROM tasks WHERE agent_id IS NOT NULL
    ) known
    LEFT JOIN agents agent ON agent.id = known.agent_id{executions.joined(dialect)}{tasks.joined(dialect)}"""


def _sandbox_queue(dialect: str) -> str:
    sent_at = "(SELECT message.created_at FROM messages message WHERE message.id = one.message_id)"
    counts = {"messages": "count(*)", "waiting": f"count(*) FILTER (WHERE {_WAITING})"}
    counts |= {str(status): f"count(*) FILTER (WHERE one.status = '{status}')" for status in DeliveryStatus}
    counts |= {"oldest_waiting_at": f"min({sent_at}) FILTER (WHERE {_WAITING})"}
    counts |= {"last_delivered_at": "max(one.delivered_at)"}
    deliveries = _Counts("deliveries", "message_deliveries", "one.to_sandbox_id = known.sandbox_id", counts)
    return f"""
    SELECT known.sandbox_id, sandbox.name, sandbox.status, sandbox.workspace_id, sandbox.agent_id,
        {deliveries.shown(dialect)}
    FROM (
        SELECT id AS sandbox_id FROM sandboxes
        UNION
        SELECT to_sandbox_id FROM message_deliveries
    ) known
    LEFT JOIN sandboxes sandbox ON sandbox.id = known.sandbox_id{deliveries.joined(dialect)}"""


def _daily_counts(dialect: str) -> str:
    day = _SPELLINGS[dialect].day.format
    return f"""
    SELECT day, kind, status, count(*) AS count
    FROM (
        SELECT {day("execution")} AS day, 'execution' AS kind, status FROM executions execution
        UNION ALL
        SELECT {day("task")}, 'task', status FROM tasks task
        UNION ALL
        SELECT {day("message")}, 'message', NULL FROM messages message
        UNION ALL
        SELECT {day("message")}, 'delivery', delivery.status
        FROM message_deliveries delivery JOIN messages message ON message.id = delivery.message_id
    ) one GROUP BY day, kind, status"""


VIEWS: Final = {
    "execution_summary": _execution_summary,
    "agent_activity": _agent_activity,
    "sandbox_queue": _sandbox_queue,
    "daily_counts": _daily_counts,
}
"""Each view, and what makes its SELECT for a dialect."""


def _declare() -> None:
    """Make the views behind the tables that they read, and drop them before these."""
    for name, select in VIEWS.items():
        for dialect in _SPELLINGS:
            made = _statement(f"CREATE VIEW {name} AS{select(dialect)}")
            event.listen(metadata, "after_create", made.execute_if(dialect=dialect))
        event.listen(metadata, "before_drop", _statement(f"DROP VIEW IF EXISTS {name}"))


def _statement(text: str) -> DDL:
    return DDL(text.replace("%", "%%"))  # type: ignore[no-untyped-call]


_declare()
