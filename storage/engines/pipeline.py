"""The interface between a unit of work and a database: transactions in, results out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from flowledger.domain.errors import DatabaseUnavailable, LedgerError
from flowledger.storage.merge.conditions import Condition
from flowledger.storage.merge.writes import Removal, Write


class Transaction(NamedTuple):
    """Rows that are committed together: an event's journal row, its text and its writes, or (`journal` is None) a dead
    letter.

    If one of the `conditions` does not hold, the event writes nothing at all.
    """

    journal: tuple[str | int | bytes | None, ...] | None
    writes: Sequence[Write | Removal]
    conditions: Sequence[Condition] = ()


class CheckpointRow(NamedTuple):
    """The last entry of a stream. A flush ends with the transaction of its checkpoints, which makes all durable."""

    stream: str
    entry_id: str
    recorded_at: str


class Flushed(NamedTuple):
    """The result of a flush: the places of transactions that wrote nothing, and the number of each stream's batch."""

    repeated: list[int]
    batches: dict[str, int]
    """Counted up by the database for each stream: a number comes again only if the database went back."""


class Unrecordable(LedgerError):
    """The database refuses a transaction permanently: a retry would fail again."""


class NoPartition(LedgerError):
    """A row has no partition; once that is made, a retry does not fail."""


class HorizonMoved(DatabaseUnavailable):
    """The horizon of names has passed the bound by which a flush was made; make it anew, by the bound that stands."""


class Pipeline(Protocol):
    """Runs many transactions at once on one kind of database."""

    def run(
        self, transactions: Sequence[Transaction], checkpoints: Sequence[CheckpointRow], bound: str | None = None
    ) -> Flushed:
        """Commit each transaction by itself, in order, durably. Return the places of those that wrote nothing, since
        their event was known, or a condition does not hold.

        Raises Unrecordable if the database refuses a transaction permanently, DatabaseUnavailable if it is unreachable
        or busy, NoPartition if a partition is missing (but `PartitionMaking` makes it). Earlier transactions may be
        committed then, so the caller retries all of them.

        Raises HorizonMoved if the horizon of names has passed `bound` (`storage.retention.beyond`).
        """
        ...
