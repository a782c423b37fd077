"""The unit of work: one transaction per event, many of them in one round trip (docs/architecture.md).

`UnitOfWork` collects; `flush` hands what was collected to the database's pipeline, which runs each transaction by
itself. The writes of an event happen only where its journal row is new, so what was recorded before is told, not done
again.
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
from flowledger.storage.engines.engine import BEGIN_IMMEDIATE, words
from flowledger.storage.engines.pipeline import CheckpointRow, Flushed, Pipeline, Transaction
from flowledger.storage.engines.postgresql import PostgresqlPipeline, autocommitting
from flowledger.storage.engines.sqlite import SqlitePipeline
from flowledger.storage.ledger import checkpoints

_LOOK_AGAIN_SECONDS: Final = 0.2


class UnitOfWork:
    """Collects transactions, then flushes them in one round trip."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._transactions: list[Transaction] = []

    def add(self, transaction: Transaction) -> None:
        self._transactions.append(transaction)

    def flush(self, checkpoints: Sequence[CheckpointRow]) -> Flushed:
        """Commits what was collected, and the streams' checkpoints; returns and raises what `Pipeline.run` does."""
        transactions, self._transactions = self._transactions, []
        return self._pipeline.run(transactions, checkpoints)


class Storage:
    """The database as the rest of Flowledger sees it: units of work to write by, connections to read by."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._pipeline: Pipeline = (
            PostgresqlPipeline(engine) if engine.dialect.name == "postgresql" else SqlitePipeline(engine)
        )

    def unit_of_work(self) -> UnitOfWork:
        return UnitOfWork(self._pipeline)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection for reads; raises DatabaseUnavailable if the database is unavailable."""
        try:
            with self.engine.connect() as connection:
                yield connection
        except (DBAPIError, PoolTimeout) as error:
            raise DatabaseUnavailable(words(error)) from error

    @contextmanager
    def looking(self) -> Iterator[Connection]:
        """As `reading`, for statements that need no common transaction: one round trip each, and none around them."""
        with self.reading() as connection:
            if connection.dialect.name != "postgresql":
                yield connection
            else:
                with autocommitting(connection):
                    yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction for reads and writes, committed at the end; raises DatabaseUnavailable as `reading` does.

        On SQLite, where rows cannot be locked, it is the only one that writes.
        """
        try:
            with self.engine.connect().execution_options(**{BEGIN_IMMEDIATE: True}) as connection, connection.begin():
                yield connection
        except (DBAPIError, PoolTimeout) as error:
            raise DatabaseUnavailable(words(error)) from error

    def is_well(self, within_seconds: float) -> bool:
        """Whether the database answers now, or does so within that time: it may be starting again."""
        until = time.monotonic() + within_seconds
        while True:
            with suppress(DatabaseUnavailable), self.reading() as connection:
                connection.execute(select(checkpoints.TABLE.c.stream).limit(1)).all()
                return True
            if time.monotonic() >= until:
                return False
            time.sleep(_LOOK_AGAIN_SECONDS)

    def close(self) -> None:
        """Closes the pool's connections; used ones when they are given back."""
        self.engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
