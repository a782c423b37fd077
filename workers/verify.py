"""Compare every row with the journal (CONTRACT §6, `verify`).

All events of the journal are recorded anew, by the recorder's own writes, into a scratch database; then the tables are
walked side by side in the order of their keys. Both happen in one snapshot, so workers may go on recording. Memory is
bounded: rows stream, the scratch database is a file, and what is to be mended is written down there too.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, Table, func, select

from flowledger.domain.times import sortable
from flowledger.storage import tables
from flowledger.storage.kinds import MERGED
from flowledger.storage.kinds.metrics import SUM_TABLES
from flowledger.storage.ledger.event_texts import nameless
from flowledger.storage.replay import plain
from flowledger.storage.replay.plain import Pair, PlainRow
from flowledger.storage.replay.scratch import Scratch
from flowledger.storage.retention import departed, horizons
from flowledger.storage.schema.partitions import is_partitioned
from flowledger.storage.transactions import releasing, snapshot
from flowledger.storage.unit_of_work import Storage
from flowledger.storage.weekly import by_week
from flowledger.workers.damage import Damage
from flowledger.workers.recompute import Column, Difference, Kind, Tell, journal_of, recompute
from flowledger.workers.repair import Mended, repair

_TELL_EVERY: Final = 256
_WEEKLY: Final = tuple(filter(is_partitioned, tables.metadata.tables.values()))
_NAMELESS: Final = "no event of the journal has this text"


@dataclass(slots=True)
class Report:
    """What was found: `first` are the first differences of `differences` in all. `mended` is None without a repair.

    The texts of `gone` events, about `gone_subjects` subjects, are gone: rows of these are neither judged nor repaired.
    Of `erased` ones among them only the name is left. Nor are `aged` rows judged, which differ, and may have gone by
    age, and sums of metrics from before the horizon of names, if names are gone: their subjects are among these, too.
    """

    events: int = 0
    rows: int = 0
    gone: int = 0
    gone_subjects: int = 0
    aged: int = 0
    erased: int = 0
    differences: int = 0
    by_table: dict[str, int] = field(default_factory=dict)
    first: list[Difference] = field(default_factory=list)
    mended: Mended | None = None
    seconds: float = 0.0

    @property
    def is_well(self) -> bool:
        """Whether all rows that can be judged are now as the journal says."""
        return self.differences == 0 or (self.mended is not None and self.mended.left == 0)


def verify(
    storage: Storage, *, mend: bool = False, most: int = 20, tell: Tell = lambda _phase, _done, _total: None
) -> Report:
    """Recompute every row from the journal and compare; with `mend`, repair what differs.

    Up to `most` differences are reported one by one. Raises DatabaseUnavailable, and NoRoom if the folder of
    temporary files (TMPDIR) cannot take the rows a second time.
    """
    began = time.monotonic()
    with Scratch() as scratch:
        verification = Verification(scratch, most, tell)
        with snapshot(storage, *_WEEKLY) as connection:
            verification.recompute(connection)
            verification.compare(connection)
        report = verification.report()
        if mend and report.differences:
            report.mended = repair(storage, scratch, verification.damage, tell)
    report.seconds = round(time.monotonic() - began, 3)
    return report


class Verification:
    """One comparison of a snapshot with the scratch database."""

    def __init__(self, scratch: Scratch, most: int, tell: Tell) -> None:
        self.damage = Damage(scratch)
        self._scratch = scratch
        self._most = most
        self._tell = tell
        self._events = 0
        self._gone = 0
        self._aged = 0
        self._stand: dict[str, datetime] = {}
        self._erased = 0
        self._rows = 0
        self._horizon = ""
        self._by_table: Counter[str] = Counter()
        self._first: list[Difference] = []

    def recompute(self, connection: Connection) -> None:
        """Record the journal anew in the scratch database, and compare its own columns on the way."""
        total = _count(connection, tables.events)
        self._stand = horizons.read(connection)
        before = horizons.of_wholes(self._stand)
        with closing(journal_of(connection)) as journal:
            for row, difference in recompute(journal, self._scratch):
                self._events += 1
                self.damage.of_aged(row, before)
                if row.is_gone:
                    self._gone += 1
                    self._erased += row.is_erased
                    self.damage.of_gone(row)
                if difference is not None:
                    self._found(difference)
                    self.damage.of_journal(row, difference)
                if self._events % _TELL_EVERY == 0:
                    self._tell("recompute", self._events, total)
        self._look_for_nameless(connection)
        self._tell("recompute", total, total)

    def _look_for_nameless(self, connection: Connection) -> None:
        """Report texts of which the journal has no event: somebody has changed what finds them."""
        if _count(connection, tables.event_texts) > self._events - self._gone:
            for key in nameless(connection):
                self.damage.damaged_events += 1
                self._found(Difference("event_texts", key, Kind.DAMAGED, detail=_NAMELESS))

    def compare(self, connection: Connection) -> None:
        """Walk the tables of the database and of the scratch database side by side."""
        total = sum(_count(connection, table) for table in MERGED)
        if departed.read(connection, tables.events):
            self._horizon = sortable(horizons.read(connection)["names"])
        for table in MERGED:
            for where in by_week(connection, table):
                expected = plain.rows(self._scratch.connection, table, where)
                found = plain.rows(connection, table, where)
                with releasing(connection), closing(found), closing(expected):
                    for pair in plain.differing(table, self._counted(found, total), expected):
                        self._compare(table, pair)
        self._tell("compare", total, total)

    def _compare(self, table: Table, pair: Pair) -> None:
        if self._is_sum_before_horizon(table, pair):
            self.damage.of_gone_sum(table, pair)
        if self.damage.is_gone(table, pair):
            return
        if self.damage.is_aged(table, pair, horizons.of_events(self._stand, table)):
            self._aged += 1
            return
        known = self.damage.of_row(table, pair)
        self._found(difference_of(table, pair) if known else Difference(table.name, pair.key, Kind.UNDECIDED))

    def _is_sum_before_horizon(self, table: Table, pair: Pair) -> bool:
        start = [column.name for column in table.c].index("start") if table in SUM_TABLES else None
        return start is not None and (pair.found or pair.expected or ())[start] < self._horizon

    def report(self) -> Report:
        by_table = dict(self._by_table)
        return Report(
            events=self._events,
            rows=self._rows,
            gone=self._gone,
            gone_subjects=self.damage.gone(),
            aged=self._aged,
            erased=self._erased,
            differences=sum(by_table.values()),
            by_table=by_table,
            first=self._first,
        )

    def _counted(self, rows: Iterator[PlainRow], total: int) -> Iterator[PlainRow]:
        for row in rows:
            self._rows += 1
            if self._rows % _TELL_EVERY == 0:
                self._tell("compare", self._rows, total)
            yield row

    def _found(self, difference: Difference) -> None:
        self._by_table[difference.table] += 1
        if len(self._first) < self._most:
            self._first.append(difference)


def difference_of(table: Table, pair: Pair) -> Difference:
    """Return what differs between the two rows of a pair."""
    if pair.found is None or pair.expected is None:
        return Difference(table.name, pair.key, Kind.MISSING if pair.found is None else Kind.UNEXPECTED)
    names = [column.name for column in table.c]
    places = [names.index(name) for name in plain.differing_columns(table, pair.found, pair.expected)]
    columns = (Column(names[place], pair.found[place], pair.expected[place]) for place in places)
    return Difference(table.name, pair.key, Kind.DIFFERENT, tuple(columns))


def _count(connection: Connection, table: Table) -> int:
    with releasing(connection):
        return connection.execute(select(func.count()).select_from(table)).scalar_one()
