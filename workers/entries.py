"""What an entry of a stream holds: the event's bytes, or what can be kept and read of a malformed entry."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from flowledger.domain import json_text, streams
from flowledger.domain.envelope import Event
from flowledger.domain.errors import Reason, Refused
from flowledger.domain.limits import Limits

MOST_DEATHS: Final = 5
"""After this many workers died on an entry that they had taken alone, it is dead-lettered without being parsed."""


_FIELD: Final = streams.FIELD.encode()
_PAIR: Final = 2
_LONG_BYTES: Final = 4_096
"""A shorter message names some hundred recipients at the most."""
KEPT_BYTES: Final = 2**20
"""How many bytes are kept of the beginning of an entry that is too large to be kept as a whole."""


@dataclass(frozen=True, slots=True)
class Cut:
    """What is kept of an entry that is too large: the beginning of its bytes, their number, and their SHA-256.

    The bytes of an entry with one field are its value; of one with several, all names and values in a row.
    """

    beginning: bytes
    size: int
    sha256: str

    @classmethod
    def of(cls, fields: Sequence[bytes]) -> Cut:
        """Return what is kept of these fields, names and values."""
        whole = fields[1] if len(fields) == 2 else b"".join(fields)
        return cls(whole[:KEPT_BYTES], len(whole), sha256(whole).hexdigest())

    def refused(self, most: int) -> Refused:
        words = (
            f"the entry has {self.size:,} bytes; a dead letter keeps {most:,} as a whole (LEDGER_MAX_DEAD_LETTER_BYTES;"
            f" several fields are kept as JSON, which may be longer): of larger ones the first {len(self.beginning):,}"
            f" are kept; the SHA-256 of all is {self.sha256}"
        )
        return Refused(Reason.TOO_LARGE, "", words)


class Entry(NamedTuple):
    """An entry of a shard's stream: its id, and its fields as name, value, name, value …, bytes as they came.

    `deaths` says how many drains died while they held this entry alone. One that is too large has a `cut` in place of
    its fields. `returned` is the mark of one that was set aside and came back (`workers.sources`). A line of an
    imported file is an entry as well: `origin` names the file in place of a stream, and `event` is what was read.
    """

    id: str
    fields: Sequence[bytes]
    shard: int = 0
    deaths: int = 0
    cut: Cut | None = None
    returned: str = ""
    origin: str = ""
    event: Event | None = None

    @property
    def stream(self) -> str:
        """The name of its stream, or what stands for one."""
        return self.origin or streams.stream(self.shard)

    @property
    def is_deadly(self) -> bool:
        """Whether it must not be parsed any more."""
        return self.deaths >= MOST_DEATHS


def last_entries(entries: Iterable[Entry]) -> list[tuple[str, str]]:
    """Return each stream and its last entry, in an order that is the same for all drains: they lock these rows."""
    return sorted({entry.stream: entry.id for entry in entries}.items())


def body(fields: Sequence[bytes]) -> bytes:
    """Return the event's bytes. Raises Refused unless exactly one field is named `event`."""
    if len(fields) == _PAIR and fields[0] == _FIELD:
        return fields[1]
    names = [bytes(name) for name in fields[::2]]
    if names.count(_FIELD) != 1:
        words = f"an entry has one field named `{streams.FIELD}`; this one has {ascii(names)[1:-1] or 'none'}"
        raise Refused(Reason.MALFORMED_ENTRY, streams.FIELD, words[:500])
    return fields[2 * names.index(_FIELD) + 1]


def all_fields(fields: Sequence[bytes]) -> bytes:
    """Return all fields of a malformed entry, exactly: a lone value as it is, else JSON (surrogates escape bytes)."""
    if len(fields) == 2:
        return fields[1]
    texts = [field.decode("utf-8", "surrogateescape") for field in fields]
    return json_text.ascii_dumps([list(pair) for pair in zip(texts[::2], texts[1::2], strict=True)]).encode()


_OWNERS: Final = ("execution_id", "task_id")
_OWNED: Final = ("task.", "message.", "metric.")
"""Fields that name what an event belongs to, and the beginnings of the types that have them with this meaning."""


def is_to_many(fields: Sequence[bytes]) -> bool:
    """Return whether this may be a message to many recipients. One that only looks so is recorded a little later."""
    values = [value for value in fields[1::2] if b"message.sent" in value]
    return any(len(value) > _LONG_BYTES or b'"broadcast"' in value for value in values)


class Names(NamedTuple):
    """What could be read of a dead letter: `type`, `source`, `subject` and `event_id`, each None if it could not; and
    the ids that it is about: its subject, and what that belongs to.
    """

    columns: Mapping[str, str | None] = MappingProxyType({})
    named: tuple[str, ...] = ()


def readable(raw: bytes, limits: Limits) -> Names:
    """Return the names of a dead letter."""
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
    data = attributes.get("data")
    is_owned = str(texts["type"]).startswith(_OWNED) and isinstance(data, dict)
    owners = [data.get(name) for name in _OWNERS] if is_owned else []
    return Names(
        {name: text if isinstance(text, str) else None for name, text in texts.items()},
        tuple([one for one in (texts["subject"], *owners) if isinstance(one, str)]),
    )
