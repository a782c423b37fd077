"""The tables of CONTRACT §5, with the columns the merge rule needs beside them.

Columns that end in `_key` hold the key of the event that owns a column group (`storage.groups`); nobody else need read
them. Texts that are compared or looked up have the collation "C": the order of code points, the same on every machine.
"""

from __future__ import annotations

from collections.abc import Iterable
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
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    event,
    text,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import JSONB, CreateDomainType, DropDomainType
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.types import TypeDecorator, TypeEngine

from domain import json_text
from domain.events import MESSAGE_TYPES, ExecutionCreated, TaskCreated
from domain.statuses import DeadLetterAction, DeadLetterStatus, DeliveryStatus, Level, Status

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


_domains: Final[set[str]] = set()


def _ruled(column: str, domain: str, base: TypeEngine[Any], rule: str, **options: Any) -> list[Any]:
    """A column and the rule that its values obey (`{}` in the rule is the value).

    A domain on PostgreSQL, a CHECK on SQLite. Measured: PostgreSQL reads a table's CHECKs anew for each statement, a
    fifth of what a recorded event cost it; what a domain checks it remembers.
    """
    rules = postgresql.DOMAIN(f"ledger_{domain}", base, check=rule.format("VALUE"), create_type=False)
    if domain not in _domains:
        _domains.add(domain)
        event.listen(metadata, "before_create", CreateDomainType(rules).execute_if(dialect="postgresql"))
        event.listen(metadata, "after_drop", DropDomainType(rules).execute_if(dialect="postgresql"))
    return [
        Column(column, base.with_variant(rules, "postgresql"), **options),
        CheckConstraint(rule.format(column), name=column).ddl_if(dialect="sqlite"),
    ]


def _one_of(column: str, domain: str, base: TypeEngine[Any], values: Iterable[str], **options: Any) -> list[Any]:
    names = ", ".join(f"'{value}'" for value in values)
    return _ruled(column, domain, base, f"{{}} IN ({names})", **options)


def _attempt(*, primary_key: bool = False) -> list[Any]:
    default = None if primary_key else "1"
    return _ruled(
        "attempt", "attempt", BigInteger(), "{} >= 1", primary_key=primary_key, nullable=False, server_default=default
    )


def _status(statuses: type[Status] | type[DeliveryStatus] = Status) -> list[Any]:
    domain = "status" if statuses is Status else "delivery_status"
    return _one_of("status", domain, String(16), statuses, nullable=False, server_default="pending")


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
    *_ruled("progress", "progress", Double(), "{0} >= 0 AND {0} <= 1"),
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
    *_one_of("level", "level", String(8), Level, nullable=False),
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
    *_one_of("message_type", "message_type", Text(), MESSAGE_TYPES),
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

outbox: Final = Table(
    "outbox",
    metadata,
    # Counts up: of the messages of one sender, which are recorded one after the other, the later one has the greater.
    Column("id", BigInteger().with_variant(Integer, "sqlite"), Identity(), primary_key=True),
    Column("message_id", Name, ForeignKey("messages.id", ondelete="CASCADE"), nullable=False),
    Column("to_sandbox_id", Name, nullable=False),
    Column("source", Name, nullable=False),
    Column("event_id", Name, nullable=False),
    Column("expires_at", UtcTime),
    Index("ix_outbox_message_id", "message_id", "to_sandbox_id", unique=True),
    Index("ix_outbox_to_sandbox_id", "to_sandbox_id", "id"),
    *_index_where_given("outbox", "expires_at"),
)
"""What is to be put into inboxes (docs/decisions/0019): no part of what the events say, so no business of `verify`."""

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
    *_one_of("status", "dead_letter_status", String(16), DeadLetterStatus, nullable=False, server_default="open"),
    Index("ix_dead_letters_status", "status", "first_seen", "id"),
)

dead_letter_actions: Final = Table(
    "dead_letter_actions",
    metadata,
    Column("id", Name, primary_key=True),
    Column("dead_letter_id", Name, ForeignKey("dead_letters.id", ondelete="CASCADE"), nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("who", Text, nullable=False),
    *_one_of("action", "dead_letter_action", String(16), DeadLetterAction, nullable=False),
    Column("source", Text),
    Column("event_id", Text),
    Column("stream", Text),
    Column("entry_id", Text),
    Column("raw", LargeBinary),
    Column("detail", Text, nullable=False, server_default=""),
    CheckConstraint(
        "(action = 'replayed') = (stream IS NOT NULL) AND (action = 'replayed') = (entry_id IS NOT NULL)", name="sent"
    ),
    Index("ix_dead_letter_actions_dead_letter_id", "dead_letter_id", "at", "id"),
    *_index_where_given("dead_letter_actions", "entry_id", "stream"),
)

checkpoints: Final = Table(
    "checkpoints",
    metadata,
    Column("stream", Text, primary_key=True),
    Column("entry_id", Text, nullable=False),
    Column("recorded_at", UtcTime, nullable=False),
)
