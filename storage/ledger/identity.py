"""The ledger's own row: its id, its broker, and when that was served last (docs/decisions/0033)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import BigInteger, CheckConstraint, Column, Integer, Table, Text, update

from flowledger.domain.errors import LedgerError
from flowledger.domain.times import now
from flowledger.storage.repository import Repository
from flowledger.storage.schema.columns import metadata
from flowledger.storage.schema.types import UtcTime

TABLE: Final = Table(
    "ledger",
    metadata,
    Column("one", Integer, primary_key=True, autoincrement=False, server_default="1"),
    Column("id", Text, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    # What the broker holds in `ledger:broker`, and what it held before a change that may not be complete.
    Column("broker", Text),
    Column("former", Text),
    # The place of the broker when it was served last: its process, and the number of its database.
    Column("place", Text),
    Column("beats", BigInteger, nullable=False, server_default="0"),
    Column("seen_at", UtcTime),
    Column("alarm", Text),
    Column("alarm_at", UtcTime),
    CheckConstraint("one = 1", name="one"),
)
"""One row, made by the migration: a copy of the database is a copy of this ledger."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """A ledger: `broker` is what its Redis holds in `ledger:broker`, None before the first one.

    `place` is where that Redis was when it was served last, `beats` how often it was seen, `seen_at` when last.
    `former` is what it held before `broker`: if it still does, the change is not complete.
    """

    id: str
    created_at: datetime
    broker: str | None
    former: str | None
    place: str | None
    beats: int
    seen_at: datetime | None
    alarm: str | None
    alarm_at: datetime | None


class LedgerRepository(Repository[Ledger]):
    table = TABLE
    record = Ledger

    def get(self) -> Ledger:
        """Return the one row. Raises LedgerError if somebody deleted it."""
        found = self._one(self._select())
        if found is None:
            raise LedgerError("the table `ledger` has no row: this database is incomplete; restore it from a backup")
        return found

    def pair(self, broker: str, place: str, *, instead_of: str | None, former: str | None, alarm: str | None) -> bool:
        """Make `broker` the ledger's own. Return False if the former is no longer `instead_of`: another was faster."""
        values: dict[str, object] = {"broker": broker, "place": place, "former": former}
        if alarm is not None:
            values |= {"alarm": alarm, "alarm_at": now()}
        same = TABLE.c.broker.is_not_distinct_from(instead_of)
        return self.connection.execute(update(TABLE).where(same).values(values)).rowcount == 1

    def alarm(self, words: str) -> None:
        """Store an alarm, which `status` shows."""
        self.connection.execute(update(TABLE).values(alarm=words, alarm_at=now()))

    def beat(self, broker: str, place: str) -> None:
        """Record that the ledger's broker is served, and where it is."""
        values = {"beats": TABLE.c.beats + 1, "seen_at": now(), "place": place, "former": None}
        self.connection.execute(update(TABLE).where(TABLE.c.broker == broker).values(values))
