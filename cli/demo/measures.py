"""What is measured in a run, and how: events a second, and latencies."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, func, select

from flowledger.domain.errors import LedgerError
from flowledger.storage import tables

AT_WORK: Final = "work"
AT_REST: Final = "rest"
"""When a latency was measured: while all agents worked, and after they had ended."""

_JOURNAL = tables.events
_DEAD = tables.dead_letters


@dataclass(frozen=True, slots=True)
class Recorded:
    """How many events of some sources stand in the journal, and when the first and the last were recorded."""

    count: int
    first: datetime | None
    last: datetime | None

    @property
    def seconds(self) -> float:
        return 0.0 if self.first is None or self.last is None else (self.last - self.first).total_seconds()


@dataclass(frozen=True, slots=True)
class Latency:
    """How many milliseconds something took, in `probes` tries."""

    probes: int
    p50_ms: float
    p99_ms: float


@dataclass(frozen=True, slots=True)
class Measures:
    """The figures of a run.

    The rate is what the agents gave the ledger to do from the first execution on, the watcher's events left out. The
    latency is from when `publish` returned to when a read of the database found the event.
    """

    published: int
    recorded: int
    dead_letters: int
    seconds: float
    events_per_second: float
    longest_backlog: int
    latency_at_work: Latency
    latency_at_rest: Latency


def recorded(connection: Connection, sources: Sequence[str], since: datetime | None = None) -> Recorded:
    """What the journal has of these sources, or what of it was recorded since then."""
    columns = (func.count(), func.min(_JOURNAL.c.recorded_at), func.max(_JOURNAL.c.recorded_at))
    statement = select(*columns).where(_JOURNAL.c.source.in_(sources))
    if since is not None:
        statement = statement.where(_JOURNAL.c.recorded_at >= since)
    return Recorded(*connection.execute(statement).one())


def dead_letters(connection: Connection, sources: Sequence[str]) -> int:
    """How many dead letters there are of these sources."""
    statement = select(func.count()).select_from(_DEAD).where(_DEAD.c.source.in_(sources))
    return connection.execute(statement).scalar_one()


def latency(milliseconds: Sequence[float]) -> Latency:
    """Percentiles by nearest rank: values that were really measured; raises LedgerError where there are none."""
    if not milliseconds:
        raise LedgerError("the demo measured no latency: the work was over before the first probe came back")
    return Latency(len(milliseconds), _percentile(milliseconds, 50), _percentile(milliseconds, 99))


def between(times: Iterable[tuple[datetime, datetime | None]]) -> Latency:
    """The latency of what began and ended at these times, where it did end; raises as `latency` does."""
    return latency([round((end - began).total_seconds() * 1000, 3) for began, end in times if end is not None])


def _percentile(values: Sequence[float], percent: int) -> float:
    return sorted(values)[math.ceil(percent / 100 * len(values)) - 1]
