"""Rules of columns as domains on PostgreSQL

PostgreSQL reads the CHECKs of a table anew for each statement; the checks of a domain it remembers. The rules are the
same. SQLite knows no domains and keeps its CHECKs.

Revision ID: 0002
Revises: 0001
"""

from __future__ import annotations

from typing import NamedTuple

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

STATUSES = (
    "'pending', 'retrying', 'queued', 'running', 'paused', 'completed', 'failed', 'cancelled', 'timed_out', 'skipped'"
)


class Rule(NamedTuple):
    """A domain, its base (what the columns were), its rule (`{}` is the value), and the tables with their defaults."""

    column: str
    domain: str
    base: str
    rule: str
    tables: dict[str, str | None]


RULES = (
    Rule(
        "status", "status", "VARCHAR(16)", f"{{}} IN ({STATUSES})",
        {"executions": "pending", "execution_logs": "pending", "tasks": "pending"},
    ),
    Rule(
        "status", "delivery_status", "VARCHAR(16)", "{} IN ('pending', 'sent', 'expired', 'failed', 'delivered')",
        {"message_deliveries": "pending"},
    ),
    Rule(
        "status", "dead_letter_status", "VARCHAR(16)", "{} IN ('open', 'replayed', 'discarded')",
        {"dead_letters": "open"},
    ),
    Rule(
        "level", "level", "VARCHAR(8)", "{} IN ('debug', 'info', 'warning', 'error', 'critical')",
        {"task_logs": None},
    ),
    Rule(
        "message_type", "message_type", "TEXT", "{} IN ('request', 'response', 'notification', 'command')",
        {"messages": None},
    ),
    Rule(
        "attempt", "attempt", "BIGINT", "{} >= 1", {"executions": "1", "execution_logs": None, "tasks": "1"},
    ),
    Rule("progress", "progress", "DOUBLE PRECISION", "{0} >= 0 AND {0} <= 1", {"tasks": None}),
)  # fmt: skip


def upgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    for column, domain, base, rule, tables in RULES:
        op.execute(f"CREATE DOMAIN ledger_{domain} AS {base} CHECK ({rule.format('VALUE')})")
        for table, default in tables.items():
            op.execute(f"ALTER TABLE {table} DROP CONSTRAINT ck_{table}_{column}")
            _retype(table, column, f"ledger_{domain}", default)


def downgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    for column, domain, base, rule, tables in RULES:
        for table, default in tables.items():
            _retype(table, column, base, default)
            op.execute(f"ALTER TABLE {table} ADD CONSTRAINT ck_{table}_{column} CHECK ({rule.format(column)})")
        op.execute(f"DROP DOMAIN ledger_{domain}")


def _retype(table: str, column: str, type_: str, default: str | None) -> None:
    """All in one statement; the default is set anew, or it would stay one of the type before."""
    actions = [f"ALTER {column} TYPE {type_}"]
    if default is not None:
        actions = [f"ALTER {column} DROP DEFAULT", *actions, f"ALTER {column} SET DEFAULT '{default}'"]
    op.execute(f"ALTER TABLE {table} {', '.join(actions)}")
