"""Events as producers give them, and as they are sent: checked, written as JSON once, with a fixed id and shard."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from flowledger.client.plans.steps import Command
from flowledger.client.unknown_names import warn_of_unknown
from flowledger.domain import streams
from flowledger.domain.envelope import Envelope, ReadEvent, read_event
from flowledger.domain.errors import NoEvent
from flowledger.domain.events import EventData
from flowledger.domain.ids import new_id
from flowledger.domain.limits import DEFAULT_LIMITS, Limits
from flowledger.domain.times import now, written_time
from flowledger.domain.traces import TRACEPARENT, TRACESTATE, Trace, current
from flowledger.domain.writing import encoded, written

Publishable = Envelope | Mapping[str, Any] | str | bytes
"""A typed envelope, a CloudEvent as a dict, or one as JSON text."""


class Prepared(NamedTuple):
    """An event that is ready to be sent, any number of times: its id is fixed, and `raw` is the text that is sent."""

    id: str
    shard: int
    raw: bytes

    @property
    def command(self) -> Command:
        """The command that adds the event to its stream."""
        return "XADD", streams.stream(self.shard), "*", streams.FIELD, self.raw


def prepare(
    event: Publishable, *, shards: int, limits: Limits = DEFAULT_LIMITS, trace: Trace | None = None
) -> Prepared:
    """Check an event as a worker does, and find its shard (CONTRACT §1).

    A dict without an id gets one, and the present time if it has none. An event with an id of its own must be the same
    at each try, so its time is the caller's. Text is sent as it is; other events carry `trace`, or the current span's,
    unless they carry one. Raises Refused with the field at fault, or NoEvent.
    """
    raw = event if isinstance(event, bytes) else encoded(_text(event))
    read = read_checked(raw, limits, with_meaning=False)
    if not isinstance(event, str | bytes) and (trace := trace or current()) is not None:
        raw = _traced(raw, read.attributes, trace, limits)
    return Prepared(read.event.id, streams.shard_of(read.event.partition_key, shards), raw)


def read_checked(raw: bytes, limits: Limits = DEFAULT_LIMITS, *, with_meaning: bool = True) -> ReadEvent:
    """Return the event of a JSON text as a worker reads it, and warn of names that are probably misspelt.

    Raises Refused.
    """
    read = read_event(raw, limits, with_meaning=with_meaning)
    warn_of_unknown(type(read.event.data), read.attributes)
    return read


def _traced(raw: bytes, attributes: Mapping[str, Any], trace: Trace, limits: Limits) -> bytes:
    """Return an event's text with its trace, which no signature covers; unchanged if it has one, or has no room."""
    if TRACEPARENT in attributes or TRACESTATE in attributes:
        return raw
    members = {name: value for name, value in trace._asdict().items() if value is not None}
    traced = encoded(written(members))[:-1] + b"," + raw[1:]
    return traced if len(traced) <= limits.max_event_bytes else raw


def _text(event: Envelope | Mapping[str, Any] | str) -> str:
    if isinstance(event, str):
        return event
    if isinstance(event, Envelope):
        return event.to_json()
    if not isinstance(event, Mapping):
        kind = type(event).__name__
        wrap = f": Envelope.of({kind}(…), source=…, subject=…)" if isinstance(event, EventData) else ""
        raise NoEvent(f"an event is an Envelope, a dict, or JSON text; this is of type {kind}{wrap}")
    present = {name: value for name, value in event.items() if value is not None}
    if "id" not in present:
        present = {"id": new_id("evt"), "time": written_time(now())} | present
    return written({"specversion": "1.0"} | present)
