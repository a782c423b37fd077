"""An odd entry: its fields as they travel, and what must become of it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

SOURCE: Final = "/odd/"
"""How the sources of odd events begin: those of one call of `entries` have one."""
FIELD: Final = b"event"


class Fate(Enum):
    """What must become of an entry."""

    RECORDED = "stands in the journal, byte for byte"
    REPEATED = "is the event before it in other words: it changes nothing, and is no dead letter"
    CONFLICT = "has the name of the event before it and says something else: a dead letter"
    BURIED = "can never be recorded: a dead letter"
    EITHER = "is in the journal or a dead letter; a limit of the databases decides"


@dataclass(frozen=True)
class Odd:
    """One entry."""

    what: str
    """In words, for a report."""
    fields: tuple[bytes, ...]
    """Name, value, name, value …"""
    fate: Fate
    subject: str = ""
    """Whom `show` is asked about, if it was recorded."""
    event_id: str = ""

    @property
    def body(self) -> bytes:
        """The value of the only field `event`; empty if there is none, or more than one."""
        values = [value for name, value in zip(self.fields[::2], self.fields[1::2], strict=True) if name == FIELD]
        return values[0] if len(values) == 1 else b""

    @property
    def size(self) -> int:
        return sum(map(len, self.fields))


Couple = tuple[Odd, ...]
"""Entries that go into one stream, in this order."""


def event(unique: str, type_: str = "task.completed", data: Any = None, **attributes: Any) -> dict[str, Any]:
    """A valid event about a subject of its own."""
    subject, source = f"odd_{unique}", SOURCE + unique.rpartition("_")[0]
    whole = {"specversion": "1.0", "id": subject, "source": source, "type": type_, "subject": subject}
    return whole | ({} if data is None else {"data": data}) | attributes


def text_of(value: Any) -> str:
    """JSON text with all characters as they are; lone surrogates are escaped, for UTF-8 has none."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return "".join(f"\\u{ord(char):04x}" if "\ud800" <= char <= "\udfff" else char for char in text)


def odd(what: str, unique: str, body: str | bytes, fate: Fate) -> Odd:
    """An entry with one field `event`."""
    raw = body if isinstance(body, bytes) else body.encode("utf-8", "surrogatepass")
    subject = f"odd_{unique}"
    return Odd(what, (FIELD, raw), fate, subject, subject)


def written(unique: str, type_: str, data: str, **attributes: Any) -> str:
    """An event whose `data` is this text, as it is."""
    return text_of(event(unique, type_, **attributes))[:-1] + f',"data":{data}' + "}"
