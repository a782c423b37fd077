"""Messages, where each stands with each of its recipients, and what is on its way to them."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, ForeignKey, Identity, Index, Integer, Table, Text

from flowledger.domain.events import MESSAGE_TYPES
from flowledger.domain.statuses import DeliveryStatus
from flowledger.storage.tables.columns import index_where_given, key, metadata, one_of, status
from flowledger.storage.tables.types import Json, Name, UtcTime

messages: Final = Table(
    "messages",
    metadata,
    Column("id", Name, primary_key=True),
    Column("from_sandbox_id", Name),
    Column("workspace_id", Name),
    *one_of("message_type", "message_type", Text(), MESSAGE_TYPES),
    Column("content", Json),
    Column("thread_id", Name),
    Column("in_reply_to", Text),
    Column("execution_id", Name),
    Column("task_id", Name),
    Column("priority", BigInteger),
    Column("expires_at", UtcTime),
    Column("created_at", UtcTime, nullable=False),
    key("sent_key"),
    key("created_at_key", least=True),
    Index("ix_messages_from_sandbox_id", "from_sandbox_id", "created_at", "id"),
    Index("ix_messages_workspace_id", "workspace_id", "created_at", "id"),
    Index("ix_messages_thread_id", "thread_id", "created_at", "id"),
)

message_deliveries: Final = Table(
    "message_deliveries",
    metadata,
    Column("message_id", Name, ForeignKey("messages.id", ondelete="CASCADE"), primary_key=True),
    Column("to_sandbox_id", Name, primary_key=True),
    *status(DeliveryStatus, "delivery_status"),
    Column("sent_at", UtcTime),
    Column("delivered_at", UtcTime),
    Column("reason", Text),
    key("status_key"),
    key("sent_at_key", least=True),
    key("delivered_at_key", least=True),
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
    *index_where_given("outbox", "expires_at"),
)
"""What is to be put into inboxes (docs/decisions/0019): no part of what the events say, so no business of `verify`."""
