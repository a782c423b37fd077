"""A common axis of time, and bars on it, in percent of its width: drawn by the server, without a style or a script."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, NamedTuple

_LEAST: Final = 0.25
"""Percent of the axis that a bar takes at least, so that it can be seen."""
_SHORTEST: Final = timedelta(milliseconds=1)
_TICKS: Final = 6
_STEPS: Final = tuple(
    unit * step
    for unit, steps in (
        (0.001, (1, 2, 5, 10, 20, 50, 100, 200, 500)),
        (1, (1, 2, 5, 10, 15, 30)),
        (60, (1, 2, 5, 10, 15, 30)),
        (3600, (1, 2, 3, 6, 12)),
        (86400, (1, 2, 7, 14, 30, 90, 365, 3650, 36500, 365000)),
    )
    for step in steps
)
"""Seconds between two marks of the axis."""


class Tick(NamedTuple):
    """A mark of the axis: where it is, and how long after its begin."""

    at: float
    words: str


class Span(NamedTuple):
    """A part of a bar: where it begins, and how wide it is."""

    at: float
    width: float


@dataclass(frozen=True, slots=True)
class Axis:
    """From one time to a later one."""

    begin: datetime
    end: datetime

    @classmethod
    def of(cls, begin: datetime, *times: datetime | None) -> Axis:
        """Return the axis that holds all of these times."""
        known = [begin, *(time for time in times if time is not None)]
        first, last = min(known), max(known)
        if last - first >= _SHORTEST:
            return cls(first, last)
        first = min(first, datetime.max.replace(tzinfo=first.tzinfo) - _SHORTEST)
        return cls(first, first + _SHORTEST)

    @property
    def seconds(self) -> float:
        """Return how long it is."""
        return (self.end - self.begin).total_seconds()

    def place(self, time: datetime) -> float:
        """Return where a time is, 0 to 100."""
        return round(min(max((time - self.begin).total_seconds() / self.seconds, 0.0), 1.0) * 100, 3)

    def span(self, begin: datetime, end: datetime | None) -> Span:
        """Return the part from one time to another; without an end it goes on to the end of the axis."""
        at = self.place(begin)
        width = (100.0 if end is None else self.place(end)) - at
        at = min(at, 100 - _LEAST)
        return Span(at, round(max(width, _LEAST), 3))

    def ticks(self) -> list[Tick]:
        """Return the marks, some at round distances from the begin."""
        step = next((step for step in _STEPS if self.seconds / step <= _TICKS), self.seconds)
        count = int(self.seconds / step)
        return [
            Tick(round(number * step / self.seconds * 100, 3), _words(number * step)) for number in range(count + 1)
        ]


def _words(seconds: float) -> str:
    if not seconds:
        return "0"
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    parts, left = [], round(seconds, 3)
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)):
        count, left = (left, 0) if unit == "s" else divmod(left, size)
        if count:
            parts.append(f"{count:g} {unit}")
    return " ".join(parts)
