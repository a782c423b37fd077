"""The tables of the first release, in SQL: one file beside this one for each kind of database

Revision ID: 0001
Revises: nothing
"""

from __future__ import annotations

import re
import uuid
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TABLES = (
    "agents", "audit_logs", "checkpoints", "collaborations", "credentials", "custom_nodes",
    "dead_letter_actions", "dead_letters", "departed", "drains", "erasures", "event_texts", "events", "execution_failures", "execution_logs",
    "task_logs", "executions", "held", "holds", "horizons", "knowledge", "ledger", "mcp_servers", "message_deliveries", "outbox", "messages",
    "metric_days", "metric_hours", "metrics", "passwords", "rounds", "sandboxes", "schedule_changes", "schedule_due",
    "schedule_looks", "schedules", "secrets", "sessions", "sign_in_tries", "sizes", "task_failures", "tasks", "users",
    "webhooks", "workflow_versions", "workflows", "workspaces",
)  # fmt: skip
"""Tables that refer to others come first."""
VIEWS = ("agent_activity", "daily_counts", "execution_summary", "sandbox_queue")
SEARCHED = ("agents", "custom_nodes", "knowledge", "users", "workflows")
"""Tables that have a full-text index, which is two tables more on SQLite."""
RULES = (
    "agent_status", "attempt", "collaboration_status", "confidence", "count", "dead_letter_action",
    "dead_letter_status", "delivery_status", "held", "kept", "level", "mcp_server_status", "message_type", "metric_kind",
    "missed", "progress", "role", "sandbox_status", "short_name", "status", "switch", "transport",
    "user_status", "version", "visibility", "workflow_status", "workspace_status",
)  # fmt: skip
"""Domains, on PostgreSQL."""
_STATEMENT = re.compile(r"\S(?:\$\$.*?\$\$|.)*?;$", re.DOTALL | re.MULTILINE)
"""A statement ends with a semicolon at the end of a line, but not in the body of a function."""


def upgrade() -> None:
    connection = op.get_bind()
    file = Path(__file__).with_name(f"0001.{connection.dialect.name}.sql")
    for statement in _STATEMENT.findall(file.read_text("utf-8")):
        connection.exec_driver_sql(statement)
    at = sa.DateTime().with_variant(sa.DateTime(timezone=True), "postgresql")
    ledger = sa.table("ledger", sa.column("id", sa.Text()), sa.column("created_at", at))
    op.bulk_insert(ledger, [{"id": uuid.uuid4().hex, "created_at": _now()}])


def downgrade() -> None:
    for view in VIEWS:
        op.execute(f"DROP VIEW {view}")
    for table in TABLES:
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION ledger_make_partitions, ledger_let_go")
        for rule in RULES:
            op.execute(f"DROP DOMAIN ledger_{rule}")
        return
    for table in SEARCHED:
        op.drop_table(f"{table}_search")
        op.drop_table(f"{table}_places")


def _now() -> datetime:
    """Return the current time in the form that the database accepts."""
    now = datetime.now(UTC)
    return now if op.get_bind().dialect.name == "postgresql" else now.replace(tzinfo=None)
