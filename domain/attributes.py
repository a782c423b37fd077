"""The attributes of an event, read from its JSON text and checked one by one (CONTRACT §2)."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any, Final

from flowledger.domain import json_text
from flowledger.domain.errors import Reason, Refused
from flowledger.domain.limits import BeyondLimit, Limits
from flowledger.domain.patterns import any_case
from flowledger.domain.times import sortable_text

Attributes = dict[str, Any]

TRACING: Final = ("traceparent", "tracestate", "baggage", "b3")
"""Attributes that only carry tracing."""
KEPT_TEXTS: Final = ("partitionkey", "traceparent", "tracestate", "correlationid", "causationid")
"""Attributes that must be strings, and are kept in the journal."""
KNOWN: Final = frozenset(
    {
        "specversion", "id", "source", "type", "subject", "time", "sequence", *KEPT_TEXTS, *TRACING, "signature",
        "datacontenttype", "dataschema", "data", "data_base64",
    }
)  # fmt: skip
"""The attributes that Flowledger or CloudEvents defines; all others are extensions, which are only kept."""
MISSING: Final = "is missing"
"""How the words of a refusal begin if a required attribute is absent."""

_UTF8: Final = any_case("utf-8")
JSON_CONTENT_PATTERN: Final = "^{}_(;_{}_=_({})_)?$".replace("_", "[\t-\r ]*").format(
    any_case("application/json"), any_case("charset"), f'"{_UTF8}"|{_UTF8}'
)
"""The `datacontenttype` of an event; blanks may stand around its signs."""
_JSON: Final = "application/json"
_JSON_CONTENT: Final = re.compile(JSON_CONTENT_PATTERN)
_UTF8_BYTES: Final = 4
"""Most bytes of one character."""


def wrong(name: str, words: str) -> Refused:
    """Return the refusal of an attribute."""
    return Refused(Reason.INVALID_ENVELOPE, name, words)


def read_attributes(raw: bytes, limits: Limits) -> tuple[str, Attributes]:
    """Return the JSON text of an event, and its attributes. Raises Refused if it is not a JSON object."""
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


def check_version(attributes: Attributes) -> None:
    """Raise Refused for another version of CloudEvents."""
    version = attributes.get("specversion")
    if version != "1.0":
        words = MISSING if version is None else f"is {ascii(version)[:40]}"
        raise wrong("specversion", f'{words}; CloudEvents 1.0 needs "1.0"')


def text_of(attributes: Attributes, name: str) -> str:
    """Return a required string. Raises Refused if it is absent, empty or of another type."""
    value = attributes.get(name)
    if value is None:
        raise wrong(name, MISSING)
    if not isinstance(value, str):
        raise wrong(name, "must be a string")
    if not value:
        raise wrong(name, "must not be empty")
    return value


def name_of(attributes: Attributes, name: str, max_bytes: int, setting: str = "max_id_bytes") -> str:
    """Return an id or a source: text that tables and keys hold exactly. Raises Refused if they cannot."""
    value = text_of(attributes, name)
    if len(value) * _UTF8_BYTES > max_bytes or not value.isprintable():
        if not json_text.is_plain(value):
            raise wrong(name, "must not hold U+0000 or a lone surrogate")
        size = len(value.encode())
        if size > max_bytes:
            raise wrong(name, str(BeyondLimit(name, f"{size:,} bytes of UTF-8", max_bytes, setting)))
    return value


def time_of(attributes: Attributes) -> str | None:
    """Return the time as tables hold it (`domain.times.sortable`); None if absent. Raises Refused for another form."""
    value = attributes.get("time")
    if value is None:
        return None
    if not isinstance(value, str):
        raise wrong("time", "must be a string")
    try:
        return sortable_text(value)
    except ValueError as error:
        raise wrong("time", str(error)) from None


def exact_sequence(value: Any, text: str) -> Any:
    """Return the sequence as it is compared: for a number its literal text, which only the event's `text` has."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return value
    if isinstance(value, int) and value:  # not 0, which may be written as -0
        return str(value)
    return json_text.number_text(text, "sequence")


def sequence_of(attributes: Attributes, text: str) -> str | None:
    """Return the sequence as text; None if absent. Raises Refused if it is empty, or no string or number."""
    value = exact_sequence(attributes.get("sequence"), text)
    if value is None:
        return None
    if not isinstance(value, str):
        raise wrong("sequence", "must be a string or a number")
    if not value:
        raise wrong("sequence", "must not be empty")
    return value


def check_kept(attributes: Attributes) -> None:
    """Raise Refused if an attribute that only the journal keeps is not as CloudEvents defines it."""
    for name in KEPT_TEXTS:
        value = attributes.get(name)
        if value is not None and not isinstance(value, str):
            raise wrong(name, "must be a string")
    content_type = attributes.get("datacontenttype", _JSON)
    if content_type not in (None, _JSON) and not (
        isinstance(content_type, str) and _JSON_CONTENT.fullmatch(content_type)
    ):
        raise wrong("datacontenttype", "must be application/json, with no charset or with UTF-8")
    if attributes.get("data_base64") is not None:
        raise wrong("data_base64", "is refused; give the data as a JSON object in `data`")
