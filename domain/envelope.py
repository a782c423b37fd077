"""The CloudEvents 1.0 envelope, and the way from bytes to an event that can be recorded (CONTRACT §2).

`Envelope` is what travels: producers build it and publish its JSON. `Event` is what is recorded: `parse` makes it from
the bytes of a stream entry, or raises `Refused` with the reason and the field at fault.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, NamedTuple, Self

from pydantic import ValidationError

from flowledger.domain import json_text
from flowledger.domain.errors import Reason, Refused
from flowledger.domain.events import EVENT_TYPES, EventData
from flowledger.domain.ids import new_id
from flowledger.domain.keys import order_key
from flowledger.domain.limits import DEFAULT_LIMITS, BeyondLimit, Limits
from flowledger.domain.statuses import LEVEL_NAMES
from flowledger.domain.times import now, parse_time, sortable

LEDGER_SOURCE: Final = "/flowledger"
"""The `source` of the ledger's own events."""

_JSON_CONTENT: Final = re.compile(r'application/json\s*(;\s*charset\s*=\s*("utf-8"|utf-8)\s*)?', re.IGNORECASE)

_ONE_OF_LEVELS: Final = f"one of {', '.join(LEVEL_NAMES)}"
_OR_OBJECT: Final = re.compile(r" or instance of \w+$")
_UTF8_BYTES: Final = 4
"""Most bytes of one character."""

TRACING: Final = ("traceparent", "tracestate", "baggage", "b3")
"""Attributes that only carry tracing."""
_KEPT_TEXTS: Final = ("partitionkey", "traceparent", "tracestate", "correlationid", "causationid")

MISSING: Final = "is missing"
"""How the words of a refusal begin if an attribute that is required is absent."""

ATTRIBUTES: Final = frozenset(
    {
        "specversion", "id", "source", "type", "subject", "time", "sequence", *_KEPT_TEXTS, *TRACING, "signature",
        "datacontenttype", "dataschema", "data", "data_base64",
    }
)  # fmt: skip
"""The attributes that are known, here or to CloudEvents; all others are extensions, and only kept."""

Notice = Callable[[type[EventData], dict[str, Any]], None]
"""Is told the model of a valid event's data, and all attributes as they were read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """A CloudEvent as it travels; `data` is typed, or a JSON object of the form that its type asks for.

    It is checked where it is published (`client.Publisher.prepare`), by the rules that workers go by: `parse`.
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
        """Return the envelope of typed `data`, with a fresh id and the present time if none are given.

        Raises Refused if `time` has no zone.
        """
        if time is not None and time.tzinfo is None:
            raise Refused(Reason.INVALID_ENVELOPE, "time", "needs a zone; use datetime.now(UTC)")
        return cls(
            id=id or new_id("evt"),
            source=source,
            type=data.event_type,
            subject=subject,
            data=data,
            time=time or now(),
            **attributes,
        )

    def attributes(self) -> dict[str, Any]:
        """Return what stands in the JSON text, without absent attributes."""
        attributes = {"specversion": "1.0"} | {name: getattr(self, name) for name in _WRITTEN} | dict(self.extensions)
        attributes["data"] = _written_data(self.data)
        attributes["time"] = self.time
        return {name: value for name, value in attributes.items() if value is not None}

    def to_json(self) -> str:
        """Return the JSON text that `parse` reads; raises TypeError or ValueError for what JSON cannot hold."""
        return json_text.dumps(self.attributes())


_WRITTEN: Final = ("id", "source", "type", "subject", "sequence", *_KEPT_TEXTS)


class Event(NamedTuple):
    """A valid event on its way into the tables.

    `raw` is its JSON text exactly as it came. In `data` and `sequence` U+FFFD stands for what PostgreSQL cannot hold.
    `time` is text as `domain.times.sortable` gives it. `order` is the part of the event's key that does not depend on
    attempt and status (`domain.keys`), made from the exact sequence.
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
    """What decides the shard (CONTRACT §1)."""


def parse(raw: bytes, limits: Limits = DEFAULT_LIMITS, notice: Notice | None = None) -> Event:
    """The event that `raw` holds; raises Refused if CONTRACT §2 or §4 is broken, or it is beyond `limits`.

    `notice` is called with what was read of a valid event.
    """
    if len(raw) > limits.max_event_bytes:
        beyond = BeyondLimit("", f"{len(raw):,} bytes", limits.max_event_bytes, "max_event_bytes")
        raise Refused(Reason.TOO_LARGE, "", str(beyond))
    text, attributes = _read(raw, limits)
    unplain = json_text.may_be_unplain(text)
    _check_version(attributes)
    event_id = _name(attributes, "id", limits.max_id_bytes)
    source = _name(attributes, "source", limits.max_source_bytes, "max_source_bytes")
    event_type = _text(attributes, "type")
    subject = _name(attributes, "subject", limits.max_id_bytes)
    time = _time(attributes)
    sequence = _sequence(attributes, text)
    _check_kept(attributes)
    model = EVENT_TYPES.get(event_type)
    if model is None:
        raise Refused(
            Reason.UNKNOWN_TYPE, "type", f"{ascii(event_type)[:100]} is not an event type that Flowledger knows"
        )
    data = present(model, attributes.get("data"))
    if unplain:
        _check_ids(data)
        data = present(model, json_text.stored(json_text.plain_json(text)).get("data"))
    typed = _typed(model, data)
    if len(raw) > limits.max_id_bytes:
        _check_id_lengths(model, data, limits.max_id_bytes)
    _check_limits(typed, limits)
    if notice is not None:
        notice(model, attributes)
    return Event(
        id=event_id,
        source=source,
        type=event_type,
        subject=subject,
        time=time,
        sequence=json_text.plain(sequence) if unplain and sequence else sequence,
        data=typed,
        order=order_key(sequence, time, source, event_id),
        raw=text,
        partition_key=_partition_key(attributes, typed, subject),
    )


def _read(raw: bytes, limits: Limits) -> tuple[str, dict[str, Any]]:
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Refused(Reason.NOT_JSON, "", f"not UTF-8: byte {error.start} is 0x{raw[error.start]:02x}") from None
    try:
        attributes = json_text.loads(text, limits)
    except BeyondLimit as error:
        raise Refused(Reason.NOT_JSON, error.field, str(error)) from None
    except ValueError as error:
        raise Refused(Reason.NOT_JSON, "", f"not JSON: {error}") from None
    if not isinstance(attributes, dict):
        raise Refused(Reason.INVALID_ENVELOPE, "", "a CloudEvent is a JSON object")
    return text, attributes


def _check_version(attributes: dict[str, Any]) -> None:
    version = attributes.get("specversion")
    if version != "1.0":
        words = MISSING if version is None else f"is {ascii(version)[:40]}"
        raise _wrong("specversion", f'{words}; CloudEvents 1.0 needs "1.0"')


def _text(attributes: dict[str, Any], name: str) -> str:
    value = attributes.get(name)
    if value is None:
        raise _wrong(name, MISSING)
    if not isinstance(value, str):
        raise _wrong(name, "must be a string")
    if not value:
        raise _wrong(name, "must not be empty")
    return value


def _name(attributes: dict[str, Any], name: str, max_bytes: int, setting: str = "max_id_bytes") -> str:
    """An id or a source: text that tables and keys hold exactly."""
    value = _text(attributes, name)
    if len(value) * _UTF8_BYTES > max_bytes or not value.isprintable():
        if not json_text.is_plain(value):
            raise _wrong(name, "must not hold U+0000 or a lone surrogate")
        size = len(value.encode())
        if size > max_bytes:
            raise _wrong(name, str(BeyondLimit(name, f"{size:,} bytes of UTF-8", max_bytes, setting)))
    return value


def _time(attributes: dict[str, Any]) -> str | None:
    value = attributes.get("time")
    if value is None:
        return None
    if not isinstance(value, str):
        raise _wrong("time", "must be a string")
    try:
        return sortable(parse_time(value))
    except ValueError as error:
        raise _wrong("time", str(error)) from None


def sequence_of(value: Any, text: str) -> Any:
    """What a sequence counts as: a number is its JSON text, which only the event's own `text` still has."""
    is_number = isinstance(value, int | float | Decimal) and not isinstance(value, bool)
    return json_text.number_text(text, "sequence") if is_number else value


def _sequence(attributes: dict[str, Any], text: str) -> str | None:
    value = sequence_of(attributes.get("sequence"), text)
    if value is None:
        return None
    if not isinstance(value, str):
        raise _wrong("sequence", "must be a string or a number")
    if not value:
        raise _wrong("sequence", "must not be empty")
    return value


def _check_kept(attributes: dict[str, Any]) -> None:
    """What is only kept, in the journal, but must be what CloudEvents says."""
    for name in _KEPT_TEXTS:
        if not isinstance(attributes.get(name, ""), str | None):
            raise _wrong(name, "must be a string")
    content_type = attributes.get("datacontenttype")
    if content_type is not None and not (isinstance(content_type, str) and _JSON_CONTENT.fullmatch(content_type)):
        raise _wrong("datacontenttype", "must be application/json, with no charset or with UTF-8")
    if attributes.get("data_base64") is not None:
        raise _wrong("data_base64", "is refused; give the data as a JSON object in `data`")


def _partition_key(attributes: dict[str, Any], data: EventData, subject: str) -> str:
    key: str | None = attributes.get("partitionkey")
    return data.partition_key(subject) if key is None else key


def present(model: type[EventData], data: Any) -> dict[str, Any]:
    """The fields that are there: null is the same as absent, unless the model keeps it."""
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise _wrong("data", "must be a JSON object")
    if None in data.values():
        return {name: value for name, value in data.items() if value is not None or name in model.keeps_null}
    return data


def _typed(model: type[EventData], data: dict[str, Any]) -> EventData:
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise _refused(error) from None


def _check_ids(data: dict[str, Any]) -> None:
    for name, value in data.items():
        if _is_of_ids(name):
            texts = value if isinstance(value, list) else [value]
            if not all(json_text.is_plain(text) for text in texts if isinstance(text, str)):
                raise Refused(Reason.INVALID_DATA, f"data.{name}", "an id must not hold U+0000 or a lone surrogate")


def _check_id_lengths(model: type[EventData], data: dict[str, Any], max_bytes: int) -> None:
    """For `data` that the model has found valid."""
    names = _ID_FIELDS[model]
    for name, value in data.items():
        if name in names and value is not None:
            if isinstance(value, list):
                for place, item in enumerate(value):
                    _check_id_length(f"data.{name}.{place}", item, max_bytes)
            elif len(value) * _UTF8_BYTES > max_bytes:
                _check_id_length(f"data.{name}", value, max_bytes)


def _check_id_length(field: str, value: str, max_bytes: int) -> None:
    size = len(value.encode())
    if size > max_bytes:
        beyond = BeyondLimit(field, f"{size:,} bytes of UTF-8", max_bytes, "max_id_bytes")
        raise Refused(Reason.INVALID_DATA, field, str(beyond))


def _check_limits(data: EventData, limits: Limits) -> None:
    try:
        data.check(limits)
    except BeyondLimit as beyond:
        raise Refused(Reason.INVALID_DATA, beyond.field, str(beyond)) from None


def _is_of_ids(name: str) -> bool:
    return name == "node" or name.endswith(("_id", "_ids"))


_ID_FIELDS: Final = {model: frozenset(filter(_is_of_ids, model.model_fields)) for model in EVENT_TYPES.values()}


def _wrong(name: str, words: str) -> Refused:
    return Refused(Reason.INVALID_ENVELOPE, name, words)


def _refused(error: ValidationError) -> Refused:
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    path = ".".join(str(part) for part in ("data", *first["loc"]))
    words = first["msg"].removeprefix("Value error, ").replace("dictionary", "JSON object")
    words = _OR_OBJECT.sub("", words).replace("an instance of Level", _ONE_OF_LEVELS)
    if first["type"] == "string_too_short":
        words = "must not be empty"
    return Refused(Reason.INVALID_DATA, path, words[0].lower() + words[1:])


def _written_data(data: EventData | Mapping[str, Any]) -> Any:
    return data.model_dump(exclude_unset=True) if isinstance(data, EventData) else dict(data)
