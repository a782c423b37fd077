"""A scratch database: the tables that the merge rule fills, in a temporary SQLite file, to compute rows anew.

The writes are those of the ledger itself (`storage.merge`), so there is one rule and one place for it. The file has no
name, so nothing is left of it, even where the process is killed; it is never committed, let alone flushed. Memory is
bounded by SQLite's page cache.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Any, Final, Self

from sqlalchemy import NullPool, create_engine
from sqlalchemy.schema import CreateTable

from flowledger.domain.errors import LedgerError
from flowledger.storage.engines.sqlite import statement_of
from flowledger.storage.kinds import MERGED
from flowledger.storage.merge.writes import Removal, Write

_NAMES: Final = frozenset(table.name for table in MERGED)
_CACHE_KIB: Final = 65_536
_STATEMENTS: Final = 1024
"""Kept ready: events come in some hundred shapes."""


class NoRoom(LedgerError):
    """The disk has no room for the scratch database."""


class Scratch:
    """The scratch database; it takes about as much disk as the rows that are computed."""

    def __init__(self) -> None:
        self._engine = create_engine("sqlite://", poolclass=NullPool, creator=_connect)
        self.connection = self._engine.connect()
        for table in MERGED:
            self.connection.execute(CreateTable(table))
        self._driver: Any = self.connection.connection.driver_connection

    def write(self, writes: Iterable[Write | Removal]) -> None:
        """Does the writes of one event to these tables; raises sqlite3.IntegrityError and its like where it cannot."""
        try:
            for write in writes:
                if write.table not in _NAMES:
                    continue
                sql, binds = statement_of(write.shape)
                self._driver.execute(sql, dict(zip(binds, write.values, strict=True)))
        except sqlite3.OperationalError as error:
            raise NoRoom(f"the scratch database: {error}; TMPDIR names a folder with more room") from error

    def execute(self, sql: str, *rows: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        """A statement on tables of the caller's own."""
        if len(rows) > 1:
            self._driver.executemany(sql, rows)
            return []
        found: list[tuple[Any, ...]] = self._driver.execute(sql, *rows).fetchall()
        return found

    def clear(self) -> None:
        """Takes all rows out of the tables that the merge rule fills."""
        for table in MERGED:
            self._driver.execute(f"DELETE FROM {table.name}")  # noqa: S608 - our own names

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()
        self._engine.dispose()


def _connect() -> sqlite3.Connection:
    """SQLite's own kind of temporary database, in the folder that TMPDIR names (or /var/tmp)."""
    connection = sqlite3.connect("", cached_statements=_STATEMENTS)
    connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
    return connection
