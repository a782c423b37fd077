"""What an entry of a stream holds: the event's bytes, or what can still be kept and read of a malformed one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from domain import json_text, streams
from domain.errors import Reason, Refused
from domain.limits import Limits

_LONG_BYTES: Final = 4_096
"""A shorter message names some hundred recipients at the most."""


def body(fields: Sequence[bytes]) -> bytes:
    """The event's bytes; raises Refused where the entry has not exactly one field of that name."""
    names = [bytes(name) for name in fields[::2]]
    if names.count(streams.FIELD.encode()) != 1:
        words = f"an entry has one field named `{streams.FIELD}`; this one has {ascii(names)[1:-1] or 'none'}"
        raise Refused(Reason.MALFORMED_ENTRY, streams.FIELD, words[:500])
    return fields[2 * names.index(streams.FIELD.encode()) + 1]


def all_fields(fields: Sequence[bytes]) -> bytes:
    """All fields of a malformed entry, exactly: a lone value as it is, else a JSON array (surrogates escape bytes)."""
    if len(fields) == 2:
        return fields[1]
    texts = [field.decode("utf-8", "surrogateescape") for field in fields]
    return json_text.ascii_dumps([list(pair) for pair in zip(texts[::2], texts[1::2], strict=True)]).encode()


def is_to_many(fields: Sequence[bytes]) -> bool:
    """Whether this may be a message to many: one that only looks so is recorded a moment later than it might be."""
    return any(
        b"message.sent" in value and (len(value) > _LONG_BYTES or b'"broadcast"' in value) for value in fields[1::2]
    )


def readable(raw: bytes, limits: Limits) -> dict[str, str | None]:
    """`type`, `source` and `event_id` of a dead letter, where they can be read at all."""
    attributes: Any = None
    if len(raw) <= limits.max_event_bytes:
        try:
            attributes = json_text.loads(raw.decode("utf-8"), limits)
        except (ValueError, RecursionError):
            attributes = None
    if not isinstance(attributes, dict):
        attributes = {}
    texts = {"type": attributes.get("type"), "source": attributes.get("source"), "event_id": attributes.get("id")}
    return {name: text if isinstance(text, str) else None for name, text in texts.items()}
