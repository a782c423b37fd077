"""The processes of the simulated year, each with its own connection and a clock that the simulation sets."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection as Pipe
from typing import Final, NamedTuple

import pytest

from flowledger import Storage
from flowledger.domain import streams
from flowledger.domain.limits import DEFAULT_LIMITS
from flowledger.workers import recorder
from flowledger.workers.entries import Entry
from tests.year.life import LATE_DAYS, Execution

BEGIN: Final = datetime(2025, 1, 6, tzinfo=UTC)
"""The first day of the year: a Monday."""
_BATCH: Final = 500


class Days(NamedTuple):
    """A day of the year, or a few, and the numbers of the executions that begin then."""

    number: int
    many: int
    first: int
    last: int

    @property
    def begins(self) -> datetime:
        return BEGIN + timedelta(days=self.number)

    @property
    def length(self) -> timedelta:
        return timedelta(days=self.many)


class Recorded(NamedTuple):
    """What a recorder did on a day: counts, and the longest time that a batch took, in seconds."""

    recorded: int
    repeated: int
    dead: int
    longest: float

    def with_(self, other: Recorded) -> Recorded:
        """Return the sums, and the longer of both times."""
        counts = self.recorded + other.recorded, self.repeated + other.repeated, self.dead + other.dead
        return Recorded(*counts, max(self.longest, other.longest))


def events_of(days: Days, part: int, parts: int, per_day: int) -> list[bytes]:
    """Return the events of some days, of each so many-th execution: its own, and those that come late."""
    begun = [Execution(number) for number in range(days.first, days.last) if number % parts == part]
    gap = days.length / max(1, len(begun) + 1)
    found = [event for place, one in enumerate(begun) for event in one.events(days.begins + place * gap)]
    late = range(max(0, days.first - LATE_DAYS * per_day), max(0, days.last - LATE_DAYS * per_day))
    found += [
        Execution(number).late_event(days.begins)
        for number in late
        if number % parts == part and Execution(number).is_late
    ]
    return found


def record_days(pipe: Pipe, url: str, part: int, parts: int, per_day: int) -> None:
    """Record the days that come through the pipe, and answer each with `Recorded`, until None comes."""
    with Storage.open(url) as storage:
        recording = recorder.Recorder(storage, DEFAULT_LIMITS)
        while (days := pipe.recv()) is not None:
            pipe.send(_record(recording, days, events_of(days, part, parts, per_day)))


def record_at(storage: Storage, events: Sequence[bytes], at: datetime) -> Recorded:
    """Record events at a time of the simulated clock."""
    return _recorded(recorder.Recorder(storage, DEFAULT_LIMITS), events, at, 0)


def _record(recording: recorder.Recorder, days: Days, events: Sequence[bytes]) -> Recorded:
    total = Recorded(0, 0, 0, 0.0)
    for first in range(0, len(events), _BATCH):
        at = days.begins + days.length * (first / len(events))
        total = total.with_(_recorded(recording, events[first : first + _BATCH], at, first))
    return total


def _recorded(recording: recorder.Recorder, events: Sequence[bytes], at: datetime, first: int) -> Recorded:
    entries = [
        Entry(f"{first + place + 1}-0", [streams.FIELD.encode(), event], place % 8)
        for place, event in enumerate(events)
    ]
    began = time.monotonic()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recorder, "now", lambda: at)  # the simulated clock
        outcome = recording.record(entries)
    return Recorded(outcome.recorded, outcome.repeated, outcome.dead, time.monotonic() - began)
