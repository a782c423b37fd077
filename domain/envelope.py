"""The CloudEvents 1.0 envelope, and the parser that makes an event to record from bytes (CONTRACT §2).

Producers build an `Envelope`, whose JSON text is published. Workers record an `Event`: `parse` makes it from the bytes
of a stream entry, or raises `Refused` with the reason and the field at fault.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from typing import Any, Final, NamedTuple, Self

from flowledger.domain import attributes as checks
from flowledger.domain import json_numbers, json_text, sameness
from flowledger.domain.errors import NoEvent, Reason, Refused, UnknownField
from flowledger.domain.event_data import checked_data
from flowledger.domain.events import EVENT_TYPES, EventData
from flowledger.domain.ids import new_id
from flowledger.domain.keys import order_key
from flowledger.domain.likeness import did_you_mean, nearest
from flowledger.domain.limits import DEFAULT_LIMITS, BeyondLimit, Limits
from flowledger.domain.times import in_utc, now
from flowledger.domain.writing import joined, written, written_members

LEDGER_SOURCE: Final = "/flowledger"
"""The `source` of the ledger's own events."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """A CloudEvent as it is sent; `data` is typed, or a JSON object of the form that the event type requires.

    It is checked when it is published (`client.Publisher.prepare`), by the same rules as in workers: `parse`.
    """

    id: str
    source: str
    type: str
    subject: str
    data: EventData | Mapping[str, Any]
    time: datetime | None = None
    sequence: str | int | None = None
    partitionkey: str | None = None
    traceparent: str | None = None
    tracestate: str | None = None
    correlationid: str | None = None
    causationid: str | None = None
    extensions: Mapping[str, Any] = field(default_factory=dict)
    _text: str | None = field(default=None, init=False, repr=False, compare=False)
    """The JSON text, if it was written already (`extended`)."""

    @classmethod
    def of(
        cls,
        data: EventData,
        *,
        source: str,
        subject: str,
        id: str | None = None,
        time: datetime | None = None,
        **attributes: Any,
    ) -> Self:
        """Return the envelope of typed `data`, with a new id and the current time if none are given.

        Raises NoEvent if `data` is not typed, UnknownField for an attribute that an envelope does not have, and Refused
        if `time` has no zone, or no year from 1 to 9999 in UTC.
        """
        if not isinstance(data, EventData):
            raise NoEvent(f"Envelope.of takes an object of `flowledger.events`, {_not_typed(data)}")
        unknown = next((name for name in attributes if name not in _OPTIONS), None)
        if unknown is not None:
            hint = did_you_mean(nearest(unknown, _OPTIONS - attributes.keys())) or "; other attributes are `extensions`"
            raise UnknownField(f"Envelope.of has no attribute {unknown!a}{hint}")
        if time is not None and not isinstance(time, datetime):
            raise checks.wrong("time", f"must be a datetime with a zone, not of type {time.__class__.__name__}")
        if time is not None and time.tzinfo is None:
            raise checks.wrong("time", "needs a zone; use datetime.now(UTC)")
        if time is not None:
            try:
                in_utc(time)
            except ValueError as error:
                raise checks.wrong("time", str(error)) from None
        return cls(
            id=new_id("evt") if id is None else id,
            source=source,
            type=type(data).event_type,
            subject=subject,
            data=data,
            time=now() if time is None else time,
            **attributes,
        )

    def attributes(self) -> dict[str, Any]:
        """Return the attributes of the JSON text, without absent ones. Raises Refused if `data` is not an object."""
        if not isinstance(self.extensions, Mapping):
            raise checks.wrong("extensions", f"must be a dict, {_not_typed(self.extensions)}")
        attributes = {"specversion": "1.0"} | {name: getattr(self, name) for name in _WRITTEN} | dict(self.extensions)
        attributes["data"] = _written_data(self.data)
        attributes["time"] = self.time
        return {name: value for name, value in attributes.items() if value is not None}

    def to_json(self) -> str:
        """Return the JSON text that is sent and that `parse` reads. Raises Refused if JSON cannot hold a value."""
        return written(self.attributes()) if self._text is None else self._text

    def extended(self, name: str, value_of: Callable[[Mapping[str, str]], str]) -> Self:
        """Return the event with the extension `name`, which `value_of` makes from the JSON texts of the others.

        The text is written once and kept, so the value is made from the same text that is sent. Raises Refused if JSON
        cannot hold a value.
        """
        attributes = self.attributes()
        attributes.pop(name, None)
        members = written_members(attributes)
        value = value_of(members)
        extended = replace(self, extensions={**self.extensions, name: value})
        object.__setattr__(extended, "_text", joined(members | written_members({name: value})))
        return extended


_WRITTEN: Final = ("id", "source", "type", "subject", "sequence", *checks.KEPT_TEXTS)
_OPTIONS: Final = {one.name for one in fields(Envelope) if one.init} - {"type", "data"}


class Event(NamedTuple):
    """A valid event, ready to be recorded.

    `raw` is the JSON text exactly as received. In `data` and `sequence`, U+FFFD replaces characters that PostgreSQL
    cannot hold. `time` is text in the form of `domain.times.sortable`. `order` is the part of the event's key that does
    not depend on attempt and status (`domain.keys`), made from the exact sequence.
    """

    id: str
    source: str
    type: str
    subject: str
    time: str | None
    sequence: str | None
    data: EventData
    order: str
    raw: str
    partition_key: str
    """The key that decides the shard (CONTRACT §1)."""
    meaning: bytes
    """The digest by which two events of one name are compared (`domain.sameness`); empty if nobody asked for it."""


class ReadEvent(NamedTuple):
    """A valid event, and its attributes as read: values exactly as in the text."""

    event: Event
    attributes: dict[str, Any]


def parse(raw: bytes, limits: Limits = DEFAULT_LIMITS) -> Event:
    """Return the event in `raw`. Raises Refused if it breaks CONTRACT §2 or §4, or exceeds `limits`."""
    return read_event(raw, limits).event


def read_event(raw: bytes, limits: Limits = DEFAULT_LIMITS, *, with_meaning: bool = True) -> ReadEvent:
    """Return the event in `raw`, and all attributes as read. Raises Refused as `parse` does.

    Who does not record the event needs no digest of its meaning, a fifth of the work.
    """
    if len(raw) > limits.max_event_bytes:
        beyond = BeyondLimit("", f"{len(raw):,} bytes", limits.max_event_bytes, "max_event_bytes")
        raise Refused(Reason.TOO_LARGE, "", str(beyond))
    unlike = json_numbers.seen.unlike
    text, attributes = checks.read_attributes(raw, limits)
    is_exact = json_numbers.seen.unlike == unlike
    unplain = json_text.may_be_unplain(text)
    checks.check_version(attributes)
    event_id = checks.name_of(attributes, "id", limits.max_id_bytes)
    source = checks.name_of(attributes, "source", limits.max_source_bytes, "max_source_bytes")
    event_type = checks.text_of(attributes, "type")
    subject = checks.name_of(attributes, "subject", limits.max_id_bytes)
    time = checks.time_of(attributes)
    sequence = checks.sequence_of(attributes, text)
    checks.check_kept(attributes)
    model = EVENT_TYPES.get(event_type)
    if model is None:
        raise Refused(
            Reason.UNKNOWN_TYPE, "type", f"{ascii(event_type)[:100]} is not an event type that Flowledger knows"
        )
    _check_source(model, source)
    data = checked_data(model, attributes.get("data"), text, limits, unplain=unplain)
    meaning = b""
    if with_meaning:
        exact = attributes if is_exact else json_text.exact(text)
        meaning = sameness.digest(model, exact, time=time, sequence=sequence)
    event = Event(
        id=event_id,
        source=source,
        type=event_type,
        subject=subject,
        time=time,
        sequence=json_text.plain(sequence) if unplain and sequence else sequence,
        data=data,
        order=order_key(sequence, time, source, event_id),
        raw=text,
        partition_key=_partition_key(attributes, data, subject),
        meaning=meaning,
    )
    return ReadEvent(event, attributes)


def _check_source(model: type[EventData], source: str) -> None:
    if model.only_source not in (None, source):
        raise checks.wrong("source", f"must be {model.only_source}: only the ledger itself reports {model.event_type}")


def _partition_key(attributes: dict[str, Any], data: EventData, subject: str) -> str:
    key: str | None = attributes.get("partitionkey")
    return data.partition_key(subject) if key is None else key


def _written_data(data: EventData | Mapping[str, Any]) -> Any:
    if isinstance(data, EventData):
        return data.model_dump(exclude_unset=True)
    if not isinstance(data, Mapping):
        raise checks.wrong("data", f"must be an object of `flowledger.events` or a dict, {_not_typed(data)}")
    return dict(data)


def _not_typed(data: Any) -> str:
    kind = data if isinstance(data, type) else type(data)
    return f"not the class {kind.__name__} itself" if isinstance(data, type) else f"not one of type {kind.__name__}"
