"""Tries to sign in, counted by key for a while: what slows them down, for all processes alike.

A row is added at the first try, and expires. Each try deletes some that have expired, and now and then the table is cut
to `MOST_ROWS`, the ones that expire first going first: whoever tries a million e-mail addresses does not fill a disk.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import BigInteger, Column, Connection, Index, Table, case, delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from flowledger.storage.schema.columns import metadata
from flowledger.storage.schema.types import Name, UtcTime

TABLE: Final = Table(
    "sign_in_tries",
    metadata,
    Column("key", Name, primary_key=True),
    Column("tries", BigInteger, nullable=False),
    Column("free_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
    Index("ix_sign_in_tries_expires_at", "expires_at"),
)

MOST_ROWS: Final = 100_000
_CUT_EVERY: Final = 64
"""A count of the rows costs some milliseconds: one try in so many pays for it."""
_AT_ONCE: Final = 20
_MOST_DOUBLINGS: Final = 30
"""More of them do not fit into a timedelta."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast tries with one key may follow: `free` at once, then 1 s, 2 s, 4 s … up to `longest` between them."""

    free: int
    longest: timedelta
    forgotten_after: timedelta = timedelta(days=1)

    def wait_after(self, tries: int) -> timedelta:
        """Return how long after so many tries the next one has to wait."""
        doublings = min(tries - self.free, _MOST_DOUBLINGS)
        return timedelta() if doublings < 0 else min(timedelta(seconds=2**doublings), self.longest)


class TryRepository:
    """Counts tries; use it in a transaction of `Storage.writing`, with keys in the same order everywhere."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def count(self, key: str, pace: Pace, at: datetime) -> timedelta:
        """Count a try. Return how long it has to wait: then it was not counted, and must not be made.

        The row stays locked until the transaction ends, so of many tries at once only those that are free pass. They
        may come in another order than their times `at`, for each was taken before, perhaps by another clock.
        """
        tries = self._connection.execute(_counted(self._connection.dialect.name, key, pace, at)).scalar_one_or_none()
        if tries is None:
            free_at: datetime = self._connection.execute(select(TABLE.c.free_at).where(TABLE.c.key == key)).scalar_one()
            return min(max(free_at - at, timedelta(microseconds=1)), pace.longest)
        free = update(TABLE).where(TABLE.c.key == key).values(free_at=at + pace.wait_after(tries))
        self._connection.execute(free)
        return timedelta()

    def forget(self, key: str) -> None:
        """Forget all tries with a key."""
        self._connection.execute(delete(TABLE).where(TABLE.c.key == key))

    def take_back(self, key: str, at: datetime) -> None:
        """Take back one try."""
        counted = (TABLE.c.key == key) & (TABLE.c.tries > 0)
        self._connection.execute(update(TABLE).where(counted).values(tries=TABLE.c.tries - 1, free_at=at))

    def clear(self, at: datetime, most_rows: int = MOST_ROWS) -> None:
        """Delete some rows that have expired; now and then, those that are too many."""
        self._delete(select(TABLE.c.key).where(TABLE.c.expires_at <= at), _AT_ONCE)
        if secrets.randbelow(_CUT_EVERY) == 0:
            self.cut(most_rows)

    def cut(self, most_rows: int = MOST_ROWS) -> None:
        """Delete the rows beyond so many."""
        rows = self._connection.execute(select(func.count()).select_from(TABLE)).scalar_one()
        if rows > most_rows:
            self._delete(select(TABLE.c.key), rows - most_rows)

    def _delete(self, keys: Any, most: int) -> None:
        """Delete the first of these to expire; what another transaction counts now is left alone."""
        first = keys.order_by(TABLE.c.expires_at).limit(most).with_for_update(skip_locked=True)
        self._connection.execute(delete(TABLE).where(TABLE.c.key.in_(first)))


def _counted(dialect: str, key: str, pace: Pace, at: datetime) -> Any:
    """Return the upsert that counts a try if the key is free, and then returns the number of tries."""
    expires_at = at + pace.forgotten_after
    insert = (postgresql if dialect == "postgresql" else sqlite).insert(TABLE)
    begun = insert.values(key=key, tries=1, free_at=at, expires_at=expires_at)
    tries = case((TABLE.c.expires_at <= at, 1), else_=TABLE.c.tries + 1)
    return begun.on_conflict_do_update(
        index_elements=["key"],
        set_={"tries": tries, "expires_at": expires_at},
        where=(TABLE.c.tries < pace.free) | (TABLE.c.free_at <= at) | (TABLE.c.expires_at <= at),
    ).returning(TABLE.c.tries)
