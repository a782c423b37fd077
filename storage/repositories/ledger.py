"""The ledger's own row: its id, its broker, when it was served last (docs/decisions/0033)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import update

from flowledger.domain.errors import LedgerError
from flowledger.domain.times import now
from flowledger.storage import tables
from flowledger.storage.repositories.base import Repository

_TABLE = tables.ledger


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """A ledger: `broker` is what its Redis holds in `ledger:broker`, None before the first one.

    `place` says where that Redis was when it was served last, `beats` counts how often it was seen so, `seen_at` says
    when last. `former` is what it held before `broker`: where it still does, the change has not come to its end.
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
    table = _TABLE
    record = Ledger

    def get(self) -> Ledger:
        """The one row; raises LedgerError where somebody has taken it away."""
        found = self._one(self._select())
        if found is None:
            raise LedgerError("the table `ledger` has no row: this database is not whole; restore it from a backup")
        return found

    def pair(self, broker: str, place: str, *, instead_of: str | None, former: str | None, alarm: str | None) -> bool:
        """Make `broker` the ledger's own; False if it is not `instead_of` any more, for somebody else was faster."""
        values: dict[str, object] = {"broker": broker, "place": place, "former": former}
        if alarm is not None:
            values |= {"alarm": alarm, "alarm_at": now()}
        same = _TABLE.c.broker.is_not_distinct_from(instead_of)
        return self.connection.execute(update(_TABLE).where(same).values(values)).rowcount == 1

    def alarm(self, words: str) -> None:
        """Keep what people should know, for `status`."""
        self.connection.execute(update(_TABLE).values(alarm=words, alarm_at=now()))

    def beat(self, broker: str, place: str) -> None:
        """Note that the ledger's broker is being served, and where it is."""
        values = {"beats": _TABLE.c.beats + 1, "seen_at": now(), "place": place, "former": None}
        self.connection.execute(update(_TABLE).where(_TABLE.c.broker == broker).values(values))
