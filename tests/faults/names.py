"""What the rows must know of the ledger's own choices, in one place: names of settings and options, bounds, words."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from typing import Any, Final

from flowledger.domain.settings import Settings
from flowledger.workers.entries import all_fields

RESUME_SOURCES: Final = ("resume", "--source")
"""The command that brings back what was set aside of a source whose fuse has blown; the source follows."""
WITHOUT_SOURCE: Final = "(unreadable)"
"""The source, for that command, of entries without a readable one."""

KEPT_WHOLE: Final = 2**20
"""A dead letter keeps every byte of an entry of so many; of a larger one at least a hash, the size and a beginning."""

TOLD_OF_RESTORE: Final = re.compile(r"the database has gone back to an earlier state")
"""What log and `status` say of a database that was put back to an earlier state."""
TOLD_OF_ANOTHER: Final = re.compile(r"the broker of another ledger|is not the broker of ledger|two databases")
"""What a service says that meets a broker, or a database, which another one uses."""
TOLD_OF_BURIALS: Final = re.compile(r"dead letters.*(a minute|a second|MB|MiB|fill)|(set|put) aside", re.IGNORECASE)
"""What log or `status` say before dead letters fill a disk."""


def most_recipients(settings: Settings) -> int:
    """How many sandboxes a message may name."""
    return int(getattr(settings, "max_recipients", 1_000))


def keeps(fields: Sequence[bytes], raw: bytes, detail: str) -> bool:
    """Whether a dead letter keeps these fields (I5): every byte, or, of a large entry, hash, size and beginning."""
    body = fields[1] if len(fields) == 2 else _only_event(fields)
    if raw == body or (body is None and _fields(raw) == list(fields)):
        return True
    if sum(map(len, fields)) <= KEPT_WHOLE or not raw:
        return False
    sizes = (sum(map(len, fields)), len(body or b""), len(all_fields(fields)))
    hashes = [hashlib.sha256(part).hexdigest() for part in (b"".join(fields), body or b"", all_fields(fields))]
    return any(one in detail and f"{size:,} bytes" in detail for one, size in zip(hashes, sizes, strict=True))


def _only_event(fields: Sequence[bytes]) -> bytes | None:
    """The value of the one field `event` among others."""
    values = [value for name, value in zip(fields[::2], fields[1::2], strict=True) if name == b"event"]
    return values[0] if len(values) == 1 else None


def _fields(raw: bytes) -> list[bytes]:
    """Names and values of a malformed entry, as `docs/operations.md` says that they are kept."""
    try:
        pairs: Any = json.loads(raw)
        return [text.encode("utf-8", "surrogateescape") for pair in pairs for text in pair]
    except (ValueError, TypeError, AttributeError):
        return []
