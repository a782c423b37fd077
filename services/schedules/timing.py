"""When a schedule is due: its expression, zone and bounds, as pure functions of time (docs/contract/schedules.md).

Due times are whole seconds, in UTC.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from flowledger.domain import json_text
from flowledger.domain.kinds.schedules import Schedule
from flowledger.domain.times import written_time
from flowledger.services.schedules.cron import next_time
from flowledger.services.schedules.zones import zone

_SECOND: Final = timedelta(seconds=1)
_UNITS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_LONGEST: Final = 10**12
"""Seconds: a longer interval than all of time."""
_FIRST_WINDOW: Final = timedelta(hours=1)
_LEAST: Final = timedelta(microseconds=1)
_FIRST: Final = datetime(2, 1, 1, tzinfo=UTC)
"""No due time is before it: zones and margins reach back by hours, and the calendar begins with the year 1."""


@dataclass(frozen=True, slots=True)
class Timing:
    """What the due times of a schedule depend on. `counts_from` is where intervals begin.

    Due times are at or after `starts_at`, and before `ends_at`. They are in the years 2 to 9999, whatever the bounds.
    """

    expression: str
    timezone: str
    starts_at: datetime | None
    ends_at: datetime | None
    counts_from: datetime

    @classmethod
    def of(cls, schedule: Schedule) -> Timing | None:
        """Return the timing of a schedule; None if it has no expression."""
        if schedule.expression is None:
            return None
        counts_from = schedule.starts_at or schedule.created_at
        zone_name = schedule.timezone or "UTC"
        return cls(schedule.expression, zone_name, schedule.starts_at, schedule.ends_at, counts_from)

    def text(self) -> str:
        """Return a text that is the same for the same due times."""
        bounds = [None if time is None else written_time(time) for time in (self.starts_at, self.ends_at)]
        said = [self.expression, self.timezone, *bounds]
        return json_text.dumps([*said, written_time(self.counts_from)] if self._interval else said)

    def begin(self) -> datetime:
        """Return the moment after which the first due time is."""
        if self.starts_at is None:
            return max(self.counts_from, _FIRST - _SECOND)
        return (max(self.starts_at, _FIRST) - _LEAST).astimezone(UTC).replace(microsecond=0)

    def next(self, after: datetime) -> datetime | None:
        """Return the first due time after `after`; None if there is none.

        Raises LookupError if the time zone is unknown, ValueError if the expression cannot be read.
        """
        after = max(after, _FIRST - _SECOND if self.starts_at is None else self.begin())
        found = self._next_of_interval(after) if self._interval else self._next_of_cron(after)
        return None if found is None or (self.ends_at is not None and found >= self.ends_at) else found

    def between(self, after: datetime, until: datetime) -> Iterator[datetime]:
        """Yield the due times after `after`, up to and with `until`. Raises as `next` does."""
        due = self.next(after)
        while due is not None and due <= until:
            yield due
            due = self.next(due)

    def last(self, after: datetime, until: datetime, most: int) -> list[datetime]:
        """Return the last due times after `after`, up to and with `until`: `most` of them, in order.

        Raises as `next` does.
        """
        span = (most + 1) * self._interval
        if 0 < span < (until - after).total_seconds():
            after = until - timedelta(seconds=span)
        window = _FIRST_WINDOW
        while True:
            begin = max(after, until - window) if window < until - after else after
            found = deque(self.between(begin, until), maxlen=most)
            if begin == after or len(found) == most:
                return list(found)
            window *= 4

    @property
    def _interval(self) -> int:
        """The seconds of an interval; 0 for five fields of cron."""
        number, unit = self.expression[:-1], self.expression[-1:]
        if not (number.isascii() and number.isdigit() and unit in _UNITS):
            return 0
        return min(int(number[-13:]) * _UNITS[unit] if len(number.lstrip("0")) < 13 else _LONGEST, _LONGEST)

    def _next_of_interval(self, after: datetime) -> datetime | None:
        first = 0 if self.starts_at is not None else 1
        try:
            base = _whole(self.counts_from)
            number = max(first, (after - base) // timedelta(seconds=self._interval) + 1)
            return base + timedelta(seconds=number * self._interval)
        except OverflowError:  # beyond the year 9999
            return None

    def _next_of_cron(self, after: datetime) -> datetime | None:
        return next_time(self.expression, zone(self.timezone), after)


def _whole(time: datetime) -> datetime:
    """Return the first whole second at or after `time`. Raises OverflowError if it is after the year 9999."""
    whole = time.astimezone(UTC).replace(microsecond=0)
    return whole if whole == time else whole + _SECOND
