"""Messages between sandboxes, and the delivery of each to each recipient: statuses, events, records."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Final, Literal, get_args

from pydantic import ConfigDict, Field, model_validator

from flowledger.domain.kinds.base import EventData
from flowledger.domain.kinds.fields import Id, Int, Time
from flowledger.domain.limits import BeyondLimit, Limits

MessageType = Literal["request", "response", "notification", "command"]
MESSAGE_TYPES: Final[tuple[str, ...]] = get_args(MessageType)

__all__ = [
    "MESSAGE_TYPES",
    "MessageData",
    "MessageDelivered",
    "MessageDispatched",
    "MessageExpired",
    "MessageFailed",
    "MessageSent",
    "MessageType",
    "RecipientData",
]


class DeliveryStatus(StrEnum):
    """The status of a message for one of its recipients."""

    PENDING = "pending"
    SENT = "sent"
    EXPIRED = "expired"
    FAILED = "failed"
    DELIVERED = "delivered"


DELIVERY_RANKS: Final[dict[DeliveryStatus, int]] = {status: rank for rank, status in enumerate(DeliveryStatus)}


class MessageData(EventData):
    """Base of the events of a message."""


_ADDRESSED: Final[dict[str, Any]] = {
    "if": {"properties": {"broadcast": {"const": True}}, "required": ["broadcast"]},
    "then": {
        "properties": {"to_sandbox_ids": {"type": "null"}, "workspace_id": {"type": "string"}},
        "required": ["workspace_id"],
    },
    "else": {"properties": {"to_sandbox_ids": {"type": "array"}}, "required": ["to_sandbox_ids"]},
}
"""What `MessageSent._addressed` checks, in JSON Schema."""


class MessageSent(MessageData):
    """A message to sandboxes by name, or to all sandboxes of a workspace (`broadcast`)."""

    model_config = ConfigDict(json_schema_extra=_ADDRESSED)
    event_type = "message.sent"
    speaker = "from_sandbox_id"
    belongs_to = ("execution_id", "task_id")
    begins_part = True
    keeps_null = frozenset({"content"})
    from_sandbox_id: Id
    to_sandbox_ids: Annotated[list[Id], Field(min_length=1)] | None = None
    broadcast: bool = False
    message_type: MessageType
    content: Any
    workspace_id: Id | None = None
    thread_id: Id | None = None
    in_reply_to: str | None = None
    execution_id: Id | None = None
    task_id: Id | None = None
    expires_at: Time | None = None
    priority: Int | None = None

    @model_validator(mode="after")
    def _addressed(self) -> MessageSent:
        if self.broadcast and self.to_sandbox_ids is not None:
            raise ValueError("give to_sandbox_ids or broadcast, not both")
        if self.broadcast and self.workspace_id is None:
            raise ValueError("a broadcast needs a workspace_id")
        if not self.broadcast and self.to_sandbox_ids is None:
            raise ValueError("give to_sandbox_ids, or broadcast with a workspace_id")
        return self

    def partition_key(self, _subject: str) -> str:
        """Return the sender: all messages of a sandbox go through one shard, in order."""
        return self.from_sandbox_id

    def check(self, limits: Limits) -> None:
        """Raise BeyondLimit for too many recipients. A name given twice counts once, since it receives one message."""
        names = self.to_sandbox_ids or ()
        if len(names) > limits.max_recipients and (different := len(set(names))) > limits.max_recipients:
            field = "data.to_sandbox_ids"
            raise BeyondLimit(field, f"{different:,} recipients", limits.max_recipients, "max_recipients")


class RecipientData(MessageData):
    """Base of the events on the delivery of a message to one of its recipients."""

    to_sandbox_id: Id


class MessageDelivered(RecipientData):
    """The recipient has handled the message: its acknowledgement."""

    event_type = "message.delivered"
    speaker = "to_sandbox_id"


class MessageFailed(RecipientData):
    """The recipient cannot handle the message."""

    event_type = "message.failed"
    speaker = "to_sandbox_id"
    reason: str


class MessageDispatched(RecipientData):
    """The ledger's own event: the message was put into the recipient's inbox.

    `event_source` and `event_id` name the `message.sent` that was put there.
    """

    event_type = "message.dispatched"
    by_ledger = True
    event_source: str | None = None
    event_id: Id | None = None


class MessageExpired(RecipientData):
    """The ledger's own event: the recipient did not take the message in time."""

    event_type = "message.expired"
    by_ledger = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    id: str
    from_sandbox_id: str | None
    workspace_id: str | None
    message_type: str | None
    content: Any
    thread_id: str | None
    in_reply_to: str | None
    execution_id: str | None
    task_id: str | None
    priority: int | None
    expires_at: datetime | None
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """The delivery of a message to one of its recipients."""

    message_id: str
    to_sandbox_id: str
    status: str
    sent_at: datetime | None
    delivered_at: datetime | None
    reason: str | None


EVENTS: Final = (
    MessageSent,
    MessageDelivered,
    MessageFailed,
    MessageDispatched,
    MessageExpired,
)
