"""Events of messages between sandboxes."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, get_args

from pydantic import Field, model_validator

from flowledger.domain.events.base import EventData, Id, Int, Time

MessageType = Literal["request", "response", "notification", "command"]
MESSAGE_TYPES: Final[tuple[str, ...]] = get_args(MessageType)


class MessageData(EventData):
    """Base of the events of a message."""


class MessageSent(MessageData):
    """To some sandboxes by name, or to all of a workspace (`broadcast`)."""

    event_type = "message.sent"
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
            raise ValueError("a broadcast needs the workspace_id it goes to")
        if not self.broadcast and self.to_sandbox_ids is None:
            raise ValueError("give to_sandbox_ids, or broadcast with a workspace_id")
        return self


class RecipientData(MessageData):
    """Base of what becomes of a message with one of its recipients."""

    to_sandbox_id: Id


class MessageDelivered(RecipientData):
    event_type = "message.delivered"


class MessageFailed(RecipientData):
    event_type = "message.failed"
    reason: str


class MessageDispatched(RecipientData):
    """The ledger's own: the message was put into the recipient's inbox.

    `event_source` and `event_id` name the `message.sent` that was put there.
    """

    event_type = "message.dispatched"
    event_source: str | None = None
    event_id: Id | None = None


class MessageExpired(RecipientData):
    """The ledger's own: the recipient did not take the message in time."""

    event_type = "message.expired"
