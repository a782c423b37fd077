"""Metrics of the growth of the ledger, and of retention."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from prometheus_client import Metric

from flowledger.storage.retention.rounds import Round, telling
from flowledger.workers.metrics import families
from flowledger.workers.status.growth import Growth

_DAY_SECONDS: Final = 86_400


def of_growth(found: Growth, last: Sequence[Round]) -> Iterator[Metric]:
    """Yield the metrics, with those of the last rounds of retention, the newest first; what is not known is missing."""
    yield families.SIZE.of({part.name: part.bytes for part in found.parts})
    yield families.ROWS.of({part.name: part.rows for part in found.parts if part.rows is not None})
    grown = {
        (part.name, over): value
        for part in found.parts
        for over, value in (("day", part.last_day), ("week", part.last_week))
        if value is not None
    }
    yield families.GROWTH.of(grown)
    ahead = {one.name: one.ahead_days * _DAY_SECONDS for one in found.weeks if one.ahead_days is not None}
    yield families.AHEAD.of(ahead)
    yield families.OLDEST_KEPT.of({one.name: one.oldest.timestamp() for one in found.weeks if one.oldest is not None})
    yield families.LATE.of({one.name: one.late_days * _DAY_SECONDS for one in found.weeks})
    most = telling(last)
    yield families.ROUND.at(last[0].last_at.timestamp() if last else 0)
    yield families.WAITS.at(0 if most is None else len(most.waits))
    if found.holds is not None:
        yield families.HOLDS.at(found.holds)
