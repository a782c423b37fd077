"""A message as its recipient sees it, and how it is read from an entry of its inbox (contract, section 8)."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

from flowledger.domain import json_text, streams
from flowledger.domain.envelope import parse
from flowledger.domain.errors import Reason, Refused
from flowledger.domain.events import MessageSent
from flowledger.domain.limits import WIDEST
from flowledger.domain.times import parse_time

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message in the hands of its recipient, who acknowledges it when it has done what there was to do."""

    id: str
    from_sandbox_id: str
    to: str
    """The sandbox in whose inbox it was."""
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
    """Whether it went to all of `workspace_id`."""
    entry_id: str
    """The entry of the inbox that holds it."""
    raw: bytes = field(repr=False)
    """The event, as it was sent; of several recipients in `to_sandbox_ids` this one alone is there."""

    def is_late(self, now_ms: float) -> bool:
        """Whether its time is over, at `now_ms` since the epoch."""
        return self.expires_at is not None and self.expires_at.timestamp() * 1000 <= now_ms


class Entry(NamedTuple):
    """An entry of an inbox: its id, and its fields and their values in turn; None where it was deleted meanwhile."""

    id: str
    fields: Sequence[bytes] | None


def entries(reply: Any) -> list[Entry]:
    """The entries that XREADGROUP gave, which reads one stream."""
    return [Entry(entry_id.decode(), fields) for entry_id, fields in reply[0][1]] if reply else []


def read(sandbox_id: str, entry_id: str, fields: Sequence[bytes]) -> Message:
    """The message that an entry holds; raises Refused where it holds none.

    It is read by the widest limits, for workers have gone by theirs, which may be wider than this client's.
    """
    names, values = fields[::2], fields[1::2]
    if names.count(streams.FIELD.encode()) != 1:
        raise Refused(Reason.MALFORMED_ENTRY, "", f"not exactly one field {streams.FIELD!r}")
    by_name = dict(zip(names, values, strict=True))
    raw = by_name[streams.FIELD.encode()]
    event = parse(raw, WIDEST)
    if not isinstance(event.data, MessageSent):
        raise Refused(Reason.UNKNOWN_TYPE, "type", f"{event.type} is not {MessageSent.event_type}")
    sent, attributes = event.data, json_text.loads(event.raw, WIDEST)
    return Message(
        id=event.subject,
        from_sandbox_id=sent.from_sandbox_id,
        to=sandbox_id,
        message_type=sent.message_type,
        content=attributes["data"]["content"],
        thread_id=sent.thread_id,
        in_reply_to=sent.in_reply_to,
        workspace_id=sent.workspace_id,
        execution_id=sent.execution_id,
        task_id=sent.task_id,
        priority=sent.priority,
        sent_at=None if event.time is None else parse_time(attributes["time"]),
        expires_at=_expiry(by_name.get(streams.EXPIRES.encode())) or sent.expires_at,
        correlation_id=attributes.get("correlationid"),
        broadcast=sent.broadcast,
        entry_id=entry_id,
        raw=raw,
    )


def moment(milliseconds: float) -> datetime:
    """The moment of so many ms since the epoch; raises OverflowError where no calendar has it."""
    return _EPOCH + timedelta(milliseconds=milliseconds)


def _expiry(milliseconds: bytes | None) -> datetime | None:
    if milliseconds is not None:
        with suppress(ValueError, OverflowError):
            return moment(int(milliseconds))
    return None
