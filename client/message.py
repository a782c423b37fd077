"""A message as its recipient gets it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from flowledger.domain.traces import Trace


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message that was received, and waits for its acknowledgement."""

    id: str
    from_sandbox_id: str
    to: str
    """The sandbox whose inbox it was in."""
    message_type: str
    """`request`, `response`, `notification` or `command`."""
    content: Any = field(hash=False)
    """Any JSON value, exactly as it was sent; numbers that a double cannot hold are `decimal.Decimal`."""
    thread_id: str | None = None
    in_reply_to: str | None = None
    """The id of the message that this one answers."""
    workspace_id: str | None = None
    execution_id: str | None = None
    task_id: str | None = None
    priority: int | None = None
    sent_at: datetime | None = None
    """By its sender's clock."""
    expires_at: datetime | None = None
    correlation_id: str | None = None
    broadcast: bool = False
    """Whether it was sent to all sandboxes of `workspace_id`."""
    trace: Trace | None = field(default=None, repr=False)
    """Where it is in a trace, if it is in one; for OpenTelemetry: `extract(message.trace._asdict())`."""
    entry_id: str
    """The id of its entry in the inbox."""
    raw: bytes = field(repr=False)
    """The event as it was sent; of several recipients, `to_sandbox_ids` names this one alone."""

    def is_late(self, now_ms: float) -> bool:
        """Return whether the message has expired at `now_ms`, in milliseconds since the epoch."""
        return self.expires_at is not None and self.expires_at.timestamp() * 1000 <= now_ms
