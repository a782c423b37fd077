"""Whether two events of one name are the same event (CONTRACT §2): by what they mean, not by how they are written."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Final

from flowledger.domain import json_text
from flowledger.domain.attributes import TRACING, exact_sequence
from flowledger.domain.event_data import present
from flowledger.domain.events import EVENT_TYPES
from flowledger.domain.times import parse_time

_NO_PART: Final = frozenset((*TRACING, "datacontenttype", "signature"))
"""What a second try may say otherwise: its tracing, a content type, which can only be JSON, a newer key's signature."""


def same_event(one: str, other: str) -> bool:
    """Whether two JSON texts of valid events mean the same.

    Order of names, spaces, escapes and spellings of numbers do not matter, nor does null instead of absent. Sequences
    and times are the same if the keys of the events read them as the same.
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
