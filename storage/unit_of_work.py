"""The unit of work: one transaction per event, many of them in one round trip (docs/architecture.md).

`UnitOfWork` collects; `flush` passes the collected transactions to the database's pipeline, which runs each by itself.
The writes of an event happen only if its journal row is new, so an event that was recorded before is reported, not
written again.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Final, Self

from sqlalchemy import Connection, Engine, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from flowledger.domain.errors import DatabaseUnavailable
from flowledger.storage.engines.engine import BEGIN_IMMEDIATE, as_unavailable, make_engine, settings_of
from flowledger.storage.engines.partitions import PartitionMaking
from flowledger.storage.engines.pipeline import CheckpointRow, Flushed, Pipeline, Transaction
from flowledger.storage.engines.postgresql import PostgresqlPipeline, autocommitting
from flowledger.storage.engines.sqlite import SqlitePipeline
from flowledger.storage.ledger import checkpoints
from flowledger.storage.retention.beyond import KnownBound

_LOOK_AGAIN_SECONDS: Final = 0.2


class UnitOfWork:
    """Collects transactions, then flushes them in one round trip."""

    def __init__(self, pipeline: Pipeline, known: KnownBound) -> None:
        self._pipeline = pipeline
        self._known = known
        self._transactions: list[Transaction] = []

    def add(self, transaction: Transaction) -> None:
        self._transactions.append(transaction)

    def flush(self, checkpoints: Sequence[CheckpointRow], bound: str | None = None) -> Flushed:
        """Commit the collected transactions and the streams' checkpoints. Returns and raises as `Pipeline.run` does."""
        transactions, self._transactions = self._transactions, []
        try:
            return self._pipeline.run(transactions, checkpoints, bound)
        except DatabaseUnavailable:
            self._known.forget()
            raise


class Storage:
    """The database for the rest of Flowledger: units of work to write, connections to read."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._pipeline: Pipeline = (
            PartitionMaking(engine, PostgresqlPipeline(engine))
            if engine.dialect.name == "postgresql"
            else SqlitePipeline(engine)
        )
        self._bound = KnownBound()

    @classmethod
    def open(cls, url: str | None = None) -> Self:
        """Return the database of this URL, or of `DATABASE_URL`; the other settings are the environment's.

        Raises SettingsError. Close it at the end, or use it in a `with` statement.
        """
        return cls(make_engine(settings_of(url)))

    def unit_of_work(self) -> UnitOfWork:
        return UnitOfWork(self._pipeline, self._bound)

    def bound(self) -> str:
        """Return the bound from before which events are compared with the horizon of names.

        Raises DatabaseUnavailable.
        """
        known = self._bound.known()
        if known is None:
            with self.looking() as connection:
                known = self._bound.get(connection)
        return known

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Yield a connection for reads. Raises DatabaseUnavailable if the database is unavailable."""
        try:
            with self.engine.connect() as connection:
                yield connection
        except (DBAPIError, PoolTimeout) as error:
            raise as_unavailable(error) from error

    @contextmanager
    def looking(self) -> Iterator[Connection]:
        """Yield a connection as `reading`, for statements that need no common transaction: one round trip each."""
        with self.reading() as connection:
            if connection.dialect.name != "postgresql":
                yield connection
            else:
                with autocommitting(connection):
                    yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Yield a transaction for reads and writes, committed at the end. Raises DatabaseUnavailable as `reading` does.

        On SQLite, where rows cannot be locked, no other transaction writes meanwhile.
        """
        try:
            with self.engine.connect().execution_options(**{BEGIN_IMMEDIATE: True}) as connection, connection.begin():
                yield connection
        except (DBAPIError, PoolTimeout) as error:
            raise as_unavailable(error) from error

    def is_well(self, within_seconds: float) -> bool:
        """Return whether the database replies within that time: it may be restarting."""
        until = time.monotonic() + within_seconds
        while True:
            with suppress(DatabaseUnavailable), self.reading() as connection:
                connection.execute(select(checkpoints.TABLE.c.stream).limit(1)).all()
                return True
            if time.monotonic() >= until:
                return False
            time.sleep(_LOOK_AGAIN_SECONDS)

    def close(self) -> None:
        """Close the pool's connections; those in use are closed once they are returned."""
        self.engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
