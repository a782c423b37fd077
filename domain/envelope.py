"""The CloudEvents 1.0 envelope, and the way from bytes to an event that can be recorded (CONTRACT §2).

`Envelope` is what travels: producers build it and publish its JSON. `Event` is what is recorded: `parse` makes it from
the bytes of a stream entry, or raises `Refused` with the reason and the field at fault.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any, Final, Literal, NamedTuple, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from domain import json_text
from domain.errors import Reason, Refused
from domain.events import EVENT_TYPES, EventData, Id, Time
from domain.ids import check_source, new_id
from domain.keys import order_key
from domain.times import now

DEFAULT_MAX_BYTES: Final = 1_048_576
"""The largest event that is taken, in bytes of its JSON text (CONTRACT §2)."""

LEDGER_SOURCE: Final = "/flowledger"
"""The `source` of the ledger's own events."""

_JSON_CONTENT: Final = re.compile(r'application/json\s*(;\s*charset\s*=\s*("utf-8"|utf-8)\s*)?', re.IGNORECASE)


def _content_type(value: str) -> str:
    if _JSON_CONTENT.fullmatch(value) is None:
        raise ValueError("must be application/json, with no charset or with UTF-8")
    return value


def _sequence(value: object) -> object:
    """The text of a sequence; `parse` has put a number's own JSON text here before."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str):
        raise ValueError("must be a string or a number")
    if not value:
        raise ValueError("must not be empty")
    return value


class Envelope(BaseModel):
    """A CloudEvent as it travels. `data` is the JSON object of the type's model in `domain.events`."""

    model_config = ConfigDict(strict=True, frozen=True, extra="allow")

    specversion: Literal["1.0"] = "1.0"
    id: Id
    source: Annotated[str, AfterValidator(check_source)]
    type: Annotated[str, Field(min_length=1)]
    subject: Id
    time: Time | None = None
    sequence: Annotated[Any, BeforeValidator(_sequence)] = None
    partitionkey: str | None = None
    traceparent: str | None = None
    tracestate: str | None = None
    correlationid: str | None = None
    causationid: str | None = None
    datacontenttype: Annotated[str, AfterValidator(_content_type)] | None = None
    data: dict[str, Any] = Field(default_factory=dict)

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
        """The envelope of typed `data`: with a fresh id and the present time where none are given.

        Raises pydantic's ValidationError where an attribute breaks CONTRACT §2.
        """
        return cls(
            id=id or new_id("evt"),
            source=source,
            type=data.event_type,
            subject=subject,
            time=time or now(),
            data=data.model_dump(mode="json", exclude_unset=True),
            **attributes,
        )

    def to_json(self) -> str:
        """The JSON text that `parse` reads; attributes that are absent are left out."""
        return json_text.dumps(self.model_dump(mode="json", exclude_unset=True) | {"specversion": "1.0"})


_ATTRIBUTES: Final = frozenset(Envelope.model_fields) | {"data_base64"}


class Event(NamedTuple):
    """A valid event on its way into the tables.

    `raw` is its JSON text exactly as it came. In `data` and `sequence` U+FFFD stands for what PostgreSQL cannot hold.
    `order` is the part of the event's key that does not depend on attempt and status (`domain.keys`), made from the
    exact sequence.
    """

    id: str
    source: str
    type: str
    subject: str
    time: datetime | None
    sequence: str | None
    data: EventData
    order: str
    raw: str


def parse(raw: bytes, max_bytes: int = DEFAULT_MAX_BYTES) -> Event:
    """The event that `raw` holds; raises Refused where CONTRACT §2 or §4 is broken."""
    if len(raw) > max_bytes:
        raise Refused(Reason.TOO_LARGE, "", f"{len(raw):,} bytes; the limit is {max_bytes:,}")
    text, attributes = _read(raw)
    envelope = _envelope(text, attributes)
    model = EVENT_TYPES.get(envelope.type)
    if model is None:
        raise Refused(Reason.UNKNOWN_TYPE, "type", f"{envelope.type!a} is not an event type that Flowledger knows")
    data = _data(model, envelope.data, unplain=json_text.may_be_unplain(text))
    return Event(
        id=envelope.id,
        source=envelope.source,
        type=envelope.type,
        subject=envelope.subject,
        time=envelope.time,
        sequence=json_text.plain(envelope.sequence),
        data=data,
        order=order_key(envelope.sequence, envelope.time, envelope.source, envelope.id),
        raw=text,
    )


def _read(raw: bytes) -> tuple[str, dict[str, Any]]:
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Refused(Reason.NOT_JSON, "", f"not UTF-8: byte {error.start} is 0x{raw[error.start]:02x}") from None
    try:
        attributes = json_text.loads(text)
    except ValueError as error:
        raise Refused(Reason.NOT_JSON, "", f"not JSON: {error}") from None
    if not isinstance(attributes, dict):
        raise Refused(Reason.INVALID_ENVELOPE, "", "a CloudEvent is a JSON object")
    return text, attributes


def _envelope(text: str, attributes: dict[str, Any]) -> Envelope:
    present = {name: value for name, value in attributes.items() if value is not None and name in _ATTRIBUTES}
    if "specversion" not in present:
        raise Refused(Reason.INVALID_ENVELOPE, "specversion", 'is missing; CloudEvents 1.0 needs "1.0"')
    if "data_base64" in present:
        raise Refused(Reason.INVALID_ENVELOPE, "data_base64", "is refused; give the data as a JSON object in `data`")
    sequence = present.get("sequence")
    if sequence is not None and not isinstance(sequence, str | bool | list | dict):
        present["sequence"] = json_text.number_text(text, "sequence")
    if json_text.may_be_unplain(text):
        present = {name: _exact(name, value) for name, value in present.items()}
    try:
        return Envelope.model_validate(present)
    except ValidationError as error:
        raise _refused(Reason.INVALID_ENVELOPE, error) from None


def _exact(name: str, value: Any) -> Any:
    """Refuses names of things that PostgreSQL cannot hold exactly; other text of the envelope is only kept."""
    if name in ("id", "source", "subject", "type") and isinstance(value, str) and not json_text.is_plain(value):
        raise Refused(Reason.INVALID_ENVELOPE, name, "must not hold U+0000 or a lone surrogate")
    return value if name in ("data", "sequence") else json_text.plain(value)


def _data(model: type[EventData], data: dict[str, Any], *, unplain: bool) -> EventData:
    if None in data.values():
        data = {name: value for name, value in data.items() if value is not None or name in model.keeps_null}
    if unplain:
        _check_ids(data)
        data = json_text.plain(data)
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise _refused(Reason.INVALID_DATA, error, "data") from None


def _check_ids(data: dict[str, Any]) -> None:
    for name, value in data.items():
        if name == "node" or name.endswith(("_id", "_ids")):
            texts = value if isinstance(value, list) else [value]
            if not all(json_text.is_plain(text) for text in texts if isinstance(text, str)):
                raise Refused(Reason.INVALID_DATA, f"data.{name}", "an id must not hold U+0000 or a lone surrogate")


def _refused(reason: Reason, error: ValidationError, *path: str) -> Refused:
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    field = ".".join(str(part) for part in (*path, *first["loc"]))
    words = first["msg"].removeprefix("Value error, ").replace("dictionary", "JSON object")
    return Refused(reason, field, words[0].lower() + words[1:])
