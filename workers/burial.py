"""Dead letters of entries: with all that is known of them, or in a plain form that no database refuses."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from types import MappingProxyType
from typing import Final, NamedTuple

from flowledger.domain.envelope import Event
from flowledger.domain.errors import DatabaseFailed, Reason, Refused
from flowledger.domain.json_text import plain
from flowledger.storage.engines.pipeline import Transaction, Unrecordable
from flowledger.storage.ledger.dead_letters import DeadLetterRepository
from flowledger.workers.entries import Entry
from flowledger.workers.faults import OurFault

_PLAIN_BYTES: Final = 2**20
_MOST_WORDS: Final = 2_000
_MOST_NAME: Final = 2_000


class Read(NamedTuple):
    """An entry that was read: an event and its transaction, or why it is refused.

    `names` are `type`, `source`, `subject` and `event_id` of a refused one, if they could be read, and `named` the ids
    that it is about. `is_plain` asks for the plain form of a dead letter, which cannot fail.
    """

    entry: Entry
    raw: bytes
    event: Event | None = None
    transaction: Transaction | None = None
    refused: Refused | None = None
    names: Mapping[str, str | None] = MappingProxyType({})
    named: tuple[str | None, ...] = ()
    is_plain: bool = False

    def dead(self, refused: Refused, *, is_plain: bool = False) -> Read:
        """Return the same entry, refused."""
        event = self.event
        names, named = self.names, self.named
        if event is not None:
            names = {"type": event.type, "source": event.source, "subject": event.subject, "event_id": event.id}
            named = (event.subject, event.data.owner())
        names = {} if is_plain else names
        return Read(self.entry, self.raw, refused=refused, names=names, named=named, is_plain=is_plain)

    @property
    def source(self) -> str | None:
        return self.names.get("source") if self.event is None else self.event.source

    @property
    def log_fields(self) -> dict[str, object]:
        """What a log record about this entry is about (`domain.log_lines.FIELDS`)."""
        names: Mapping[str, object] = self.names
        if self.event is not None:
            names = {"event_id": self.event.id, "source": self.event.source, "subject": self.event.subject}
        known = {name: names.get(name) for name in ("event_id", "source", "subject")}
        return known | {"shard": self.entry.shard}

    @property
    def is_own_fault(self) -> bool:
        """Whether the entry is at fault, not Flowledger or the database."""
        return self.refused is not None and self.refused.reason is not Reason.UNRECORDABLE


def burial(read: Read, seen_at: str) -> Transaction:
    """Return the transaction that makes a refused entry a dead letter."""
    assert read.refused is not None
    letter = DeadLetterRepository.bury(
        read.entry.stream,
        read.entry.id,
        read.raw,
        _plain(read) if read.is_plain else _bounded(read.refused),
        seen_at=seen_at,
        readable={name: None if text is None else text[:_MOST_NAME] for name, text in read.names.items()},
        most_bytes=_PLAIN_BYTES if read.is_plain else None,
    )
    return Transaction(None, [letter], named=tuple([plain(one) for one in read.named if one is not None]))


def refused_by_database(failed: Exception) -> Refused:
    """Return why an entry at which recording failed is a dead letter."""
    if isinstance(failed, Unrecordable):
        return Refused(Reason.UNRECORDABLE, "", f"the database refuses it: {failed}")
    if isinstance(failed, DatabaseFailed):
        return Refused(Reason.UNRECORDABLE, "", f"the database breaks off at it, again and again: {failed}")
    return OurFault(failed)


def _bounded(refused: Refused) -> Refused:
    """Return the refusal with its field and words cut: they may hold any part of the event."""
    return Refused(refused.reason, refused.field[:_MOST_NAME], refused.words[:_MOST_WORDS])


def _plain(read: Read) -> Refused:
    """Return the refusal in ASCII alone, with size and hash of the bytes, of which the plain form may keep a part."""
    assert read.refused is not None
    words = ascii(read.refused.words[:_MOST_WORDS])[1:-1][:_MOST_WORDS]
    kept = "kept without names, which the database refuses" if len(read.raw) <= _PLAIN_BYTES else "kept in part"
    size = f"{len(read.raw):,} bytes, SHA-256 {sha256(read.raw).hexdigest()}"
    return Refused(read.refused.reason, ascii(read.refused.field)[1:-1][:_MOST_NAME], f"{words} ({kept}: {size})")
