"""Dead letters of entries: with all that is known of them, or in a plain form that any database takes."""

from __future__ import annotations

from hashlib import sha256
from typing import Final, NamedTuple

from domain import streams
from domain.envelope import Event
from domain.errors import Refused
from domain.limits import Limits
from storage.pipeline import Transaction
from storage.repositories import DeadLetterRepository
from workers.entries import Entry, readable

_PLAIN_BYTES: Final = 2**20
_MOST_WORDS: Final = 2_000
_MOST_NAME: Final = 400


class Read(NamedTuple):
    """An entry as it was understood: an event and its transaction, or why it is refused."""

    entry: Entry
    raw: bytes
    event: Event | None = None
    transaction: Transaction | None = None
    refused: Refused | None = None
    is_plain: bool = False

    def dead(self, refused: Refused, *, is_plain: bool = False) -> Read:
        """The same entry, refused; `is_plain` asks for the form that cannot fail."""
        return Read(self.entry, self.raw, refused=refused, is_plain=is_plain)


def burial(read: Read, limits: Limits, seen_at: str) -> Transaction:
    """Return the transaction that makes a refused entry a dead letter."""
    assert read.refused is not None
    stream = streams.stream(read.entry.shard)
    names = {} if read.entry.is_deadly or read.is_plain else readable(read.raw, limits)
    letter = DeadLetterRepository.bury(
        stream,
        read.entry.id,
        read.raw,
        _plain(read) if read.is_plain else _bounded(read.refused),
        seen_at=seen_at,
        readable={name: None if text is None else text[:_MOST_NAME] for name, text in names.items()},
        most_bytes=_PLAIN_BYTES if read.is_plain else None,
    )
    return Transaction(None, [letter])


def _bounded(refused: Refused) -> Refused:
    """A field or words may hold anything that an event held, and so be as long."""
    return Refused(refused.reason, refused.field[:_MOST_NAME], refused.words[:_MOST_WORDS])


def _plain(read: Read) -> Refused:
    """Words in ASCII alone, and what identifies the bytes if they are more than the plain form keeps."""
    assert read.refused is not None
    words = ascii(read.refused.words[:_MOST_WORDS])[1:-1][:_MOST_WORDS]
    kept = "kept without names, which the database refuses" if len(read.raw) <= _PLAIN_BYTES else "kept in part"
    size = f"{len(read.raw):,} bytes, SHA-256 {sha256(read.raw).hexdigest()}"
    return Refused(read.refused.reason, ascii(read.refused.field)[1:-1][:_MOST_NAME], f"{words} ({kept}: {size})")
