"""Whether two events of one name are the same event (CONTRACT §2): their meaning is compared, not their text.

A digest of the meaning stands in the journal, so a repeated event is told from another one also when its text is gone
(docs/decisions/0054).
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final

from flowledger.domain import json_text
from flowledger.domain.attributes import TRACING
from flowledger.domain.event_data import present
from flowledger.domain.kinds.base import EventData

BYTES: Final = 16
"""Of a digest: the first half of a SHA-256."""

_NO_PART: Final = frozenset((*TRACING, "datacontenttype", "signature"))
"""What may differ in a retry: the tracing, the content type, which can only be JSON, and a newer key's signature."""


def digest(model: type[EventData], attributes: Mapping[str, Any], *, time: str | None, sequence: str | None) -> bytes:
    """Return the digest of a valid event's meaning: two events mean the same if, and only if, it is the same.

    Order of names, spaces, escapes and spellings of numbers do not matter, and null is the same as absent. `time` and
    `sequence` are those of the event's key. `attributes` are a value for `json_text.canonical`.
    """
    said = {name: part for name, part in attributes.items() if part is not None and name not in _NO_PART}
    if time is not None:
        said["time"] = time
    if sequence is not None:
        said["sequence"] = sequence
    said["data"] = present(model, said.get("data"))
    return sha256(json_text.canonical(said).encode()).digest()[:BYTES]
