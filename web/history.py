"""The last hour, minute by minute, as drains have measured it: how much was recorded, and how long it took."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from sqlalchemy import Connection

from flowledger.domain.measures import LATENCY_SECONDS, Histogram
from flowledger.domain.records import DrainRecord
from flowledger.domain.times import now
from flowledger.storage.ledger.drains import DrainRepository
from flowledger.storage.paging import MAX_LIMIT

MINUTES: Final = 60
_PAGES: Final = 5


@dataclass(slots=True)
class Minute:
    """What drains that ended in this minute have done."""

    begins: datetime
    recorded: int = 0
    dead: int = 0
    latency: Histogram = field(default_factory=lambda: Histogram(LATENCY_SECONDS))


class History(NamedTuple):
    """The minutes, the oldest first. If `is_cut`, there were too many drains to read those of the first minutes."""

    minutes: list[Minute]
    is_cut: bool


def history(connection: Connection, at: datetime | None = None) -> History:
    """Return the last hour, by at most five queries of 1,000 drains each."""
    end = (at or now()).replace(second=0, microsecond=0) + timedelta(minutes=1)
    begin = end - timedelta(minutes=MINUTES)
    drains: list[DrainRecord] = []
    cursor: str | None = None
    for _ in range(_PAGES):
        page = DrainRepository(connection).newest(since=begin, limit=MAX_LIMIT, after=cursor)
        drains += page.items
        cursor = page.cursor
        if cursor is None:
            break
    return History(minutes(drains, begin), cursor is not None)


def minutes(drains: Iterable[DrainRecord], begin: datetime) -> list[Minute]:
    """Return the hour from `begin` on, with what these drains did."""
    found = [Minute(begin + timedelta(minutes=number)) for number in range(MINUTES)]
    for drain in drains:
        place = int((drain.ended_at - begin) / timedelta(minutes=1))
        if 0 <= place < MINUTES:
            minute = found[place]
            minute.recorded += drain.recorded
            minute.dead += drain.dead
            if "latency_seconds" in drain.measures:
                minute.latency.add_json(drain.measures["latency_seconds"])
    return found


def quantile(histogram: Histogram, share: float) -> float | None:
    """Return the value below which this share of the values lies, as well as buckets tell; None if there are none.

    Within its bucket a value is taken to lie in proportion; above the last bound, at that bound.
    """
    bounds: Sequence[float] = histogram.bounds
    wanted, below = share * sum(histogram.counts), 0.0
    if not wanted:
        return None
    for bucket, count in enumerate(histogram.counts):
        if below + count >= wanted and count:
            if bucket == len(bounds):
                return bounds[-1]
            least = bounds[bucket - 1] if bucket else 0.0
            return least + (bounds[bucket] - least) * (wanted - below) / count
        below += count
    return bounds[-1]
