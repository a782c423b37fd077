"""Workspaces and sandboxes

Revision ID: 0005
Revises: 0004
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
TIME = sa.DateTime().with_variant(sa.DateTime(timezone=True), "postgresql")
JSON = sa.Text().with_variant(postgresql.JSONB(), "postgresql")

WORKSPACE_STATUS = "{} IN ('active', 'archived')"
SANDBOX_STATUS = "{} IN ('provisioning', 'starting', 'running', 'stopping', 'stopped', 'error')"
SHORT_NAME = "length({}) BETWEEN 1 AND 255"
DOMAINS = {
    "ledger_workspace_status": ("VARCHAR(16)", WORKSPACE_STATUS),
    "ledger_sandbox_status": ("VARCHAR(16)", SANDBOX_STATUS),
    "ledger_short_name": ("TEXT", SHORT_NAME),
}
"""Rules of columns: domains on PostgreSQL, CHECKs on SQLite; `{}` is the value."""


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        for domain, (base, rule) in DOMAINS.items():
            op.execute(f"CREATE DOMAIN {domain} AS {base} CHECK ({rule.format('VALUE')})")
    op.create_table(
        "workspaces",
        sa.Column("id", NAME, nullable=False),
        sa.Column("status", _ruled("ledger_workspace_status", sa.String(16)), server_default="active", nullable=False),
        sa.Column("name", _ruled("ledger_short_name", sa.Text()), nullable=True),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("user_id", NAME, nullable=True),
        sa.Column("settings", JSON, nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("archived_at", TIME, nullable=True),
        sa.Column("status_key", NAME, server_default="", nullable=False),
        sa.Column("created_at_key", NAME, server_default="~", nullable=False),
        sa.Column("name_key", NAME, server_default="", nullable=False),
        sa.Column("description_key", NAME, server_default="", nullable=False),
        sa.Column("user_id_key", NAME, server_default="", nullable=False),
        sa.Column("settings_key", NAME, server_default="", nullable=False),
        _check("workspaces", "status", WORKSPACE_STATUS),
        _check("workspaces", "name", SHORT_NAME),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_workspaces")),
        postgresql_with={"fillfactor": 70},
    )
    op.create_index("ix_workspaces_user_id", "workspaces", ["user_id", "created_at", "id"], unique=False)
    op.create_index("ix_workspaces_status", "workspaces", ["status", "created_at", "id"], unique=False)
    op.create_index("ix_workspaces_created_at", "workspaces", ["created_at", "id"], unique=False)
    op.create_table(
        "sandboxes",
        sa.Column("id", NAME, nullable=False),
        sa.Column(
            "status", _ruled("ledger_sandbox_status", sa.String(16)), server_default="provisioning", nullable=False
        ),
        sa.Column("workspace_id", NAME, nullable=True),
        sa.Column("name", _ruled("ledger_short_name", sa.Text()), nullable=True),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("agent_id", NAME, nullable=True),
        sa.Column("user_id", NAME, nullable=True),
        sa.Column("container_id", NAME, nullable=True),
        sa.Column("agent_config", JSON, nullable=True),
        sa.Column("resource_limits", JSON, nullable=True),
        sa.Column("connection", JSON, nullable=True),
        sa.Column("health", JSON, nullable=True),
        sa.Column("error", JSON, nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("started_at", TIME, nullable=True),
        sa.Column("status_at", TIME, nullable=True),
        sa.Column("status_key", NAME, server_default="", nullable=False),
        sa.Column("created_at_key", NAME, server_default="~", nullable=False),
        sa.Column("started_at_key", NAME, server_default="~", nullable=False),
        sa.Column("workspace_id_key", NAME, server_default="", nullable=False),
        sa.Column("name_key", NAME, server_default="", nullable=False),
        sa.Column("description_key", NAME, server_default="", nullable=False),
        sa.Column("agent_id_key", NAME, server_default="", nullable=False),
        sa.Column("user_id_key", NAME, server_default="", nullable=False),
        sa.Column("container_id_key", NAME, server_default="", nullable=False),
        sa.Column("agent_config_key", NAME, server_default="", nullable=False),
        sa.Column("resource_limits_key", NAME, server_default="", nullable=False),
        sa.Column("connection_key", NAME, server_default="", nullable=False),
        sa.Column("health_key", NAME, server_default="", nullable=False),
        _check("sandboxes", "status", SANDBOX_STATUS),
        _check("sandboxes", "name", SHORT_NAME),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sandboxes")),
        postgresql_with={"fillfactor": 70},
    )
    op.create_index("ix_sandboxes_workspace_id", "sandboxes", ["workspace_id", "created_at", "id"], unique=False)
    op.create_index("ix_sandboxes_status", "sandboxes", ["status", "created_at", "id"], unique=False)
    op.create_index("ix_sandboxes_created_at", "sandboxes", ["created_at", "id"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_sandboxes_created_at", table_name="sandboxes")
    op.drop_index("ix_sandboxes_status", table_name="sandboxes")
    op.drop_index("ix_sandboxes_workspace_id", table_name="sandboxes")
    op.drop_table("sandboxes")
    op.drop_index("ix_workspaces_created_at", table_name="workspaces")
    op.drop_index("ix_workspaces_status", table_name="workspaces")
    op.drop_index("ix_workspaces_user_id", table_name="workspaces")
    op.drop_table("workspaces")
    if op.get_bind().dialect.name == "postgresql":
        for domain in DOMAINS:
            op.execute(f"DROP DOMAIN {domain}")


def _ruled(domain: str, base: sa.types.TypeEngine[str]) -> sa.types.TypeEngine[str]:
    rule = DOMAINS[domain][1].format("VALUE")
    return base.with_variant(postgresql.DOMAIN(domain, base, check=rule, create_type=False), "postgresql")


def _check(table: str, column: str, rule: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(rule.format(column), name=op.f(f"ck_{table}_{column}")).ddl_if(dialect="sqlite")
