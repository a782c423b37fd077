"""Which due times are fired now: those on time, and of those that passed unseen what `missed` says."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import islice
from typing import Final, NamedTuple

from flowledger.services.schedules.timing import Timing

GRACE: Final = timedelta(minutes=1)
"""A due time that is no later is on time: a worker may have been started anew meanwhile."""
MOST_MISSED: Final = 1_000
"""The most due times that `all` makes up for, the last ones."""
DEFAULT: Final = "last"
"""What a schedule does that says nothing of missed times: one execution makes up for them, and nothing floods."""
_LEAST: Final = timedelta(microseconds=1)


class Step(NamedTuple):
    """Due times to fire now, in order, and the moment up to which none is left after that."""

    times: list[datetime]
    done_until: datetime


def step(
    timing: Timing, done_until: datetime, *, now: datetime, seen_since: datetime, missed: str | None, most: int
) -> Step:
    """Return the first `most` due times after `done_until` that are to be fired now.

    A due time is missed if it came more than a minute before `seen_since`, since when a scheduler has looked at this
    schedule. However long a look takes, what came since then is not missed. Raises as `Timing.next` does.
    """
    seen_from = max(done_until, min(seen_since - GRACE - _LEAST, now))
    times: list[datetime] = []
    policy = missed or DEFAULT
    if seen_from > done_until and policy != "skip":
        times += timing.last(done_until, seen_from, 1 if policy == "last" else MOST_MISSED)
    times = times[:most]
    if len(times) < most:
        times += islice(timing.between(seen_from, now), most - len(times))
    return Step(times, times[-1] if len(times) == most else max(done_until, now))
