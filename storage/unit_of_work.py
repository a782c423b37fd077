"""The unit of work: one transaction per event, many of them in one round trip (DESIGN, point 5).

`UnitOfWork` collects; `flush` hands what was collected to the database's pipeline, which runs each transaction by itself.
The writes of an event happen only where its journal row is new, so what was recorded before is told, not done again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol, Self

from sqlalchemy import Connection, Engine

from domain.errors import DatabaseUnavailable, LedgerError
from storage.groups import Write


class Transaction(NamedTuple):
    """What is committed together: an event's journal row and its writes, or (`journal` is None) a dead letter."""

    journal: tuple[str | int | None, ...] | None
    writes: Sequence[Write]


class CheckpointRow(NamedTuple):
    """The last entry of a stream; its transaction ends each flush, and makes all before it durable."""

    stream: str
    entry_id: str
    recorded_at: str


class Unrecordable(LedgerError):
    """The database refuses a transaction for good: doing the same again would end the same."""


class Pipeline(Protocol):
    """How a database runs many transactions at once."""

    def run(self, transactions: Sequence[Transaction], checkpoint: CheckpointRow) -> list[int]:
        """Commits each transaction by itself, in order, durably; returns the places of those whose event was known.

        Raises Unrecordable where the database refuses one for good, DatabaseUnavailable where it is away or busy; the
        ones before it may be committed, so the caller does all of them again.
        """
        ...


class UnitOfWork:
    """Collects transactions, then flushes them in one round trip."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._transactions: list[Transaction] = []

    def add(self, transaction: Transaction) -> None:
        self._transactions.append(transaction)

    def flush(self, stream: str, entry_id: str, at: str) -> list[int]:
        """Commits what was collected and the stream's checkpoint; see `Pipeline.run` for what is returned and raised."""
        transactions, self._transactions = self._transactions, []
        return self._pipeline.run(transactions, CheckpointRow(stream, entry_id, at))


class Storage:
    """The database as the rest of Flowledger sees it: units of work to write by, connections to read by."""

    def __init__(self, engine: Engine) -> None:
        from storage.postgresql import PostgresqlPipeline
        from storage.sqlite import SqlitePipeline

        self.engine = engine
        self._pipeline: Pipeline = (
            PostgresqlPipeline(engine) if engine.dialect.name == "postgresql" else SqlitePipeline(engine)
        )

    def unit_of_work(self) -> UnitOfWork:
        return UnitOfWork(self._pipeline)

    def reading(self) -> Connection:
        """A connection for reads, to be used in a `with`; see `storage.repositories`."""
        return self.engine.connect()

    def close(self) -> None:
        """Closes the pool's connections; used ones when they are given back."""
        self.engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


__all__ = ["CheckpointRow", "DatabaseUnavailable", "Pipeline", "Storage", "Transaction", "UnitOfWork", "Unrecordable"]
