"""Whether two events mean the same (CONTRACT §2), told from their texts. Digests must agree with it."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Final

from flowledger.domain import json_text
from flowledger.domain.attributes import TRACING, exact_sequence
from flowledger.domain.event_data import present
from flowledger.domain.events import EVENT_TYPES
from flowledger.domain.times import parse_time

_NO_PART: Final = frozenset((*TRACING, "datacontenttype", "signature"))
"""What may differ in a retry: the tracing, the content type, which can only be JSON, and a newer key's signature."""


def same_event(one: str, other: str) -> bool:
    """Return whether two JSON texts of valid events mean the same.

    Order of names, spaces, escapes and spellings of numbers do not matter, and null is the same as absent. Sequences
    and times are the same if they are the same in the keys of the events.
    """
    return one == other or json_text.equal(_meaning(one), _meaning(other))


def _meaning(text: str) -> Any:
    value = json_text.exact(text)
    if not isinstance(value, dict):
        return value
    said = {name: part for name, part in value.items() if part is not None and name not in _NO_PART}
    if "sequence" in said:
        said["sequence"] = exact_sequence(said["sequence"], text)
    with suppress(ValueError):
        if "time" in said:
            said["time"] = str(parse_time(said["time"]))
    model = EVENT_TYPES.get(said.get("type", ""))
    if model is not None:
        said["data"] = present(model, said.get("data"))
    return said
