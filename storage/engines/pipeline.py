"""What a unit of work hands to a database, and what each kind of database does with it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from flowledger.domain.errors import LedgerError
from flowledger.storage.merge.conditions import Condition
from flowledger.storage.merge.writes import Removal, Write


class Transaction(NamedTuple):
    """What is committed together: an event's journal row and its writes, or (`journal` is None) a dead letter.

    Where one of the `conditions` does not hold, an event writes nothing at all.
    """

    journal: tuple[str | int | None, ...] | None
    writes: Sequence[Write | Removal]
    conditions: Sequence[Condition] = ()


class CheckpointRow(NamedTuple):
    """The last entry of a stream; the transaction of a flush's checkpoints ends it, and makes all before it durable."""

    stream: str
    entry_id: str
    recorded_at: str


class Flushed(NamedTuple):
    """What a flush did: the places of transactions whose event was known, and the number of each stream's batch."""

    repeated: list[int]
    batches: dict[str, int]
    """Counts up for each stream, and is the database's own: it comes again only in a database that went back."""


class Unrecordable(LedgerError):
    """The database refuses a transaction for good: doing the same again would end the same."""


class Pipeline(Protocol):
    """How a database runs many transactions at once."""

    def run(self, transactions: Sequence[Transaction], checkpoints: Sequence[CheckpointRow]) -> Flushed:
        """Commits each transaction by itself, in order, durably; tells the places of those that wrote nothing: their
        event was known, or a condition of it does not hold.

        Raises Unrecordable where the database refuses one for good, DatabaseUnavailable where it is away or busy; the
        ones before it may be committed, so the caller does all of them again.
        """
        ...
