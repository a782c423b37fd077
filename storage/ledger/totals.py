"""Totals of what was ever recorded, kept in memory: the first look counts all, each later one only what is new."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import chain
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Float, Select, func, literal_column, select, text

from flowledger.domain.errors import LedgerError
from flowledger.domain.measures import Measures
from flowledger.domain.times import now
from flowledger.storage.ledger.drains import TABLE as DRAINS
from flowledger.storage.ledger.journal import TABLE as EVENTS
from flowledger.storage.ledger.marks import Growth
from flowledger.storage.retention import departed_sums, horizons
from flowledger.storage.retention.departed import TABLE as DEPARTED
from flowledger.storage.unit_of_work import Storage

_BUCKETS: Final = {
    "postgresql": "jsonb_each(drains.measures) measure, jsonb_each("
    "(measure.value -> 'counts') || jsonb_build_object('sum', measure.value -> 'sum')) bucket",
    "sqlite": "json_each(drains.measures) measure, json_each("
    "json_set(json_extract(measure.value, '$.counts'), '$.sum', json_extract(measure.value, '$.sum'))) bucket",
}
"""The histograms of drains as rows: their names, and their counts by bounds, with their sums among these."""
_VALUE: Final = {"postgresql": "(bucket.value::text)::double precision", "sqlite": "bucket.value"}
OUTCOMES: Final = ("recorded", "repeated", "dead")
"""The columns of `drains` that count entries."""


_CLOCKS_DIFFER: Final = timedelta(hours=1)


class StillCounting(LedgerError):
    """The first count of a table is under way; look again later."""


class _Patient:
    """Lets one thread look at a time. The first look at a large table takes long; others need not wait for it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    @contextmanager
    def turn(self, seconds: float) -> Iterator[None]:
        """Raise StillCounting if another thread is still looking after that time; below 0: wait for it."""
        if not self._lock.acquire(timeout=seconds):
            raise StillCounting("the first count of a table is under way; look again later")
        try:
            yield
        finally:
            self._lock.release()


class EventTotals(_Patient):
    """How many events of each type were ever recorded, with those whose names are gone (`retention.departed`)."""

    def __init__(self, storage: Storage) -> None:
        super().__init__()
        counted = select(EVENTS.c.type, func.count()).group_by(EVENTS.c.type)
        self._growth = Growth(storage, EVENTS, counted, departed=select(DEPARTED.c.type, DEPARTED.c["count"]))
        self._counts: Counter[str] = Counter()
        self._looked: datetime | None = None

    def look(self, patience_seconds: float = -1) -> dict[str, int]:
        """Return the numbers by type. Raises DatabaseUnavailable, and StillCounting if another look takes longer."""
        with self.turn(patience_seconds):
            began = now()
            is_all, (rows, *departed) = self._growth.look(self._is_behind)
            if is_all:
                self._counts.clear()
            for type_, count in chain(rows, *departed):
                self._counts[type_] += count
            self._looked = began
            return dict(self._counts)

    def _is_behind(self, connection: Connection) -> bool:
        """Return whether names of events that were recorded after the last look may be gone."""
        horizon = horizons.read(connection).get("names")
        return horizon is not None and self._looked is not None and horizon > self._looked - _CLOCKS_DIFFER


@dataclass(slots=True)
class DrainSums:
    """What all drains did together: the numbers of entries by outcome, and the histograms."""

    entries: Counter[str] = field(default_factory=Counter)
    measures: Measures = field(default_factory=Measures)


class DrainTotals(_Patient):
    """The sums over the table `drains`, with those of its rows that went (`storage.retention.drains`)."""

    def __init__(self, storage: Storage) -> None:
        super().__init__()
        asked = _outcomes(), _buckets(storage.engine.dialect.name)
        self._growth = Growth(storage, DRAINS, *asked, departed=departed_sums.of(DRAINS))
        self._sums = DrainSums()

    def look(self, patience_seconds: float = -1) -> DrainSums:
        """Return the sums. Raises as `EventTotals.look`."""
        with self.turn(patience_seconds):
            is_all, ((outcomes,), buckets, *departed) = self._growth.look()
            if is_all:
                self._sums = DrainSums()
            for (gone,) in chain.from_iterable(departed):
                self._sums.entries.update({name: gone[name] for name in OUTCOMES})
                self._sums.measures.add_json(gone["measures"])
            self._sums.entries.update({name: int(count) for name, count in zip(OUTCOMES, outcomes, strict=True)})
            self._sums.measures.add_json(_histograms(buckets))
            return deepcopy(self._sums)


def _outcomes() -> Select[Any]:
    return select(*(func.coalesce(func.sum(DRAINS.c[name]), 0) for name in OUTCOMES))


def _buckets(dialect: str) -> Select[Any]:
    columns: list[ColumnElement[Any]] = [literal_column("measure.key"), literal_column("bucket.key")]
    total = func.sum(literal_column(_VALUE[dialect], Float()))
    return select(*columns, total).select_from(DRAINS, text(_BUCKETS[dialect])).group_by(*columns)


def _histograms(rows: Any) -> dict[str, dict[str, Any]]:
    """Return the rows in the form of `Measures.to_json`."""
    found: dict[str, dict[str, Any]] = {}
    for name, bound, value in rows:
        histogram = found.setdefault(name, {"counts": {}, "sum": 0.0})
        if bound == "sum":
            histogram["sum"] = value
        else:
            histogram["counts"][bound] = value
    return found
