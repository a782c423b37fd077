"""The year, day by day: two processes record while rounds of retention run, and the sizes of tables are noted."""

from __future__ import annotations

import multiprocessing
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from multiprocessing.connection import Connection as Pipe
from typing import Final, NamedTuple

from sqlalchemy import text

from flowledger import Storage
from flowledger.domain.keeping import Keeping
from flowledger.services.retention.rounds import Maintenance
from flowledger.storage.kinds import MERGED
from flowledger.storage.retention.holds import Held, Hold, HoldRepository
from flowledger.storage.schema.partitions import AHEAD_WEEKS, make_partitions
from tests.year.life import EVENTS_EACH, HELD_WORKSPACE
from tests.year.recording import BEGIN, Days, Recorded, record_days

DAYS: Final = 365
RECORDERS: Final = 2
KEEPING: Final = Keeping(texts=30, rows=90, unfinished=120, names=180, logs=90, metrics=90, audit=90, drains=90)

PARTS: Final[dict[str, tuple[str, ...]]] = {
    "names": ("events",),
    "texts": ("event_texts",),
    "rows": tuple(table.name for table in MERGED if table.name not in ("task_logs", "metrics", "audit_logs")),
    "log lines, points, audit lines": ("task_logs", "metrics", "audit_logs"),
}
"""The tables of each area of the picture."""


class Sizes(NamedTuple):
    """The bytes of each of `PARTS`, with indexes, at the end of a day, and how many events were recorded until then."""

    day: int
    recorded: int
    bytes: dict[str, int]


class Year(NamedTuple):
    """What was seen."""

    sizes: list[Sizes]
    recorded: Recorded
    longest_alone: float
    """The longest that a batch took while no round was running, in seconds; `recorded.longest` is of all."""
    seconds: float


def simulate(storage: Storage, url: str, events: int, say: Callable[[Sizes], None], *, at_once: int = 1) -> Year:
    """Record `events` events over a year, under `KEEPING` and a hold, so many days `at_once`."""
    each = per_day(events)
    with storage.writing() as connection:
        hold = Hold(what=Held.WORKSPACE, id=HELD_WORKSPACE, why="simulated", added_by="tests.year", added_at=BEGIN)
        HoldRepository(connection).add(hold)
    sizes: list[Sizes] = []
    total, alone, began = Recorded(0, 0, 0, 0.0), 0.0, time.monotonic()
    with _recorders(url, each) as pipes:
        for place, number in enumerate(range(0, DAYS, at_once)):
            until = min(DAYS, number + at_once)
            days = Days(number, until - number, number * each, until * each)
            round_ = threading.Thread(target=_round, args=(storage, days.begins + days.length))
            # Each other time no round runs: its batches show what a round costs.
            for pipe in pipes:
                pipe.send(days)
            if is_beside := place % 2 == 1:
                round_.start()
            done = [pipe.recv() for pipe in pipes]
            if is_beside:
                round_.join()
            else:
                alone = max(alone, *(one.longest for one in done))
            for one in done:
                total = total.with_(one)
            sizes.append(_sizes(storage, until, total.recorded))
            say(sizes[-1])
    _round(storage, days.begins + days.length)
    return Year(sizes, total, alone, time.monotonic() - began)


def per_day(events: int) -> int:
    """Return how many executions begin on a day, of so many events in a year."""
    return max(RECORDERS, events // DAYS // EVENTS_EACH)


def _round(storage: Storage, at: datetime) -> None:
    """Run one round, at a time of the simulated clock, and make partitions as workers do."""
    with storage.writing() as connection:
        make_partitions(connection, at, AHEAD_WEEKS)
    while Maintenance(storage, KEEPING, clock=lambda: at).turn().ended_at is None:
        pass


@contextmanager
def _recorders(url: str, each: int) -> Iterator[list[Pipe]]:
    context = multiprocessing.get_context("spawn")
    ends = [context.Pipe() for _ in range(RECORDERS)]
    processes = [
        context.Process(target=record_days, args=(theirs, url, part, RECORDERS, each), daemon=True)
        for part, (_, theirs) in enumerate(ends)
    ]
    for process in processes:
        process.start()
    try:
        yield [ours for ours, _ in ends]
        for ours, _ in ends:
            ours.send(None)
        for process in processes:
            process.join(30)
    finally:
        for process in processes:
            process.kill()


_SIZES: Final = text("""
    SELECT p.relname, coalesce(sum(pg_total_relation_size(t.relid)), 0)::bigint
    FROM pg_class p CROSS JOIN LATERAL pg_partition_tree(p.oid) t
    WHERE p.relname = ANY (:names) AND p.relkind = 'p' AND t.isleaf GROUP BY 1
    UNION ALL
    SELECT relname, pg_total_relation_size(oid) FROM pg_class
    WHERE relname = ANY (:names) AND relkind = 'r' AND NOT relispartition
""")


def _sizes(storage: Storage, day: int, recorded: int) -> Sizes:
    names = [name for part in PARTS.values() for name in part]
    with storage.reading() as connection:
        rows = connection.execute(_SIZES, {"names": names})
        found: dict[str, int] = {row[0]: row[1] for row in rows}
    return Sizes(day, recorded, {part: sum(found.get(name, 0) for name in names) for part, names in PARTS.items()})
