"""Entries of an inbox, and the messages that they hold (contract, section 8)."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

from flowledger.client.message import Message
from flowledger.domain import streams
from flowledger.domain.envelope import read_event
from flowledger.domain.errors import Reason, Refused
from flowledger.domain.events import MessageSent
from flowledger.domain.limits import WIDEST
from flowledger.domain.times import parse_time
from flowledger.domain.traces import Trace

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Entry(NamedTuple):
    """An entry: its id, and its fields and their values in turn; None if the entry was deleted meanwhile."""

    id: str
    fields: Sequence[bytes] | None


def entries(reply: Any) -> list[Entry]:
    """Return the entries in a reply to XREADGROUP of one stream."""
    return [Entry(entry_id.decode(), fields) for entry_id, fields in reply[0][1]] if reply else []


def message_of(sandbox_id: str, entry_id: str, fields: Sequence[bytes]) -> Message:
    """Return the message that an entry holds; raises Refused if it holds none.

    It is read by the widest limits: workers have applied theirs, which may be wider than this client's.
    """
    names, values = fields[::2], fields[1::2]
    if names.count(streams.FIELD.encode()) != 1:
        raise Refused(Reason.MALFORMED_ENTRY, "", f"not exactly one field {streams.FIELD!r}")
    by_name = dict(zip(names, values, strict=True))
    raw = by_name[streams.FIELD.encode()]
    event, attributes = read_event(raw, WIDEST, with_meaning=False)
    if not isinstance(event.data, MessageSent):
        raise Refused(Reason.UNKNOWN_TYPE, "type", f"{event.type} is not {MessageSent.event_type}")
    sent = event.data
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
        trace=Trace.of(attributes),
        entry_id=entry_id,
        raw=raw,
    )


def moment(milliseconds: float) -> datetime:
    """Return the moment so many milliseconds after the epoch; raises OverflowError if no calendar has it."""
    return _EPOCH + timedelta(milliseconds=milliseconds)


def _expiry(milliseconds: bytes | None) -> datetime | None:
    if milliseconds is not None:
        with suppress(ValueError, OverflowError):
            return moment(int(milliseconds))
    return None
