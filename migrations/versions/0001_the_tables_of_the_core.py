"""The tables of the core

Revision ID: 0001
Revises: nothing
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
TIME = sa.DateTime().with_variant(sa.DateTime(timezone=True), "postgresql")
JSON = sa.Text().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    op.create_table(
        "checkpoints",
        sa.Column("stream", sa.Text(), nullable=False),
        sa.Column("entry_id", sa.Text(), nullable=False),
        sa.Column("recorded_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("stream", name=op.f("pk_checkpoints")),
    )
    op.create_table(
        "dead_letters",
        sa.Column("id", NAME, nullable=False),
        sa.Column("stream", sa.Text(), nullable=False),
        sa.Column("entry_id", sa.Text(), nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.Column("reason", sa.String(length=32), nullable=False),
        sa.Column("field", sa.Text(), server_default="", nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=True),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("event_id", sa.Text(), nullable=True),
        sa.Column("first_seen", TIME, nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="1", nullable=False),
        sa.Column("status", sa.String(length=16), server_default="open", nullable=False),
        sa.CheckConstraint("status IN ('open', 'replayed', 'discarded')", name=op.f("ck_dead_letters_status")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dead_letters")),
    )
    op.create_index("ix_dead_letters_status", "dead_letters", ["status", "first_seen", "id"], unique=False)
    op.create_table(
        "events",
        sa.Column("source", NAME, nullable=False),
        sa.Column("id", NAME, nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("subject", NAME, nullable=False),
        sa.Column("time", TIME, nullable=True),
        sa.Column("sequence", sa.Text(), nullable=True),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("raw", sa.Text(), nullable=False),
        sa.Column("recorded_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("source", "id", name=op.f("pk_events")),
    )
    op.create_table(
        "executions",
        sa.Column("id", NAME, nullable=False),
        sa.Column("status", sa.String(length=16), server_default="pending", nullable=False),
        sa.Column("attempt", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("workflow_id", NAME, nullable=True),
        sa.Column("workspace_id", NAME, nullable=True),
        sa.Column("sandbox_id", NAME, nullable=True),
        sa.Column("agent_id", NAME, nullable=True),
        sa.Column("user_id", NAME, nullable=True),
        sa.Column("parent_execution_id", NAME, nullable=True),
        sa.Column("retry_of", sa.Text(), nullable=True),
        sa.Column("mode", sa.Text(), nullable=True),
        sa.Column("trigger_type", sa.Text(), nullable=True),
        sa.Column("input", JSON, nullable=True),
        sa.Column("output", JSON, nullable=True),
        sa.Column("error", JSON, nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("usage", JSON, nullable=True),
        sa.Column("initial_state", JSON, nullable=True),
        sa.Column("current_state", JSON, nullable=True),
        sa.Column("final_state", JSON, nullable=True),
        sa.Column("iterations", sa.BigInteger(), nullable=True),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("started_at", TIME, nullable=True),
        sa.Column("finished_at", TIME, nullable=True),
        sa.Column("status_key", NAME, server_default="", nullable=False),
        sa.Column("current_state_key", NAME, server_default="", nullable=False),
        sa.Column("created_at_key", NAME, server_default="~", nullable=False),
        sa.Column("started_at_key", NAME, server_default="~", nullable=False),
        sa.Column("workflow_id_key", NAME, server_default="", nullable=False),
        sa.Column("workspace_id_key", NAME, server_default="", nullable=False),
        sa.Column("sandbox_id_key", NAME, server_default="", nullable=False),
        sa.Column("agent_id_key", NAME, server_default="", nullable=False),
        sa.Column("user_id_key", NAME, server_default="", nullable=False),
        sa.Column("parent_execution_id_key", NAME, server_default="", nullable=False),
        sa.Column("retry_of_key", NAME, server_default="", nullable=False),
        sa.Column("mode_key", NAME, server_default="", nullable=False),
        sa.Column("trigger_type_key", NAME, server_default="", nullable=False),
        sa.Column("input_key", NAME, server_default="", nullable=False),
        sa.Column("initial_state_key", NAME, server_default="", nullable=False),
        sa.CheckConstraint(
            "status IN ('pending', 'retrying', 'queued', 'running', 'paused', 'completed', 'failed', 'cancelled', 'timed_out', 'skipped')",
            name=op.f("ck_executions_status"),
        ),
        sa.CheckConstraint("attempt >= 1", name=op.f("ck_executions_attempt")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_executions")),
        postgresql_with={"fillfactor": 70},
    )
    op.create_index("ix_executions_created_at", "executions", ["created_at", "id"], unique=False)
    op.create_index("ix_executions_workflow_id", "executions", ["workflow_id", "created_at", "id"], unique=False)
    op.create_table(
        "messages",
        sa.Column("id", NAME, nullable=False),
        sa.Column("from_sandbox_id", NAME, nullable=True),
        sa.Column("workspace_id", NAME, nullable=True),
        sa.Column("message_type", sa.Text(), nullable=True),
        sa.Column("content", JSON, nullable=True),
        sa.Column("thread_id", NAME, nullable=True),
        sa.Column("in_reply_to", sa.Text(), nullable=True),
        sa.Column("execution_id", NAME, nullable=True),
        sa.Column("task_id", NAME, nullable=True),
        sa.Column("priority", sa.BigInteger(), nullable=True),
        sa.Column("expires_at", TIME, nullable=True),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("sent_key", NAME, server_default="", nullable=False),
        sa.Column("created_at_key", NAME, server_default="~", nullable=False),
        sa.CheckConstraint(
            "message_type IN ('request', 'response', 'notification', 'command')", name=op.f("ck_messages_message_type")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_messages")),
    )
    op.create_index("ix_messages_from_sandbox_id", "messages", ["from_sandbox_id", "created_at", "id"], unique=False)
    op.create_index("ix_messages_thread_id", "messages", ["thread_id", "created_at", "id"], unique=False)
    op.create_index("ix_messages_workspace_id", "messages", ["workspace_id", "created_at", "id"], unique=False)
    op.create_table(
        "tasks",
        sa.Column("id", NAME, nullable=False),
        sa.Column("status", sa.String(length=16), server_default="pending", nullable=False),
        sa.Column("attempt", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=True),
        sa.Column("execution_id", NAME, nullable=True),
        sa.Column("parent_task_id", NAME, nullable=True),
        sa.Column("retry_of", sa.Text(), nullable=True),
        sa.Column("workspace_id", NAME, nullable=True),
        sa.Column("sandbox_id", NAME, nullable=True),
        sa.Column("agent_id", NAME, nullable=True),
        sa.Column("user_id", NAME, nullable=True),
        sa.Column("priority", sa.BigInteger(), nullable=True),
        sa.Column("input", JSON, nullable=True),
        sa.Column("worker", sa.Text(), nullable=True),
        sa.Column("output", JSON, nullable=True),
        sa.Column("error", JSON, nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("usage", JSON, nullable=True),
        sa.Column("progress", sa.Double(), nullable=True),
        sa.Column("progress_message", sa.Text(), nullable=True),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("started_at", TIME, nullable=True),
        sa.Column("finished_at", TIME, nullable=True),
        sa.Column("status_key", NAME, server_default="", nullable=False),
        sa.Column("start_key", NAME, server_default="", nullable=False),
        sa.Column("progress_key", NAME, server_default="", nullable=False),
        sa.Column("created_at_key", NAME, server_default="~", nullable=False),
        sa.Column("started_at_key", NAME, server_default="~", nullable=False),
        sa.Column("name_key", NAME, server_default="", nullable=False),
        sa.Column("kind_key", NAME, server_default="", nullable=False),
        sa.Column("execution_id_key", NAME, server_default="", nullable=False),
        sa.Column("parent_task_id_key", NAME, server_default="", nullable=False),
        sa.Column("retry_of_key", NAME, server_default="", nullable=False),
        sa.Column("workspace_id_key", NAME, server_default="", nullable=False),
        sa.Column("sandbox_id_key", NAME, server_default="", nullable=False),
        sa.Column("agent_id_key", NAME, server_default="", nullable=False),
        sa.Column("user_id_key", NAME, server_default="", nullable=False),
        sa.Column("priority_key", NAME, server_default="", nullable=False),
        sa.Column("input_key", NAME, server_default="", nullable=False),
        sa.CheckConstraint(
            "status IN ('pending', 'retrying', 'queued', 'running', 'paused', 'completed', 'failed', 'cancelled', 'timed_out', 'skipped')",
            name=op.f("ck_tasks_status"),
        ),
        sa.CheckConstraint("attempt >= 1", name=op.f("ck_tasks_attempt")),
        sa.CheckConstraint("progress >= 0 AND progress <= 1", name=op.f("ck_tasks_progress")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tasks")),
        postgresql_with={"fillfactor": 70},
    )
    op.create_index("ix_tasks_created_at", "tasks", ["created_at", "id"], unique=False)
    op.create_index("ix_tasks_execution_id", "tasks", ["execution_id", "created_at", "id"], unique=False)
    op.create_table(
        "execution_logs",
        sa.Column("execution_id", NAME, nullable=False),
        sa.Column("node", NAME, nullable=False),
        sa.Column("iteration", sa.BigInteger(), nullable=False),
        sa.Column("attempt", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(length=16), server_default="pending", nullable=False),
        sa.Column("agent_id", NAME, nullable=True),
        sa.Column("input", JSON, nullable=True),
        sa.Column("output", JSON, nullable=True),
        sa.Column("error", JSON, nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("usage", JSON, nullable=True),
        sa.Column("state", JSON, nullable=True),
        sa.Column("started_at", TIME, nullable=True),
        sa.Column("finished_at", TIME, nullable=True),
        sa.Column("status_key", NAME, server_default="", nullable=False),
        sa.Column("start_key", NAME, server_default="", nullable=False),
        sa.Column("started_at_key", NAME, server_default="~", nullable=False),
        sa.CheckConstraint(
            "status IN ('pending', 'retrying', 'queued', 'running', 'paused', 'completed', 'failed', 'cancelled', 'timed_out', 'skipped')",
            name=op.f("ck_execution_logs_status"),
        ),
        sa.CheckConstraint("attempt >= 1", name=op.f("ck_execution_logs_attempt")),
        sa.ForeignKeyConstraint(
            ["execution_id"], ["executions.id"], name=op.f("fk_execution_logs_execution_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("execution_id", "node", "iteration", "attempt", name=op.f("pk_execution_logs")),
    )
    op.create_table(
        "message_deliveries",
        sa.Column("message_id", NAME, nullable=False),
        sa.Column("to_sandbox_id", NAME, nullable=False),
        sa.Column("status", sa.String(length=16), server_default="pending", nullable=False),
        sa.Column("sent_at", TIME, nullable=True),
        sa.Column("delivered_at", TIME, nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("status_key", NAME, server_default="", nullable=False),
        sa.Column("sent_at_key", NAME, server_default="~", nullable=False),
        sa.Column("delivered_at_key", NAME, server_default="~", nullable=False),
        sa.CheckConstraint(
            "status IN ('pending', 'sent', 'expired', 'failed', 'delivered')", name=op.f("ck_message_deliveries_status")
        ),
        sa.ForeignKeyConstraint(
            ["message_id"], ["messages.id"], name=op.f("fk_message_deliveries_message_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("message_id", "to_sandbox_id", name=op.f("pk_message_deliveries")),
    )
    op.create_index(
        "ix_message_deliveries_to_sandbox_id", "message_deliveries", ["to_sandbox_id", "message_id"], unique=False
    )
    op.create_table(
        "task_logs",
        sa.Column("source", NAME, nullable=False),
        sa.Column("event_id", NAME, nullable=False),
        sa.Column("task_id", NAME, nullable=True),
        sa.Column("execution_id", NAME, nullable=True),
        sa.Column("node", NAME, nullable=True),
        sa.Column("iteration", sa.BigInteger(), nullable=True),
        sa.Column("level", sa.String(length=8), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("logger", sa.Text(), nullable=True),
        sa.Column("context", JSON, nullable=True),
        sa.Column("time", TIME, nullable=False),
        sa.Column("sequence", sa.Text(), nullable=True),
        sa.Column("order_key", NAME, nullable=False),
        sa.CheckConstraint(
            "level IN ('debug', 'info', 'warning', 'error', 'critical')", name=op.f("ck_task_logs_level")
        ),
        sa.CheckConstraint("(task_id IS NULL) <> (execution_id IS NULL)", name=op.f("ck_task_logs_subject")),
        sa.ForeignKeyConstraint(
            ["execution_id"], ["executions.id"], name=op.f("fk_task_logs_execution_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["task_id"], ["tasks.id"], name=op.f("fk_task_logs_task_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("source", "event_id", name=op.f("pk_task_logs")),
    )
    op.create_index(
        "ix_task_logs_execution_id",
        "task_logs",
        ["execution_id", "time"],
        unique=False,
        postgresql_where=sa.text("execution_id IS NOT NULL"),
        sqlite_where=sa.text("execution_id IS NOT NULL"),
    )
    op.create_index(
        "ix_task_logs_task_id",
        "task_logs",
        ["task_id", "time"],
        unique=False,
        postgresql_where=sa.text("task_id IS NOT NULL"),
        sqlite_where=sa.text("task_id IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index(
        "ix_task_logs_task_id",
        table_name="task_logs",
        postgresql_where=sa.text("task_id IS NOT NULL"),
        sqlite_where=sa.text("task_id IS NOT NULL"),
    )
    op.drop_index(
        "ix_task_logs_execution_id",
        table_name="task_logs",
        postgresql_where=sa.text("execution_id IS NOT NULL"),
        sqlite_where=sa.text("execution_id IS NOT NULL"),
    )
    op.drop_table("task_logs")
    op.drop_index("ix_message_deliveries_to_sandbox_id", table_name="message_deliveries")
    op.drop_table("message_deliveries")
    op.drop_table("execution_logs")
    op.drop_index("ix_tasks_execution_id", table_name="tasks")
    op.drop_index("ix_tasks_created_at", table_name="tasks")
    op.drop_table("tasks")
    op.drop_index("ix_messages_workspace_id", table_name="messages")
    op.drop_index("ix_messages_thread_id", table_name="messages")
    op.drop_index("ix_messages_from_sandbox_id", table_name="messages")
    op.drop_table("messages")
    op.drop_index("ix_executions_workflow_id", table_name="executions")
    op.drop_index("ix_executions_created_at", table_name="executions")
    op.drop_table("executions")
    op.drop_table("events")
    op.drop_index("ix_dead_letters_status", table_name="dead_letters")
    op.drop_table("dead_letters")
    op.drop_table("checkpoints")
