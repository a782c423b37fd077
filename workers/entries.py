"""What an entry of a stream holds: the event's bytes, or what can still be kept and read of a malformed one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from domain import json_text, streams
from domain.errors import Reason, Refused
from domain.limits import Limits


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


def readable(raw: bytes, limits: Limits) -> dict[str, str | None]:
    """`type`, `source`, `subject` and `event_id` of a dead letter, if they can be read at all."""
    attributes: Any = None
    if len(raw) <= limits.max_event_bytes:
        try:
            attributes = json_text.loads(raw.decode("utf-8"), limits)
        except (ValueError, RecursionError):
            attributes = None
    if not isinstance(attributes, dict):
        attributes = {}
    names = {"type": "type", "source": "source", "subject": "subject", "event_id": "id"}
    texts = {column: attributes.get(name) for column, name in names.items()}
    return {name: text if isinstance(text, str) else None for name, text in texts.items()}
