"""A scratch database: the tables that the merge rule fills, in a temporary SQLite file, to compute rows again.

The writes are those of the ledger itself (`storage.merge`), so there is one rule in one place. The file has no name, so
nothing is left of it, even if the process is killed; it is never committed or flushed. Memory is bounded by SQLite's
page cache.
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
from flowledger.storage.merge.additions import make_functions
from flowledger.storage.merge.writes import Removal, Write

_NAMES: Final = frozenset(table.name for table in MERGED)
_CACHE_KIB: Final = 65_536
_STATEMENTS: Final = 1024
"""Statements in the cache: events have some hundred shapes."""


class NoRoom(LedgerError):
    """The disk has no space for the scratch database."""


class Scratch:
    """The scratch database; it takes about as much disk space as the computed rows."""

    def __init__(self) -> None:
        self._engine = create_engine("sqlite://", poolclass=NullPool, creator=_connect)
        self.connection = self._engine.connect()
        for table in MERGED:
            self.connection.execute(CreateTable(table))
        self._driver: Any = self.connection.connection.driver_connection

    def write(self, writes: Iterable[Write | Removal]) -> None:
        """Do the writes of one event to these tables.

        Raises NoRoom if the disk is full, sqlite3.IntegrityError and the like if a row breaks a rule.
        """
        try:
            for write in writes:
                if write.table not in _NAMES:
                    continue
                sql, binds = statement_of(write.shape)
                self._driver.execute(sql, dict(zip(binds, write.values, strict=True)))
        except sqlite3.OperationalError as error:
            raise NoRoom(f"the scratch database: {error}; set TMPDIR to a folder with more space") from error

    def execute(self, sql: str, *rows: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        """Execute a statement on the caller's own tables, once for each of several `rows`. Return the rows found."""
        if len(rows) > 1:
            self._driver.executemany(sql, rows)
            return []
        found: list[tuple[Any, ...]] = self._driver.execute(sql, *rows).fetchall()
        return found

    def clear(self) -> None:
        """Delete all rows of the tables that the merge rule fills."""
        for table in MERGED:
            self._driver.execute(f"DELETE FROM {table.name}")  # noqa: S608 - our own names

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()
        self._engine.dispose()


def _connect() -> sqlite3.Connection:
    """Open SQLite's own kind of temporary database, in the folder that TMPDIR names (or /var/tmp)."""
    connection = sqlite3.connect("", cached_statements=_STATEMENTS)
    connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
    make_functions(connection)
    return connection
