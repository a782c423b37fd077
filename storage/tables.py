"""The tables of CONTRACT §5, with the columns the merge rule needs beside them.

Columns that end in `_key` hold the key of the event that owns a column group (`storage.groups`); nobody else need read
them. Texts that are compared or looked up have the collation "C": the order of code points, the same on every machine.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ColumnElement,
    DateTime,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.types import TypeDecorator

from domain import json_text
from domain.events import ExecutionCreated, TaskCreated
from domain.statuses import DeadLetterStatus, DeliveryStatus, Level, Status

metadata: Final = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
    }
)


class UtcTime(TypeDecorator[datetime]):
    """An instant: `timestamptz` on PostgreSQL, UTC text on SQLite; always aware, in UTC, in Python."""

    impl = DateTime
    cache_ok = True

    @property
    def python_type(self) -> type[datetime]:
        return datetime

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        return dialect.type_descriptor(DateTime(timezone=dialect.name == "postgresql"))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None or dialect.name == "postgresql":
            return value
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class JsonText(TypeDecorator[Any]):
    """JSON as text, for SQLite: its own type JSON makes floats of whole numbers that 64 bits do not hold."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:  # noqa: ARG002
        return None if value is None else json_text.dumps(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:  # noqa: ARG002
        return None if value is None else json_text.stored(value)


class CurrentTransaction(ColumnElement[int]):
    """The number of the transaction, on PostgreSQL; null on SQLite."""

    inherit_cache = True


@compiles(CurrentTransaction, "postgresql")
def _on_postgresql(*_: Any, **__: Any) -> str:
    return "(pg_current_xact_id()::text)::bigint"


@compiles(CurrentTransaction, "sqlite")
def _on_sqlite(*_: Any, **__: Any) -> str:
    return "NULL"


Name = Text().with_variant(Text(collation="C"), "postgresql")
"""Ids, sources, keys: text that is compared."""

Json = JsonText().with_variant(JSONB(none_as_null=True), "postgresql")
"""Any JSON value; None is SQL's NULL. On PostgreSQL the engine reads it by `json_text.stored` (`storage.engine`)."""

FIRST_KEY: Final = ""
LAST_KEY: Final = "~"
"""No key is less than the first or greater than the last (keys begin with a digit or a letter)."""

DESCRIBED: Final[dict[str, tuple[str, ...]]] = {
    "executions": tuple(name for name in ExecutionCreated.model_fields if name != "attempt"),
    "tasks": tuple(name for name in TaskCreated.model_fields if name != "attempt"),
}
"""The fields of a description, each of which has an owner, and so a key, of its own."""


def _one_of(
    column: str, values: type[Status] | type[DeliveryStatus] | type[DeadLetterStatus] | type[Level]
) -> CheckConstraint:
    names = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({names})", name=column)


def _attempt(*, primary_key: bool = False) -> list[Any]:
    return [
        Column(
            "attempt", BigInteger, primary_key=primary_key, nullable=False, server_default=None if primary_key else "1"
        ),
        CheckConstraint("attempt >= 1", name="attempt"),
    ]


def _status(statuses: type[Status] | type[DeliveryStatus] = Status) -> list[Any]:
    return [
        Column("status", String(16), nullable=False, server_default="pending"),
        _one_of("status", statuses),
    ]


def _key(name: str, *, least: bool = False) -> Column[str]:
    """The owner's key of a column group; without an owner, one that loses against every other."""
    return Column(name, Name, nullable=False, server_default=LAST_KEY if least else FIRST_KEY)


def _keys(table: str) -> list[Column[str]]:
    return [_key(f"{field}_key") for field in DESCRIBED[table]]


def _index_where_given(table: str, column: str, *others: str) -> list[Index]:
    """An index of the rows that have `column` at all: the others cost it nothing."""
    given = text(f"{column} IS NOT NULL")
    return [Index(f"ix_{table}_{column}", column, *others, postgresql_where=given, sqlite_where=given)]


_ROOM_FOR_UPDATES: Final[dict[str, Any]] = {"postgresql_with": {"fillfactor": 70}}
"""Rows that change a few times: with room on their page, PostgreSQL leaves the indexes alone (HOT updates)."""

events: Final = Table(
    "events",
    metadata,
    Column("source", Name, primary_key=True),
    Column("id", Name, primary_key=True),
    Column("type", Text, nullable=False),
    Column("subject", Name, nullable=False),
    Column("time", UtcTime),
    Column("sequence", Text),
    Column("partition", Integer, nullable=False),
    Column("raw", Text, nullable=False),
    Column("recorded_at", UtcTime, nullable=False),
    # PostgreSQL's transaction (`storage.tail`). The index is a few pages; on SQLite, where all are null, it is empty.
    Column("recorded_in", BigInteger, server_default=CurrentTransaction()),
    Index(
        "ix_events_recorded_in",
        "recorded_in",
        postgresql_using="brin",
        postgresql_with={"autosummarize": "on", "pages_per_range": "32"},
        sqlite_where=text("recorded_in IS NOT NULL"),
    ),
)

executions: Final = Table(
    "executions",
    metadata,
    Column("id", Name, primary_key=True),
    *_status(),
    *_attempt(),
    Column("workflow_id", Name),
    Column("workspace_id", Name),
    Column("sandbox_id", Name),
    Column("agent_id", Name),
    Column("user_id", Name),
    Column("parent_execution_id", Name),
    Column("retry_of", Text),
    Column("mode", Text),
    Column("trigger_type", Text),
    Column("input", Json),
    Column("output", Json),
    Column("error", Json),
    Column("reason", Text),
    Column("usage", Json),
    Column("initial_state", Json),
    Column("current_state", Json),
    Column("final_state", Json),
    Column("iterations", BigInteger),
    Column("created_at", UtcTime, nullable=False),
    Column("started_at", UtcTime),
    Column("finished_at", UtcTime),
    _key("status_key"),
    _key("current_state_key"),
    _key("created_at_key", least=True),
    _key("started_at_key", least=True),
    *_keys("executions"),
    Index("ix_executions_workflow_id", "workflow_id", "created_at", "id"),
    Index("ix_executions_created_at", "created_at", "id"),
    **_ROOM_FOR_UPDATES,
)

execution_logs: Final = Table(
    "execution_logs",
    metadata,
    Column("execution_id", Name, ForeignKey("executions.id", ondelete="CASCADE"), primary_key=True),
    Column("node", Name, primary_key=True),
    Column("iteration", BigInteger, primary_key=True),
    *_attempt(primary_key=True),
    *_status(),
    Column("agent_id", Name),
    Column("input", Json),
    Column("output", Json),
    Column("error", Json),
    Column("reason", Text),
    Column("usage", Json),
    Column("state", Json),
    Column("started_at", UtcTime),
    Column("finished_at", UtcTime),
    _key("status_key"),
    _key("start_key"),
    _key("started_at_key", least=True),
)

tasks: Final = Table(
    "tasks",
    metadata,
    Column("id", Name, primary_key=True),
    *_status(),
    *_attempt(),
    Column("name", Text),
    Column("kind", Text),
    Column("execution_id", Name),
    Column("parent_task_id", Name),
    Column("retry_of", Text),
    Column("workspace_id", Name),
    Column("sandbox_id", Name),
    Column("agent_id", Name),
    Column("user_id", Name),
    Column("priority", BigInteger),
    Column("input", Json),
    Column("worker", Text),
    Column("output", Json),
    Column("error", Json),
    Column("reason", Text),
    Column("usage", Json),
    Column("progress", Double),
    CheckConstraint("progress >= 0 AND progress <= 1", name="progress"),
    Column("progress_message", Text),
    Column("created_at", UtcTime, nullable=False),
    Column("started_at", UtcTime),
    Column("finished_at", UtcTime),
    _key("status_key"),
    _key("start_key"),
    _key("progress_key"),
    _key("created_at_key", least=True),
    _key("started_at_key", least=True),
    *_keys("tasks"),
    Index("ix_tasks_execution_id", "execution_id", "created_at", "id"),
    Index("ix_tasks_created_at", "created_at", "id"),
    **_ROOM_FOR_UPDATES,
)

task_logs: Final = Table(
    "task_logs",
    metadata,
    Column("source", Name, primary_key=True),
    Column("event_id", Name, primary_key=True),
    Column("task_id", Name, ForeignKey("tasks.id", ondelete="CASCADE")),
    Column("execution_id", Name, ForeignKey("executions.id", ondelete="CASCADE")),
    Column("node", Name),
    Column("iteration", BigInteger),
    Column("level", String(8), nullable=False),
    _one_of("level", Level),
    Column("message", Text, nullable=False),
    Column("logger", Text),
    Column("context", Json),
    Column("time", UtcTime, nullable=False),
    Column("sequence", Text),
    Column("order_key", Name, nullable=False),
    CheckConstraint("(task_id IS NULL) <> (execution_id IS NULL)", name="subject"),
    *_index_where_given("task_logs", "task_id", "time"),
    *_index_where_given("task_logs", "execution_id", "time"),
)

messages: Final = Table(
    "messages",
    metadata,
    Column("id", Name, primary_key=True),
    Column("from_sandbox_id", Name),
    Column("workspace_id", Name),
    Column("message_type", Text),
    Column("content", Json),
    Column("thread_id", Name),
    Column("in_reply_to", Text),
    Column("execution_id", Name),
    Column("task_id", Name),
    Column("priority", BigInteger),
    Column("expires_at", UtcTime),
    Column("created_at", UtcTime, nullable=False),
    _key("sent_key"),
    _key("created_at_key", least=True),
    CheckConstraint("message_type IN ('request', 'response', 'notification', 'command')", name="message_type"),
    Index("ix_messages_from_sandbox_id", "from_sandbox_id", "created_at", "id"),
    Index("ix_messages_workspace_id", "workspace_id", "created_at", "id"),
    Index("ix_messages_thread_id", "thread_id", "created_at", "id"),
)

message_deliveries: Final = Table(
    "message_deliveries",
    metadata,
    Column("message_id", Name, ForeignKey("messages.id", ondelete="CASCADE"), primary_key=True),
    Column("to_sandbox_id", Name, primary_key=True),
    *_status(DeliveryStatus),
    Column("sent_at", UtcTime),
    Column("delivered_at", UtcTime),
    Column("reason", Text),
    _key("status_key"),
    _key("sent_at_key", least=True),
    _key("delivered_at_key", least=True),
    Index("ix_message_deliveries_to_sandbox_id", "to_sandbox_id", "message_id"),
)

dead_letters: Final = Table(
    "dead_letters",
    metadata,
    Column("id", Name, primary_key=True),
    Column("stream", Text, nullable=False),
    Column("entry_id", Text, nullable=False),
    Column("raw", LargeBinary, nullable=False),
    Column("reason", String(32), nullable=False),
    Column("field", Text, nullable=False, server_default=""),
    Column("detail", Text, nullable=False),
    Column("type", Text),
    Column("source", Text),
    Column("event_id", Text),
    Column("first_seen", UtcTime, nullable=False),
    Column("attempts", Integer, nullable=False, server_default="1"),
    Column("status", String(16), nullable=False, server_default="open"),
    _one_of("status", DeadLetterStatus),
    Index("ix_dead_letters_status", "status", "first_seen", "id"),
)

checkpoints: Final = Table(
    "checkpoints",
    metadata,
    Column("stream", Text, primary_key=True),
    Column("entry_id", Text, nullable=False),
    Column("recorded_at", UtcTime, nullable=False),
)
