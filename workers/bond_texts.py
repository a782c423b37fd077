"""What database and Redis know of each other (docs/decisions/0033), as `workers.bond` compares it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from flowledger.domain import streams
from flowledger.storage.ledger.checkpoints import Checkpoint
from flowledger.storage.ledger.identity import Ledger


class Text(NamedTuple):
    """What a broker holds: the id of its ledger, its number among that ledger's brokers, and a mark."""

    ledger: str
    number: int
    mark: str

    @classmethod
    def of(cls, held: str) -> Text | None:
        """Read a text. Return None if it is empty, or not written by a ledger."""
        words = held.split(" ")
        if len(words) != 3 or not words[1].isdecimal():
            return None
        return cls(words[0], int(words[1]), words[2])

    def __str__(self) -> str:
        return " ".join(map(str, self))


class Held(NamedTuple):
    """What stands in Redis: whose broker it is, and of each shard the number of the last batch that was recorded."""

    broker: str
    batches: Mapping[int, int]
    recorded_at: datetime | None


def text_of(held: Any) -> str:
    """Return a key's value, whatever its bytes are; empty if the key does not exist."""
    return "" if held is None else str(held, "utf-8", "backslashreplace")


def owner_of(held: Held) -> str:
    """Return the id of the ledger whose broker it is; empty if it has none."""
    found = Text.of(held.broker)
    return "" if not held.broker else found.ledger if found else "unknown"


def number_of(ledger: Ledger) -> int:
    known = Text.of(ledger.broker or "")
    return 0 if known is None else known.number


def is_behind(checkpoints: list[Checkpoint], held: Held) -> bool:
    """Return whether Redis knows of batches that the database does not."""
    known = {checkpoint.stream: checkpoint.batches for checkpoint in checkpoints}
    return any(number > known.get(streams.stream(shard), 0) for shard, number in held.batches.items())
